/** dnsmasq as the DNS server of the test zone. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findProgram, freePort, Program } from "../proxy/program.js";

export const DNSMASQ = "dnsmasq";

/** The default name. */
export const NAME = "_twirp._tcp.example.test";

export interface SrvRecord {
  /** @default NAME */
  readonly name?: string;
  /** A host without its last dot. Empty means the root, which says that the service does not exist. */
  readonly target: string;
  readonly port: number;
  /** @default 0 */
  readonly priority?: number;
  /** @default 1 */
  readonly weight?: number;
}

export class RunningDnsmasq {
  #program: Program | undefined;

  private constructor(
    private readonly file: string,
    private readonly directory: string,
    private readonly port: number,
  ) {}

  /** Starts a new process, and resolves when it answers. */
  static async start(records: readonly SrvRecord[]): Promise<RunningDnsmasq> {
    const file = findProgram(DNSMASQ);
    if (file === undefined) throw new Error(`${DNSMASQ} is not installed`);
    const directory = await mkdtemp(join(tmpdir(), "twirp-failover-dnsmasq-"));
    const dnsmasq = new RunningDnsmasq(file, directory, await freePort());
    try {
      await dnsmasq.serve(records);
    } catch (error) {
      await dnsmasq.stop();
      throw error;
    }
    return dnsmasq;
  }

  /** The address in the form that `resolver` takes. */
  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Serves these records on the same port from now on. It starts a new process, because no signal reloads SRV records. */
  async serve(records: readonly SrvRecord[]): Promise<void> {
    await this.kill();
    const path = join(this.directory, "dnsmasq.conf");
    await writeFile(path, configOf(this.port, this.#log, records));
    this.#program = await Program.start(this.file, ["--no-daemon", `--conf-file=${path}`], [this.port]);
  }

  /** The number of queries for the SRV records of a name. */
  async queries(name = NAME): Promise<number> {
    const log = await readFile(this.#log, "utf8").catch(() => "");
    return log.split("\n").filter((line) => line.includes(`query[SRV] ${name} `)).length;
  }

  /** Ends the process at once. Its port then refuses until `serve` is called. */
  async kill(): Promise<void> {
    await this.#program?.stop("SIGKILL");
    this.#program = undefined;
  }

  async stop(): Promise<void> {
    await this.kill();
    await rm(this.directory, { recursive: true, force: true });
  }

  get #log(): string {
    return join(this.directory, "log");
  }
}

/** `local`: a name without a record does not exist, and the query is not forwarded. */
function configOf(port: number, log: string, records: readonly SrvRecord[]): string {
  return `
port=${port}
listen-address=127.0.0.1
bind-interfaces
no-resolv
no-hosts
local=/test/
local=/consul/
log-queries
log-facility=${log}
${records.map(lineOf).join("\n")}
`;
}

function lineOf({ name = NAME, target, port, priority = 0, weight = 1 }: SrvRecord): string {
  return target === "" ? `srv-host=${name}` : `srv-host=${name},${target},${port},${priority},${weight}`;
}

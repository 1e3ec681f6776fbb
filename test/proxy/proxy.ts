/** What the tests need from any reverse proxy. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findProgram, freePort, Program } from "./program.js";

/**
 * How a frontend treats the requests for its upstream.
 *
 * - `patient`: passes them on and waits without a limit.
 * - `persistent`: the same, and keeps the connections on both sides open for later requests. All others close them
 *   after each answer, so that no test uses a connection from the test before it.
 * - `impatient`: answers 504 when the upstream is silent for `IMPATIENCE_MS`.
 * - `limited`: passes on one request a minute for each `API_KEY_HEADER`, and answers 429 to the others.
 * - `capped`: answers 413 to bodies longer than `BODY_LIMIT`.
 * - `intercepting`: replaces any 404 with its own page, including a handler's `not_found`.
 * - `maintenance`: passes nothing on, and answers 503 with a page and `Retry-After`.
 */
export type Manner = (typeof MANNERS)[number];

export const MANNERS = [
  "patient",
  "persistent",
  "impatient",
  "limited",
  "capped",
  "intercepting",
  "maintenance",
] as const;

export const IMPATIENCE_MS = 100;
export const API_KEY_HEADER = "x-api-key";
export const BODY_LIMIT = 1_024;
export const RETRY_AFTER_SECONDS = 120;
export const NOT_FOUND_PAGE = "<html><body><h1>No such page</h1></body></html>";
export const MAINTENANCE_PAGE = "<html><body><h1>Back soon</h1></body></html>";

export interface Frontend {
  readonly port: number;
  readonly upstreamPort: number;
  readonly manner: Manner;
}

/** A proxy program, and how to configure it for these frontends. */
export interface ProxyProgram {
  readonly name: string;
  readonly command: string;
  /** Its answer when nothing listens upstream. */
  readonly refusedStatus: 502 | 503;
  /** Its answer when the upstream closes a connection that was used before; `undefined` if it does not answer. */
  readonly reusedStatus: 502 | undefined;
  /** @param directory where it may write. */
  config(frontends: readonly Frontend[], directory: string): string;
  /** The arguments for a process that stays in the foreground. */
  args(configPath: string, directory: string): readonly string[];
}

export class RunningProxy {
  private constructor(
    private readonly program: Program,
    private readonly directory: string,
    private readonly frontends: readonly Frontend[],
  ) {}

  /** Starts a new process, and resolves when it listens. */
  static async start(
    { name, command, config, args }: ProxyProgram,
    wanted: readonly Omit<Frontend, "port">[],
  ): Promise<RunningProxy> {
    const file = findProgram(command);
    if (file === undefined) throw new Error(`${name} is not installed`);
    const frontends: Frontend[] = [];
    for (const frontend of wanted) frontends.push({ ...frontend, port: await freePort() });

    const directory = await mkdtemp(join(tmpdir(), `twirp-failover-${command}-`));
    const configPath = join(directory, `${command}.conf`);
    try {
      await writeFile(configPath, config(frontends, directory));
      const ports = frontends.map(({ port }) => port);
      return new RunningProxy(await Program.start(file, args(configPath, directory), ports), directory, frontends);
    } catch (error) {
      await rm(directory, { recursive: true, force: true });
      throw error;
    }
  }

  /** The base URL for calls through the frontend with this manner and upstream. */
  url(manner: Manner, upstreamPort: number): string {
    const found = this.frontends.find((each) => each.manner === manner && each.upstreamPort === upstreamPort);
    if (found === undefined) throw new Error(`there is no ${manner} frontend for port ${upstreamPort}`);
    return `http://127.0.0.1:${found.port}/twirp`;
  }

  /** Ends the process at once, even during requests. */
  kill(): Promise<void> {
    return this.program.stop("SIGKILL");
  }

  async stop(): Promise<void> {
    await this.program.stop();
    await rm(this.directory, { recursive: true, force: true });
  }
}

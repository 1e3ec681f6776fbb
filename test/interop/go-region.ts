/** A region whose server is the Go one, in a process of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { createInterface } from "node:readline";
import { json } from "node:stream/consumers";
import { inject } from "vitest";

/** A request as the Go server noted it. */
export interface Received {
  readonly path: string;
  readonly idempotencyKey: string;
  /** Did it get as far as a handler? Only then is its id known. */
  readonly ran: boolean;
  readonly requestId: string;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const STOPS_WITHIN_MS = 5_000;

export class GoRegion {
  readonly url: string;
  #forgotten = 0;

  private constructor(
    readonly id: string,
    readonly origin: string,
    private readonly child: ChildProcess,
    private readonly exited: Promise<Exit>,
  ) {
    this.url = `${origin}/twirp`;
  }

  /**
   * Resolves once it listens. It calls itself by its id in its answers.
   *
   * @param faults does it fail as the name of a room says?
   */
  static async start(id: string, faults = true): Promise<GoRegion> {
    const server = inject("goServer");
    if ("missing" in server) throw new Error(server.missing);
    const args = ["-listen", "127.0.0.1:0", "-region", id, "-record", `-faults=${faults}`];
    const child = spawn(server.binary, args, { stdio: ["ignore", "pipe", "pipe"] });
    const kill = () => void child.kill("SIGKILL");
    // For a test process that ends without its afterAll.
    process.once("exit", kill);
    // Not "exit": only then all that the process held is closed, its port too.
    const exited = once(child, "close").then(([code, signal]) => {
      process.off("exit", kill);
      return { code, signal };
    });
    let said = "";
    child.stderr.on("data", (chunk) => {
      said = (said + chunk).slice(-4_000);
    });
    const lines = createInterface(child.stdout);
    const ended = exited.then(() => Promise.reject(new Error(`the Go server ended: ${said || "it said nothing"}`)));
    const [address] = await Promise.race([once(lines, "line"), ended]);
    ended.catch(() => {});
    return new GoRegion(id, `http://${address}`, child, exited);
  }

  get pid(): number {
    return this.child.pid as number;
  }

  /** The requests since `forget`, or since the start, in their order. */
  async received(): Promise<Received[]> {
    return (await this.#all()).slice(this.#forgotten);
  }

  async forget(): Promise<void> {
    this.#forgotten = (await this.#all()).length;
  }

  /** Ends the process and resolves when it is gone. May be called twice. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<Exit> {
    const killing = setTimeout(() => this.child.kill("SIGKILL"), STOPS_WITHIN_MS);
    this.child.kill(signal);
    const exit = await this.exited;
    clearTimeout(killing);
    return exit;
  }

  /** Not by `fetch`: tests replace it, and its connections would be there for the calls to find. */
  async #all(): Promise<Received[]> {
    const [response] = (await once(get(`${this.origin}/received`, { agent: false }), "response")) as [IncomingMessage];
    return ((await json(response)) as Received[] | null) ?? [];
  }
}

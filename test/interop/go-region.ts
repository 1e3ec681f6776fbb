/** A region whose server is the Go server in a separate process. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { createInterface } from "node:readline";
import { json } from "node:stream/consumers";
import { inject } from "vitest";

/** A request as the Go server recorded it. */
export interface Received {
  readonly path: string;
  readonly idempotencyKey: string;
  /** Whether it reached a handler. Only then its id is known. */
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
   * Resolves when it listens. Its answers contain its id.
   *
   * @param faults whether it fails as the name of a room says.
   */
  static async start(id: string, faults = true): Promise<GoRegion> {
    const server = inject("goServer");
    if ("missing" in server) throw new Error(server.missing);
    const args = ["-listen", "127.0.0.1:0", "-region", id, "-record", `-faults=${faults}`];
    const child = spawn(server.binary, args, { stdio: ["ignore", "pipe", "pipe"] });
    const kill = () => void child.kill("SIGKILL");
    // In case the test process ends without its afterAll.
    process.once("exit", kill);
    // Not "exit", because the port is free only when everything that the process held is closed.
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

  /** The requests since `forget`, or since the start, in order. */
  async received(): Promise<Received[]> {
    return (await this.#all()).slice(this.#forgotten);
  }

  async forget(): Promise<void> {
    this.#forgotten = (await this.#all()).length;
  }

  /** Ends the process, and resolves when it has ended. May be called twice. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<Exit> {
    const killing = setTimeout(() => this.child.kill("SIGKILL"), STOPS_WITHIN_MS);
    this.child.kill(signal);
    const exit = await this.exited;
    clearTimeout(killing);
    return exit;
  }

  /** Not with `fetch`, because tests replace it, and calls would reuse its connections. */
  async #all(): Promise<Received[]> {
    const [response] = (await once(get(`${this.origin}/received`, { agent: false }), "response")) as [IncomingMessage];
    return ((await json(response)) as Received[] | null) ?? [];
  }
}

/** The regions' processes: started, killed and started again. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { DemoError } from "./demo-error.js";
import type { RegionMessage } from "./region-process.js";

const PROGRAM = fileURLToPath(new URL("region-process.ts", import.meta.url));
const START_WITHIN_MS = 5_000;

/**
 * Ports are below the range that systems use for outgoing connections (it starts at 32768 or higher).
 * In that range, the port of a killed region could become the local end of another connection, and a client that
 * connects to it could even end up connected to itself.
 */
const PORTS = { from: 20_000, to: 30_000, tries: 10 };

export class RegionProcess {
  readonly recordPath: string;
  #port = 0;
  #child: ChildProcess | undefined;

  constructor(
    readonly id: string,
    directory: string,
    private readonly onLoss: (error: DemoError) => void,
  ) {
    this.recordPath = join(directory, `${id}.executed`);
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/twirp`;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Resolves when the region answers. When it is started again, it keeps its port. */
  async start(): Promise<void> {
    if (this.#port !== 0) {
      const failure = await this.#listenOn(this.#port);
      if (failure !== undefined)
        throw new DemoError(`${this.id} did not start again on port ${this.#port}: ${failure}`);
      return;
    }
    let failure: string | undefined;
    for (let i = 0; i < PORTS.tries; i++) {
      const port = PORTS.from + Math.floor(Math.random() * (PORTS.to - PORTS.from));
      failure = await this.#listenOn(port);
      if (failure === undefined) {
        this.#port = port;
        return;
      }
      if (failure !== "EADDRINUSE") break;
    }
    throw new DemoError(`${this.id} did not start: ${failure}`);
  }

  /** Ends the process like a power cut: it cannot finish anything. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || !isAlive(child)) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }

  /** The same without waiting, for when the demo itself is about to end. */
  killNow(): void {
    this.#child?.kill("SIGKILL");
    this.#child = undefined;
  }

  /** Resolves with a description of the failure, if there was one. */
  async #listenOn(port: number): Promise<string | undefined> {
    // `fork` runs the Node that runs us, with the flags that we were given: `--import tsx`.
    const child = fork(PROGRAM, [this.id, String(port), this.recordPath], {
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    this.#child = child;
    let complaint = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      complaint = (complaint + text).slice(-2_000);
    });

    let timer: NodeJS.Timeout | undefined;
    const failure = await new Promise<string | undefined>((resolve) => {
      timer = setTimeout(() => resolve(`no sign of life within ${START_WITHIN_MS / 1000} s`), START_WITHIN_MS);
      child.on("message", (message: RegionMessage) => resolve("failed" in message ? message.failed : undefined));
      child.on("error", (error) => resolve(error.message));
      child.on("close", (code, signal) => resolve(endOf(code, signal, complaint)));
    });
    clearTimeout(timer);
    if (failure !== undefined) {
      this.killNow();
      return failure;
    }
    child.on("close", (code, signal) => {
      if (child === this.#child) this.onLoss(new DemoError(`${this.id} ${endOf(code, signal, complaint)}`));
    });
    return undefined;
  }
}

export class Fleet {
  readonly regions: readonly [home: RegionProcess, ...others: RegionProcess[]];
  /** Rejects if a region ends without being killed by the demo. */
  readonly loss: Promise<never>;
  readonly #directory: string;

  constructor(home: string, ...others: string[]) {
    this.#directory = mkdtempSync(join(tmpdir(), "twirp-failover-demo-"));
    const { promise, reject } = withReject();
    this.loss = promise;
    const region = (id: string) => new RegionProcess(id, this.#directory, reject);
    this.regions = [region(home), ...others.map(region)];
  }

  async start(): Promise<void> {
    await Promise.all(this.regions.map((region) => region.start()));
  }

  /** Ends all remaining regions at once, because it may be called while the process exits. */
  destroy(): void {
    for (const region of this.regions) region.killNow();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

function isAlive(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

function endOf(code: number | null, signal: NodeJS.Signals | null, complaint: string): string {
  const how = signal ? `was ended by ${signal}` : `ended by itself, with exit code ${code}`;
  return complaint === "" ? how : `${how}:\n${complaint.trimEnd()}`;
}

function withReject() {
  let reject: (error: DemoError) => void = () => {};
  const promise = new Promise<never>((_, rejectIt) => {
    reject = rejectIt;
  });
  promise.catch(() => {}); // It may not be awaited yet.
  return { promise, reject };
}

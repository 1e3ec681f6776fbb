/** The regions' processes. */
import { type ChildProcess, fork } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { FromRegion, RegionRecord, RegionStart, ToRegion } from "./region-process.js";

const PROGRAM = fileURLToPath(new URL("region-process.ts", import.meta.url));
/** By path, because a name would be resolved from the working directory. */
const TSX = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;

const IDS = ["home", "second", "third"] as const;
const ANSWER_WITHIN_MS = 20_000;

/**
 * Below the range that systems use for outgoing connections (it starts at 32768 or higher). While a region refuses, its
 * port is free, and must not become the local end of another connection.
 */
const PORTS = { from: 20_000, to: 30_000, tries: 10 };

export interface FleetRegion {
  readonly id: string;
  readonly origin: string;
  /** The base URL for calls. */
  readonly url: string;
}

interface Running {
  readonly id: string;
  readonly port: number;
  readonly child: ChildProcess;
}

/** The record of a region. */
export interface Sighting extends RegionRecord {
  readonly region: string;
  readonly port: number;
}

export class Fleet {
  readonly #running: Running[] = [];
  readonly #onExit = () => this.#killAll();
  /** Rejects if a region ends by itself. */
  readonly loss: Promise<never>;
  #lost: (error: Error) => void = () => {};

  private constructor() {
    this.loss = new Promise((_, reject) => {
      this.#lost = reject;
    });
    this.loss.catch(() => {}); // It may not be awaited yet.
    process.once("exit", this.#onExit);
  }

  static async start(seed: number): Promise<Fleet> {
    const fleet = new Fleet();
    try {
      await Promise.all(IDS.map((id, region) => fleet.#start({ id, region, regions: IDS.length, seed })));
      return fleet;
    } catch (error) {
      fleet.destroy();
      throw error;
    }
  }

  /** In the order of preference. */
  get regions(): readonly FleetRegion[] {
    return IDS.map((id) => {
      const origin = `http://127.0.0.1:${this.#running.find((region) => region.id === id)?.port}`;
      return { id, origin, url: `${origin}/twirp` };
    });
  }

  /** Starts the regions' outages. */
  begin(): void {
    const list = this.regions.map(({ id, origin }) => ({ region: id, url: origin }));
    this.#tellAll({ beginAt: Date.now(), list });
  }

  /** Resolves when every request has ended in the regions, even if its client has gone. */
  async sightings(): Promise<readonly Sighting[]> {
    const answers = this.#running.map(async ({ id, port, child }) => {
      const message = await answerOf(child);
      if (!("seen" in message)) throw new Error(`${id} did not say what it saw`);
      return { region: id, port, ...message };
    });
    this.#tellAll({ report: true });
    return Promise.all(answers);
  }

  destroy(): void {
    process.off("exit", this.#onExit);
    this.#killAll();
  }

  async #start(start: Omit<RegionStart, "port">): Promise<void> {
    for (let tries = 1; ; tries++) {
      const port = PORTS.from + Math.floor(Math.random() * (PORTS.to - PORTS.from));
      const child = fork(PROGRAM, [JSON.stringify({ ...start, port })], {
        execArgv: ["--import", TSX],
        // Not the environment that a test runner sets for its own workers.
        env: { ...process.env, NODE_OPTIONS: "" },
        stdio: ["ignore", "ignore", "inherit", "ipc"],
      });
      const region: Running = { id: start.id, port, child };
      this.#running.push(region);
      const message = await answerOf(child);
      if ("listening" in message) {
        child.once("exit", (code, signal) => this.#lost(new Error(`${start.id} ended by itself: ${signal ?? code}`)));
        return;
      }
      this.#running.splice(this.#running.indexOf(region), 1);
      child.kill("SIGKILL");
      const failure = "failed" in message ? message.failed : "no sense";
      if (failure !== "EADDRINUSE" || tries === PORTS.tries) throw new Error(`${start.id} did not start: ${failure}`);
    }
  }

  #tellAll(message: ToRegion): void {
    for (const { child } of this.#running) child.send(message);
  }

  #killAll(): void {
    for (const { child } of this.#running.splice(0)) {
      child.removeAllListeners("exit");
      child.kill("SIGKILL");
    }
  }
}

/** The next message of a region. */
function answerOf(child: ChildProcess): Promise<FromRegion> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => settle(new Error("a region did not answer")), ANSWER_WITHIN_MS);
    const onMessage = (message: unknown) => settle(message as FromRegion);
    const onExit = () => settle(new Error("a region ended instead of answering"));
    const settle = (result: FromRegion | Error) => {
      clearTimeout(timer);
      child.off("message", onMessage).off("exit", onExit).off("error", onExit);
      if (result instanceof Error) reject(result);
      else resolve(result);
    };
    child.on("message", onMessage).on("exit", onExit).on("error", onExit);
  });
}

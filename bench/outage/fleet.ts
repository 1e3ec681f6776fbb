/** The regions' processes: started once, opened again for every run, and ended at the end of the benchmark. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Counts, Mode, Order, Reply } from "./region-messages.js";

const PROGRAM = fileURLToPath(new URL("region-process.ts", import.meta.url));
const ANSWER_WITHIN_MS = 15_000;

export type Modes = readonly [home: Mode, second: Mode, third: Mode];

class RegionProcess {
  origin = "";
  // `fork` runs the Node that runs us, with the flags that we were given: `--import tsx`.
  readonly #child: ChildProcess = fork(PROGRAM, { stdio: ["ignore", "inherit", "inherit", "ipc"] });

  constructor(readonly id: string) {}

  async open(): Promise<void> {
    const reply = await this.send({ type: "open" });
    if (reply.type !== "opened") throw new Error(`region ${this.id} did not open: ${JSON.stringify(reply)}`);
    this.origin = reply.origin;
  }

  async counts(): Promise<Counts> {
    const reply = await this.send({ type: "counts" });
    if (reply.type !== "counted") throw new Error(`region ${this.id} did not count`);
    return reply;
  }

  async send(order: Order): Promise<Reply> {
    const reply = once(this.#child, "message", { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
    this.#child.send(order);
    return (await reply)[0] as Reply;
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }
}

export class Fleet {
  readonly #regions = ["home", "second", "third"].map((id) => new RegionProcess(id));

  /** The origins, with home first. */
  get origins(): readonly string[] {
    return this.#regions.map(({ origin }) => origin);
  }

  /** Opens all regions on new ports, so that no client, pool or cache knows them. @param maxAgeSeconds of their list */
  async open(maxAgeSeconds = 60): Promise<void> {
    await this.#all((region) => region.open());
    const regions = this.#regions.map(({ id, origin }, i) => ({ region: id, url: origin, distance: `${i * 1000}` }));
    await this.#all((region) => region.send({ type: "list", regions, maxAgeSeconds }));
  }

  async become(modes: Modes): Promise<void> {
    await this.#all((region, i) => region.send({ type: "mode", mode: modes[i] as Mode }));
  }

  /** The requests that the servers got since they were opened. */
  async received(method: string): Promise<number> {
    const counts = await this.#all((region) => region.counts());
    return counts.reduce((sum, { methods }) => sum + (methods[method] ?? 0), 0);
  }

  /** Ends each process by its own handle. It does not wait, because it may be called while this process ends. */
  destroy(): void {
    for (const region of this.#regions) region.kill();
  }

  #all<T>(task: (region: RegionProcess, i: number) => Promise<T>): Promise<T[]> {
    return Promise.all(this.#regions.map(task));
  }
}

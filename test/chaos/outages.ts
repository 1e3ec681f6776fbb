/** Closes a region's listener and opens it again, according to the seed. */
import type { Server } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { type Connections, nowUs, readAll } from "./connections.js";
import { type Outage, outageOf, SLOT_MS } from "./faults.js";

export interface Place {
  readonly seed: number;
  /** The region's number, and the number of regions. */
  readonly region: number;
  readonly regions: number;
}

const HOST = "127.0.0.1";
/** With this backlog and no process that accepts, already the third connection waits for an answer to its SYN. */
const TINY_BACKLOG = 1;

export class Outages {
  #draining = false;

  constructor(
    private readonly server: Server,
    private readonly port: number,
    private readonly place: Place,
    private readonly connections: Connections,
  ) {}

  /** Whether answers must announce that their connection will be closed. */
  get draining(): boolean {
    return this.#draining;
  }

  /** Never returns. @param beginAt in milliseconds since the epoch, the same for all regions */
  async follow(beginAt: number): Promise<never> {
    const { seed, region, regions } = this.place;
    for (let slot = 0; ; slot++) {
      const slotAt = beginAt + slot * SLOT_MS;
      const outage = outageOf(seed, slot, region, regions);
      if (outage !== undefined) {
        await until(slotAt + outage.fromMs - outage.drainMs);
        this.#draining = outage.drainMs > 0;
        await until(slotAt + outage.fromMs);
        await this.#suffer(outage);
        this.#draining = false;
      }
      await until(slotAt + SLOT_MS);
    }
  }

  listen(backlog?: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.server.once("error", reject);
      this.server.listen({ port: this.port, host: HOST, ...(backlog && { backlog }) }, () => {
        this.server.off("error", reject);
        resolve();
      });
    });
  }

  async #suffer({ kind, forMs }: Outage): Promise<void> {
    await this.#close();
    if (kind === "refuses") {
      await sleep(forMs);
    } else {
      await this.listen(TINY_BACKLOG);
      // The connections are really closed at the end of this turn of the event loop.
      await sleep(1);
      // The process is blocked, so that nothing is accepted, read or answered.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, forMs);
      // First it accepts the connections that waited in the queue.
      await sleep(5);
      await this.#close();
    }
    await this.listen();
  }

  /** Closes the listener and the idle connections; requests under way go on. */
  async #close(): Promise<void> {
    await readAll();
    const atUs = nowUs();
    this.server.close();
    this.connections.noteClosed(atUs);
  }
}

function until(at: number): Promise<void> {
  return sleep(Math.max(0, at - Date.now()));
}

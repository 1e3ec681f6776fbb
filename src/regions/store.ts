/** Region lists that outlive a process, in a store that may be slow, broken, or written to by others. */
import { bounded, type Clock } from "../support/clock.js";
import { messageOf, mustBe, show } from "../support/errors.js";
import type { RegionList } from "./region.js";
import type { RegionSource } from "./source.js";

/** Anything that keeps strings: an instance of Keyv, or a few lines around a file or a Redis client. */
export interface RegionStore {
  /** The value, or a promise of it; `undefined` if there is none. */
  get(key: string): unknown;
  /** Keeps the value. Nothing waits for what it returns. After `ttlMs` milliseconds the value may be forgotten. */
  set(key: string, value: string, ttlMs: number): unknown;
}

/** A week, far longer than a list is current, because in an outage an old list is better than none. */
const KEEP_MS = 7 * 24 * 60 * 60 * 1000;
/** An answer that has not changed is written again after a day, because a store may lose what it has. */
const WRITE_AGAIN_MS = 24 * 60 * 60 * 1000;
/** How long the first request for a list waits for the store. An answer that arrives later still counts. */
const STORE_TIMEOUT_MS = 250;
/** Four times the longest answer that an HTTP source reads, so no list is longer. */
const MAX_CHARACTERS = 256 * 1024;

export class StoredRegions {
  readonly #written = new Map<string, { readonly answer: string; readonly at: number }>();

  /** @throws InvalidOptionError */
  constructor(
    private readonly store: RegionStore,
    private readonly clock: Clock,
  ) {
    for (const method of ["get", "set"] as const) {
      if (typeof store?.[method] !== "function") {
        throw mustBe("RegionCache's store", "an object with get(key) and set(key, value, ttlMs)", store);
      }
    }
  }

  /** Hands over the list that the store has. Resolves when that is done or the store's time is up. Never rejects. */
  async restore(source: RegionSource, warn: Warn, use: (regions: RegionList) => void): Promise<void> {
    const read = async () => {
      const answer = await this.store.get(keyOf(source));
      if (answer === undefined || answer === null) return;
      if (typeof answer !== "string" || answer.length > MAX_CHARACTERS) throw new Error(`it has ${show(answer)}`);
      const regions = await source.restore?.(answer, warn);
      if (regions !== undefined) use(regions);
    };
    const reading = read().catch((error: unknown) => warn(complaint("read", error)));
    await bounded(() => reading, STORE_TIMEOUT_MS, this.clock).catch((error: unknown) =>
      warn(complaint("read", error)),
    );
  }

  /** Writes the answer, unless the store has it already. */
  keep(source: RegionSource, answer: string, warn: Warn): void {
    const key = keyOf(source);
    const last = this.#written.get(key);
    const now = this.clock.now();
    if (last?.answer === answer && now - last.at < WRITE_AGAIN_MS) return;
    this.#written.set(key, { answer, at: now });
    const write = async () => this.store.set(key, answer, KEEP_MS);
    write().catch((error: unknown) => warn(complaint("written", error)));
  }
}

type Warn = (message: string) => void;

const keyOf = ({ key }: RegionSource) => `twirp-failover:${key}`;

const complaint = (what: "read" | "written", error: unknown) =>
  `the region store could not be ${what}: ${messageOf(error).slice(0, 200)}`;

/**
 * Region lists by source. They are shared by all calls of a `Failover`, and by any number of `Failover`s that are given
 * the same cache. However many of them ask at the same time, the source is asked once.
 *
 * Nothing here runs on a timer: whoever uses a list notices that it is due, and refreshes it in the background.
 */
import { checkKeys, checkObject } from "../support/checks.js";
import { bounded, type Clock, MAX_TIMER_MS, systemClock } from "../support/clock.js";
import { checkRegions, type RegionList } from "./region.js";
import type { LoadedRegions, RegionSource } from "./source.js";
import { type RegionStore, StoredRegions } from "./store.js";

/** The options of `RegionCache`. */
export interface RegionCacheOptions {
  /**
   * Keeps the lists for the next process, so that it knows its regions before its first request. Whatever comes out of it
   * is checked like an answer from the network, and a store that fails or hangs only causes a `warning`.
   *
   * @default none
   */
  store?: RegionStore | undefined;
}

/** The time limit of one request for a list, whoever is asked. */
export const DISCOVERY_TIMEOUT_MS = 2_000;

/** The shortest time between two requests to a source, even if its TTL is 0 or its answer was an error. */
export const MIN_REFRESH_MS = 3_000;

/** The longest wait after a source that failed again and again. */
const MAX_REFRESH_MS = 30_000;

/** A list is fetched again when this part of its TTL is over, so that it never gets old while it is in use. */
const REFRESH_AT = 0.8;

/** How much longer than nominal the wait after a failure may be, so that clients do not move in step. */
const JITTER = 0.2;

interface Entry {
  /** The newest list. It is kept when it is stale, because in an outage an old list is the best there is. */
  regions?: RegionList;
  /** From when on the source may be asked again, by the clock's `now`. */
  dueAt: number;
  /** Requests that failed since the last that succeeded. */
  failures: number;
  /** When the list was last invalidated. */
  invalidatedAt: number;
  restored?: Promise<void>;
  /** The request that is under way. */
  loading?: Promise<void>;
}

type Warn = (message: string) => void;

/** Region lists by source, to be shared by several `Failover`s or kept between processes. */
export class RegionCache {
  readonly #entries = new Map<string, Entry>();
  readonly #clock: Clock = systemClock;
  readonly #stored: StoredRegions | undefined;

  /** @throws InvalidOptionError */
  constructor(options: RegionCacheOptions = {}) {
    checkKeys("RegionCache()", checkObject("RegionCache's options", options), ["store"]);
    if (options.store !== undefined) this.#stored = new StoredRegions(options.store, this.#clock);
  }

  /** @internal The newest list of this source, even if it is stale; `undefined` before the first. */
  get(source: RegionSource): RegionList | undefined {
    return this.#entries.get(source.key)?.regions;
  }

  /** @internal Whether a newer list is on its way or due. */
  isStale(source: RegionSource): boolean {
    const entry = this.#entries.get(source.key);
    return entry === undefined || entry.loading !== undefined || this.#clock.now() >= entry.dueAt;
  }

  /**
   * @internal Makes the list due at once, because a server said that it cannot be right. Many servers may say so again and again,
   * and that must not become a flood of requests, so it works once per `MIN_REFRESH_MS`.
   */
  invalidate(source: RegionSource): void {
    const entry = this.#entryOf(source);
    const now = this.#clock.now();
    if (now - entry.invalidatedAt < MIN_REFRESH_MS) return;
    entry.invalidatedAt = now;
    entry.dueAt = now;
  }

  /** @internal Resolves when the list that the store has is known here; at once if there is no store. Never rejects. */
  restored(source: RegionSource, warn: Warn): Promise<void> {
    const entry = this.#entryOf(source);
    entry.restored ??=
      this.#stored === undefined || source.restore === undefined
        ? Promise.resolve()
        : this.#stored.restore(source, warn, (regions) => {
            entry.regions ??= checkRegions("what the store knew", regions);
          });
    return entry.restored;
  }

  /**
   * @internal Loads the list from the source, by the request that is under way or by a new one. The request belongs to no single
   * caller. It ends with its answer or after two seconds, and the store may take a quarter of a second before it.
   */
  load(source: RegionSource, warn: Warn): Promise<void> {
    const entry = this.#entryOf(source);
    entry.loading ??= this.#load(entry, source, warn).finally(() => {
      delete entry.loading;
    });
    return entry.loading;
  }

  async #load(entry: Entry, source: RegionSource, warn: Warn): Promise<void> {
    await this.restored(source, warn);
    try {
      const known = entry.regions ?? source.known;
      const ask = (signal: AbortSignal) => source.load({ signal, known, warn });
      const { regions, ttlMs, answer } = checkLoaded(await bounded(ask, DISCOVERY_TIMEOUT_MS, this.#clock));
      entry.regions = regions;
      entry.failures = 0;
      this.#dueIn(entry, Math.max(ttlMs * REFRESH_AT, MIN_REFRESH_MS));
      if (answer !== undefined && source.restore !== undefined) this.#stored?.keep(source, answer, warn);
    } catch (error) {
      const nominalMs = Math.min(MIN_REFRESH_MS * 2 ** entry.failures++, MAX_REFRESH_MS);
      this.#dueIn(entry, nominalMs * (1 + JITTER * this.#clock.random()));
      throw error;
    }
  }

  #dueIn(entry: Entry, ms: number): void {
    entry.dueAt = this.#clock.now() + Math.min(ms, MAX_TIMER_MS);
  }

  #entryOf(source: RegionSource): Entry {
    let entry = this.#entries.get(source.key);
    if (entry === undefined) {
      entry = { dueAt: Number.NEGATIVE_INFINITY, failures: 0, invalidatedAt: Number.NEGATIVE_INFINITY };
      this.#entries.set(source.key, entry);
    }
    return entry;
  }
}

/** Checks what a source loaded, since users write sources too, and an empty list would leave nowhere to go. */
function checkLoaded({ regions, ttlMs, ...rest }: LoadedRegions): LoadedRegions {
  return { ...rest, regions: checkRegions("what the source loaded", regions), ttlMs: ttlMs > 0 ? ttlMs : 0 };
}

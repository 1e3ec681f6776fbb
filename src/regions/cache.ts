/**
 * Region lists by source, shared: by all calls of a `Failover`, and by any number of `Failover`s that are given
 * the same cache. However many of them ask at once, the source is asked once.
 *
 * Nothing here runs by a timer: who uses a list finds out that it is due, and has it fetched in the background.
 */

import { checkKeys, checkObject } from "../support/checks.js";
import { bounded, type Clock, MAX_TIMER_MS, systemClock } from "../support/clock.js";
import { checkRegions, type RegionList } from "./region.js";
import type { LoadedRegions, RegionSource } from "./source.js";
import { type RegionStore, StoredRegions } from "./store.js";

export interface RegionCacheOptions {
  /**
   * Keeps the lists for the next process, so that it knows its regions before its first request. What comes out of it
   * is checked like an answer from the network, and a store that fails or hangs costs nothing but a `warning`.
   *
   * @default none
   */
  store?: RegionStore;
}

/** The longest that one request for a list may take, whoever is asked. */
export const DISCOVERY_TIMEOUT_MS = 2_000;

/** A source is asked no more often than this, be its TTL 0 or its answer an error. */
export const MIN_REFRESH_MS = 3_000;

/** The longest wait after a source that failed again and again. */
const MAX_REFRESH_MS = 30_000;

/** A list is fetched anew when this much of its TTL is over, so that it is never old while it is in use. */
const REFRESH_AT = 0.8;

/** How much longer than its nominal length the wait after a failure may be, so that clients do not come in step. */
const JITTER = 0.2;

interface Entry {
  /** The newest list; kept when it is stale, since an old list is the best there is in an outage. */
  regions?: RegionList;
  /** When the source may be asked again, by the clock. */
  askAt: number;
  /** Requests that failed since the last that succeeded. */
  failures: number;
  /** When a server last said that the list is wrong. */
  doubtedAt: number;
  restored?: Promise<void>;
  flight?: Promise<void>;
}

type Warn = (message: string) => void;

export class RegionCache {
  readonly #entries = new Map<string, Entry>();
  readonly #clock: Clock = systemClock;
  readonly #stored: StoredRegions | undefined;

  /** @throws InvalidOptionError */
  constructor(options: RegionCacheOptions = {}) {
    checkKeys("RegionCache", checkObject("RegionCache", options), ["store"]);
    if (options.store !== undefined) this.#stored = new StoredRegions(options.store, this.#clock);
  }

  /** The newest list of this source, stale or not; `undefined` before the first. */
  get(source: RegionSource): RegionList | undefined {
    return this.#entries.get(source.key)?.regions;
  }

  /** Is a newer list on its way, or is it time to ask for one? */
  isStale(source: RegionSource): boolean {
    const entry = this.#entries.get(source.key);
    return entry === undefined || entry.flight !== undefined || this.#clock.now() >= entry.askAt;
  }

  /**
   * A server said that the list cannot be right. It is due at once then; but many may say so, and keep saying so, and
   * that must not become a flood of requests.
   */
  doubt(source: RegionSource): void {
    const entry = this.#entryOf(source);
    const now = this.#clock.now();
    if (now - entry.doubtedAt < MIN_REFRESH_MS) return;
    entry.doubtedAt = now;
    entry.askAt = now;
  }

  /** Resolves when what a store knows of this source is known here, at once if there is no store. Never rejects. */
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
   * Gets the list from the source: by the request that is under way, or by a new one. The request belongs to no
   * single caller: it ends with its answer or after two seconds, before which a store gets its quarter of one.
   */
  load(source: RegionSource, warn: Warn): Promise<void> {
    const entry = this.#entryOf(source);
    entry.flight ??= this.#load(entry, source, warn).finally(() => {
      delete entry.flight;
    });
    return entry.flight;
  }

  async #load(entry: Entry, source: RegionSource, warn: Warn): Promise<void> {
    await this.restored(source, warn);
    try {
      const known = entry.regions ?? source.known;
      const ask = (signal: AbortSignal) => source.load({ signal, known, warn });
      const { regions, ttlMs, answer } = checkLoaded(await bounded(ask, DISCOVERY_TIMEOUT_MS, this.#clock));
      entry.regions = regions;
      entry.failures = 0;
      this.#askAgainAfter(entry, Math.max(ttlMs * REFRESH_AT, MIN_REFRESH_MS));
      if (answer !== undefined && source.restore !== undefined) this.#stored?.keep(source, answer, warn);
    } catch (error) {
      const nominalMs = Math.min(MIN_REFRESH_MS * 2 ** entry.failures++, MAX_REFRESH_MS);
      this.#askAgainAfter(entry, nominalMs * (1 + JITTER * this.#clock.random()));
      throw error;
    }
  }

  #askAgainAfter(entry: Entry, ms: number): void {
    entry.askAt = this.#clock.now() + Math.min(ms, MAX_TIMER_MS);
  }

  #entryOf(source: RegionSource): Entry {
    let entry = this.#entries.get(source.key);
    if (entry === undefined) {
      entry = { askAt: Number.NEGATIVE_INFINITY, failures: 0, doubtedAt: Number.NEGATIVE_INFINITY };
      this.#entries.set(source.key, entry);
    }
    return entry;
  }
}

/** Sources are not all ours, and an empty list would leave nowhere to go. */
function checkLoaded({ regions, ttlMs, ...rest }: LoadedRegions): LoadedRegions {
  return { ...rest, regions: checkRegions("what the source loaded", regions), ttlMs: ttlMs > 0 ? ttlMs : 0 };
}

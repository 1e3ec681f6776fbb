/**
 * Region lists by source, shared: by all calls of a `Failover`, and by any number of `Failover`s that are given
 * the same cache. However many of them ask at once, the source is asked once.
 */
import { type Clock, MAX_TIMER_MS, systemClock } from "./clock.js";
import type { LoadedRegions, RegionSource } from "./region-source.js";
import { checkRegions, type RegionList } from "./regions.js";

/** The longest that one request for a list may take. */
export const DISCOVERY_TIMEOUT_MS = 2_000;

/** A source is asked no more often than this, be its TTL 0 or its answer an error. */
export const MIN_REFRESH_MS = 3_000;

interface Entry {
  /** The newest list; kept when it is stale, since an old list is the best there is in an outage. */
  regions?: RegionList;
  /** When the source may be asked again, by the clock. */
  askAt: number;
  flight?: Promise<LoadedRegions>;
}

export class RegionCache {
  readonly #entries = new Map<string, Entry>();
  readonly #clock: Clock = systemClock;

  /** The newest list of this source, stale or not; `undefined` before the first. */
  get(source: RegionSource): RegionList | undefined {
    return this.#entries.get(source.key)?.regions;
  }

  /** Is it time to ask the source (again)? */
  isStale(source: RegionSource): boolean {
    const entry = this.#entries.get(source.key);
    return entry === undefined || this.#clock.now() >= entry.askAt;
  }

  /**
   * The list from the source: by the request that is under way, or by a new one. The request belongs to no
   * single caller: it ends with its answer or after two seconds.
   */
  load(source: RegionSource, warn: (message: string) => void): Promise<LoadedRegions> {
    const entry = this.#entryOf(source);
    entry.flight ??= this.#ask(source, warn).then(
      (loaded) => {
        entry.regions = loaded.regions;
        this.#settle(entry, loaded.ttlMs);
        return loaded;
      },
      (error: unknown) => {
        this.#settle(entry, MIN_REFRESH_MS);
        throw error;
      },
    );
    return entry.flight;
  }

  #entryOf(source: RegionSource): Entry {
    let entry = this.#entries.get(source.key);
    if (entry === undefined) {
      entry = { askAt: 0 };
      this.#entries.set(source.key, entry);
    }
    return entry;
  }

  #settle(entry: Entry, ttlMs: number): void {
    delete entry.flight;
    entry.askAt = this.#clock.now() + Math.min(Math.max(ttlMs, MIN_REFRESH_MS), MAX_TIMER_MS);
  }

  /** `source.load`, ended after two seconds even if it takes no notice of its signal. */
  #ask(source: RegionSource, warn: (message: string) => void): Promise<LoadedRegions> {
    const controller = new AbortController();
    return new Promise((resolve, reject) => {
      const timer = this.#clock.setTimeout(() => {
        const error = new Error(`no answer within ${DISCOVERY_TIMEOUT_MS} ms`);
        reject(error);
        controller.abort(error);
      }, DISCOVERY_TIMEOUT_MS);
      unref(timer);
      const settle = <A>(then: (value: A) => void) => {
        return (value: A) => {
          this.#clock.clearTimeout(timer);
          then(value);
        };
      };
      // Inside a `then`, so that a source that throws is one that rejects.
      Promise.resolve()
        .then(() => source.load(controller.signal, warn))
        .then(checkLoaded)
        .then(settle(resolve), settle(reject));
    });
  }
}

/** Sources are not all ours, and an empty list would leave nowhere to go. */
function checkLoaded({ regions, ttlMs }: LoadedRegions): LoadedRegions {
  return { regions: checkRegions("what the source loaded", regions), ttlMs: ttlMs > 0 ? ttlMs : 0 };
}

/** Lets a process end although this timer is still to come. Browsers' timers are numbers, and hold nothing up. */
function unref(timer: unknown): void {
  (timer as { unref?: () => void }).unref?.();
}

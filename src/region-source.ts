/** What region lists come from. */
import type { RegionList } from "./regions.js";

/** A list, and for how many milliseconds it may be taken as current. */
export interface LoadedRegions {
  readonly regions: RegionList;
  readonly ttlMs: number;
}

export interface RegionSource {
  /** Sources with one key give one list: in a shared `RegionCache` they share one entry and one request. */
  readonly key: string;
  /** What is known before anything was asked: home, at least. Calls use it until the first list is in. */
  readonly known: RegionList;
  /**
   * Asks for the list. Rejects when it cannot be had; what was known before then stays in use.
   *
   * @param signal aborts after two seconds, when nobody waits for the answer any longer.
   * @param warn told of each part of the answer that was refused.
   */
  load(signal: AbortSignal, warn: (message: string) => void): Promise<LoadedRegions>;
}

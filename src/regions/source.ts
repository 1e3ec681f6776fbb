/** What region lists come from. */
import type { RegionOrder } from "./order.js";
import type { Region, RegionList } from "./region.js";

export interface LoadedRegions {
  readonly regions: RegionList;
  /** For how many milliseconds the list may be taken as current. */
  readonly ttlMs: number;
  /** The answer that the list was read from, for `restore` to read again in another process. */
  readonly answer?: string;
}

export interface LoadRequest {
  /** Aborts two seconds after the request began: an answer has no use any more. */
  readonly signal: AbortSignal;
  /** The regions as they are known so far. They may be asked, too, when home cannot answer. */
  readonly known: readonly Region[];
  /** To be told of each part of the answer that was refused. */
  readonly warn: (message: string) => void;
}

export interface RegionSource {
  /** Sources with one key give one list: in a shared `RegionCache` they share one entry and one request. */
  readonly key: string;
  /**
   * How events call it.
   *
   * @default its key
   */
  readonly name?: string;
  /**
   * What is known before anything was asked: home, at least. Calls use it until the first list is in. Where it is
   * empty, the first call waits for the list.
   */
  readonly known: readonly Region[];
  /** The `order` that these regions are made for, where the user names none. */
  readonly order?: RegionOrder;
  /** Asks for the list. Rejects when it cannot be had; what was known before then stays in use. */
  load(request: LoadRequest): Promise<LoadedRegions>;
  /**
   * Reads an `answer` that a `RegionStore` kept, as strictly as one that has just come in; throws if it is none. A
   * source without it is not stored.
   */
  restore?(answer: string, warn: (message: string) => void): RegionList;
}

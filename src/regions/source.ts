/** What region lists come from. */
import type { RegionOrder } from "./order.js";
import type { Region, RegionList } from "./region.js";

/** A list, as a source loaded it. */
export interface LoadedRegions {
  /** The list; the first region is home. */
  readonly regions: RegionList;
  /** For how many milliseconds the list counts as current. */
  readonly ttlMs: number;
  /** The answer that the list was read from, which `restore` can read again in another process. */
  readonly answer?: string;
}

/** What a source gets when it is asked for its list. */
export interface LoadRequest {
  /** Aborts two seconds after the request began, when an answer is no longer useful. */
  readonly signal: AbortSignal;
  /** The regions as they are known so far. A source may ask them too if home cannot answer. */
  readonly known: readonly Region[];
  /** Call it for each part of the answer that was refused. */
  readonly warn: (message: string) => void;
}

/** Knows how to ask for a list of regions. */
export interface RegionSource {
  /** Sources with the same key give the same list: in a shared `RegionCache` they share one entry and one request. */
  readonly key: string;
  /**
   * How events name it.
   *
   * @default its key
   */
  readonly name?: string;
  /**
   * What is known before anything was asked: at least home. Calls use it until the first list arrives. If it is empty,
   * the first call waits for the list.
   */
  readonly known: readonly Region[];
  /** The `order` that these regions are made for; it applies if the user names none. */
  readonly order?: RegionOrder;
  /** Asks for the list. Rejects if it cannot be loaded; then the list that was known before stays in use. */
  load(request: LoadRequest): Promise<LoadedRegions>;
  /**
   * Reads an `answer` that a `RegionStore` kept, as strictly as one that has just arrived; throws if it is not valid. The
   * lists of a source without this method are not stored.
   */
  restore?(answer: string, warn: (message: string) => void): RegionList | Promise<RegionList>;
}

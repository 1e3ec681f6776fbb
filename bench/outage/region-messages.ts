/** The messages from the benchmark to a region's process, and the answers. Each message gets one answer, in order. */

/**
 * How a region behaves.
 *
 * - `healthy`
 * - `unavailable`: every method answers Twirp's `unavailable`, with HTTP 503; the region list is still served.
 * - `refuses`: the port is closed, and every connection is reset.
 * - `hangs`: accepts connections and requests and answers nothing, not even the region list.
 * - `flaky`: 30 % of the requests get `internal` or `unavailable`, in equal parts.
 * - `list_broken`: the method ListRooms answers `internal`; everything else works.
 * - `limited`: a rate limiter in front of the server answers 429, with `Retry-After: 1` and a plain text.
 */
export type Mode = "healthy" | "unavailable" | "refuses" | "hangs" | "flaky" | "list_broken" | "limited";

/** In the format of `/settings/regions`. */
export interface ListEntry {
  readonly region: string;
  readonly url: string;
  readonly distance: string;
}

export type Order =
  /** Close the port, forget everything and listen on another port, so that no client knows this region yet. */
  | { readonly type: "open" }
  | { readonly type: "list"; readonly regions: readonly ListEntry[]; readonly maxAgeSeconds: number }
  | { readonly type: "mode"; readonly mode: Mode }
  | { readonly type: "counts" };

export interface Counts {
  /** The requests by method name, regardless of their outcome. */
  readonly methods: Readonly<Record<string, number>>;
  readonly discoveries: number;
}

export type Reply =
  | { readonly type: "opened"; readonly origin: string }
  | { readonly type: "done" }
  | ({ readonly type: "counted" } & Counts)
  | { readonly type: "failed"; readonly reason: string };

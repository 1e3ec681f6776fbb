/** What the benchmark tells a region's process, and what that answers. Each message gets one answer, in order. */

/**
 * How a region behaves.
 *
 * - `healthy`
 * - `unavailable`: every method answers Twirp's `unavailable`, with HTTP 503; the region list is still to be had.
 * - `refuses`: the port is closed, and every connection reset.
 * - `hangs`: takes connections and requests, and answers nothing, the region list included.
 * - `flaky`: 30 % of the requests get `internal` or `unavailable`, in equal parts.
 * - `list_broken`: the method ListRooms answers `internal`; all else is well.
 * - `limited`: a rate limiter in front of the server answers 429, with `Retry-After: 1` and a text that is not Twirp's.
 */
export type Mode = "healthy" | "unavailable" | "refuses" | "hangs" | "flaky" | "list_broken" | "limited";

/** As `/settings/regions` has it. */
export interface ListEntry {
  readonly region: string;
  readonly url: string;
  readonly distance: string;
}

export type Order =
  /** Close the port, forget everything and listen on another: nobody can know this region yet. */
  | { readonly type: "open" }
  | { readonly type: "list"; readonly regions: readonly ListEntry[]; readonly maxAgeSeconds: number }
  | { readonly type: "mode"; readonly mode: Mode }
  | { readonly type: "counts" };

export interface Counts {
  /** Requests to the method, by its name, whatever became of them. */
  readonly methods: Readonly<Record<string, number>>;
  readonly discoveries: number;
}

export type Reply =
  | { readonly type: "opened"; readonly origin: string }
  | { readonly type: "done" }
  | ({ readonly type: "counted" } & Counts)
  | { readonly type: "failed"; readonly reason: string };

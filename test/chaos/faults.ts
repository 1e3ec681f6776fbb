/**
 * What goes wrong, and when. Both are derived from a seed: a request gets the same fault in the same region from any
 * client, so that clients can be compared call by call.
 */

/** Any other seed works too, but in a short run not every seed produces every fault at home. */
export const DEFAULT_SEED = 7;

/** How a region ends a request. */
export type Ending =
  | "answer"
  | "answer, then close the idle connection"
  | "reset"
  | "hang up"
  | "truncate"
  | "internal"
  | "unavailable"
  | "html 502"
  | "429";

export interface Fault {
  readonly name: string;
  /** How many of 1000 requests get this fault. */
  readonly perMille: number;
  /** Whether the handler runs: not at all, first, or only after the region has held the request. */
  readonly runs: "no" | "first" | "last";
  readonly ending: Ending;
  /** How long the region holds the request before it ends it. */
  readonly holdMs?: number;
}

/** Longer than our calls' deadline, so that their own timers end some of them. */
const TOO_LONG_MS = 2_200;
const LONG_MS = 600;

export const FAULTS: readonly Fault[] = [
  { name: "reset before it ran", perMille: 25, runs: "no", ending: "reset" },
  { name: "reset after it ran", perMille: 25, runs: "first", ending: "reset" },
  { name: "closed before it ran", perMille: 8, runs: "no", ending: "hang up" },
  { name: "closed after it ran", perMille: 8, runs: "first", ending: "hang up" },
  { name: "held 600 ms, never ran, reset", perMille: 5, runs: "no", ending: "reset", holdMs: LONG_MS },
  { name: "ran, held 600 ms, reset", perMille: 5, runs: "first", ending: "reset", holdMs: LONG_MS },
  { name: "held 600 ms, then ran, reset", perMille: 3, runs: "last", ending: "reset", holdMs: LONG_MS },
  { name: "held 2.2 s, never ran, reset", perMille: 2, runs: "no", ending: "reset", holdMs: TOO_LONG_MS },
  { name: "ran, held 2.2 s, reset", perMille: 2, runs: "first", ending: "reset", holdMs: TOO_LONG_MS },
  { name: "held 2.2 s, then ran, answered", perMille: 2, runs: "last", ending: "answer", holdMs: TOO_LONG_MS },
  { name: "ran, answer cut short", perMille: 20, runs: "first", ending: "truncate" },
  { name: "Twirp internal, did not run", perMille: 15, runs: "no", ending: "internal" },
  { name: "Twirp internal, ran", perMille: 15, runs: "first", ending: "internal" },
  { name: "Twirp unavailable, did not run", perMille: 15, runs: "no", ending: "unavailable" },
  { name: "Twirp unavailable, ran", perMille: 15, runs: "first", ending: "unavailable" },
  { name: "HTML 502, did not run", perMille: 15, runs: "no", ending: "html 502" },
  { name: "HTML 502, ran", perMille: 15, runs: "first", ending: "html 502" },
  { name: "429 by a proxy, did not run", perMille: 30, runs: "no", ending: "429" },
  {
    // Rare, as with servers that keep connections longer than clients do. Some of the requests during such a close are
    // lost on the way with any client.
    name: "answered, connection closed while idle",
    perMille: 1,
    runs: "first",
    ending: "answer, then close the idle connection",
  },
];

export const NO_FAULT: Fault = { name: "answered", perMille: 0, runs: "first", ending: "answer" };

export function faultOf(seed: number, requestId: string, region: string): Fault {
  let drawn = draw(seed, "fault", requestId, region) * 1000;
  for (const fault of FAULTS) {
    drawn -= fault.perMille;
    if (drawn < 0) return fault;
  }
  return NO_FAULT;
}

/** A time in which a region accepts no new connection: it refuses them, or does not answer the packets. */
export interface Outage {
  readonly kind: "refuses" | "stalls";
  /** Since the start of its slot. */
  readonly fromMs: number;
  /** For so long before the outage, every answer says that its connection will be closed. */
  readonly drainMs: number;
  readonly forMs: number;
}

/** Time is divided into slots. An outage lies within one slot, with some time left for late timers. */
export const SLOT_MS = 1_000;
const DRAIN_MS = 100;

/**
 * In every slot one region has no outage, because the test measures which calls a client loses although a region is
 * available.
 */
export function outageOf(seed: number, slot: number, region: number, regions: number): Outage | undefined {
  if (Math.floor(draw(seed, "spared", slot) * regions) === region) return undefined;
  const part = (what: string) => draw(seed, what, slot, region);
  const kind = part("outage");
  const fromMs = DRAIN_MS + part("from") * 450;
  const shortMs = 20 + part("for") * 30;
  if (kind < 0.1) return { kind: "refuses", fromMs, drainMs: 0, forMs: shortMs };
  if (kind < 0.6) return { kind: "refuses", fromMs, drainMs: DRAIN_MS, forMs: shortMs };
  if (kind < 0.75) return { kind: "stalls", fromMs, drainMs: DRAIN_MS, forMs: 250 + part("for") * 100 };
  return undefined;
}

/** A number in [0, 1) that is derived from its key: FNV-1a, then murmur3's finaliser to distribute it. */
export function draw(...key: readonly (string | number)[]): number {
  let hash = 0x811c9dc5;
  for (const char of key.join("/")) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}

/**
 * What goes wrong, and when. Both follow from a seed: a request meets the same fault in the same region whichever
 * client sends it, so that clients can be compared call by call.
 */

/** Any other serves as well, though in a short run not every seed has everything go wrong at home. */
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
  /** Of 1000 requests, so many meet it. */
  readonly perMille: number;
  /** Whether the handler runs: not at all, ahead of everything else, or only when the region held the request back. */
  readonly runs: "no" | "first" | "last";
  readonly ending: Ending;
  /** How long the region sits on the request before it ends it. */
  readonly holdMs?: number;
}

/** Longer than the deadline of our calls, so that some of them are ended by their own timers. */
const TOO_LONG_MS = 2_200;
const LONG_MS = 600;

export const FAULTS: readonly Fault[] = [
  { name: "reset before it ran", perMille: 25, runs: "no", ending: "reset" },
  { name: "reset after it ran", perMille: 25, runs: "first", ending: "reset" },
  { name: "hung up on before it ran", perMille: 8, runs: "no", ending: "hang up" },
  { name: "hung up on after it ran", perMille: 8, runs: "first", ending: "hang up" },
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
    // Rare, as it is where servers keep their connections for longer than clients do: of the requests that meet such
    // a close, some are lost on the way, whatever the client does.
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

/** A while in which a region takes no new connection: it refuses them, or the packets go unanswered. */
export interface Outage {
  readonly kind: "refuses" | "stalls";
  /** Since the beginning of its slot. */
  readonly fromMs: number;
  /** Before that, for so long, every answer says that its connection is about to be closed. */
  readonly drainMs: number;
  readonly forMs: number;
}

/** Time is cut into slots. An outage lies within one, with some room left for timers that come late. */
export const SLOT_MS = 1_000;
const DRAIN_MS = 100;

/**
 * In every slot one region is spared. A client cannot get a call through when there is no region to take it, and
 * what is measured here is what it loses although there is one.
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

/** A number in [0, 1) that follows from its key: FNV-1a, then murmur3's finaliser to spread it. */
export function draw(...key: readonly (string | number)[]): number {
  let hash = 0x811c9dc5;
  for (const char of key.join("/")) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}

/** The outages, and the clients that run through each. */
import { byHand } from "./by-hand.js";
import { type Client, type Method, MUTATION } from "./client.js";
import type { Modes } from "./fleet.js";
import { withLiveKit } from "./livekit.js";
import { behindNginx, NGINX } from "./nginx.js";
import { withDiscovery, withFallbackList, withList, withStore, withTwirpTs } from "./ours.js";

export interface Contender {
  readonly name: string;
  readonly create: (origins: readonly string[]) => Client | Promise<Client>;
  readonly ours?: true;
  /** Lets it load its list of regions first by one call that home answers with 503, because there is no other way. */
  readonly primed?: true;
  /** Its attempts leave from another process, so they are counted where they arrive. */
  readonly elsewhere?: true;
}

export const OURS: Contender = { name: "twirp-failover", create: withList, ours: true };
const TWIRP_TS: Contender = { name: "twirp-failover, twirp-ts", create: withTwirpTs, ours: true };
const DISCOVERED: Contender = { name: "twirp-failover, discovered", create: withDiscovery, ours: true };
const FALLBACK: Contender = { name: "twirp-failover, discovered, fallback", create: withFallbackList, ours: true };
const STORED: Contender = { name: "twirp-failover, discovered, store", create: withStore, ours: true };
const LIVEKIT: Contender = { name: "livekit-server-sdk", create: withLiveKit };
const LIVEKIT_PRIMED: Contender = { name: "livekit-server-sdk, list cached", create: withLiveKit, primed: true };
const BY_HAND: Contender = { name: "by hand with cockatiel", create: byHand };
const PROXY: Contender = { name: "nginx, non_idempotent", create: behindNginx, elsewhere: true };

export interface Entry {
  readonly contender: Contender;
  readonly calls: number;
  /** The only method whose results are reported. */
  readonly method: Method;
  /** Knows only the region that is down, and cannot discover another. */
  readonly lost?: true;
}

export interface Scenario {
  readonly name: string;
  readonly modes: Modes;
  /** The number of healthy calls before the outage. */
  readonly healthyCalls?: number;
  /** Half of the calls are to this method, and are not reported. */
  readonly mixedWith?: Method;
  /** How long a list is valid. */
  readonly list?: { readonly maxAgeSeconds: number };
  /** The calls go on for this time, so that a list can become out of date. */
  readonly forMs?: number;
  /** Short enough to be repeated for a more stable ratio. */
  readonly paced?: true;
  readonly entries: readonly Entry[];
}

const CALLS = 500;
/** Fewer calls for clients that wait 0.2 to 0.6 s in each, so that the benchmark takes minutes and not an hour. */
const FEWER = 160;
const FEWEST = 80;

const by = (contender: Contender, calls = CALLS): Entry => ({ contender, calls, method: "GetRoom" });
/** None on a machine without nginx. */
const byProxy = (calls = CALLS): Entry[] => (NGINX === undefined ? [] : [by(PROXY, calls)]);
const mutationsBy = (contender: Contender, calls = CALLS): Entry => ({ contender, calls, method: MUTATION });

export const labelOf = ({ contender, method }: Entry): string =>
  method === MUTATION ? `${contender.name}, mutations` : contender.name;

/** A list that must be requested again at least once. */
const OUTLIVED = { list: { maxAgeSeconds: 4 }, forMs: 7_000 } as const;

export const HEALTHY: Modes = ["healthy", "healthy", "healthy"];

export const SCENARIOS: readonly Scenario[] = [
  {
    name: "all regions healthy",
    modes: HEALTHY,
    paced: true,
    entries: [by(OURS), by(TWIRP_TS), by(DISCOVERED), by(LIVEKIT), by(BY_HAND)],
  },
  {
    name: "all regions healthy for 7 s, their list is valid for 4 s",
    modes: HEALTHY,
    ...OUTLIVED,
    entries: [by(DISCOVERED), by(LIVEKIT)],
  },
  {
    name: "home answers 503, its region list is up",
    modes: ["unavailable", "healthy", "healthy"],
    paced: true,
    entries: [by(OURS), by(TWIRP_TS), by(DISCOVERED), by(LIVEKIT, FEWER), by(BY_HAND), ...byProxy()],
  },
  {
    // A client that uses the share of failures now has many successes to compare them with.
    name: "home answers 503, after 200 healthy calls",
    modes: ["unavailable", "healthy", "healthy"],
    healthyCalls: 200,
    entries: [by(OURS), by(TWIRP_TS), by(LIVEKIT, FEWER), by(BY_HAND)],
  },
  {
    name: "home refuses connections, cold",
    modes: ["refuses", "healthy", "healthy"],
    paced: true,
    entries: [
      by(OURS),
      mutationsBy(OURS),
      by(TWIRP_TS),
      mutationsBy(TWIRP_TS),
      by(FALLBACK),
      mutationsBy(FALLBACK),
      by(STORED),
      mutationsBy(STORED),
      { ...by(DISCOVERED), lost: true },
      by(LIVEKIT),
      by(BY_HAND),
      ...byProxy(),
    ],
  },
  {
    name: "home refuses connections, after 10 healthy calls",
    modes: ["refuses", "healthy", "healthy"],
    healthyCalls: 10,
    paced: true,
    entries: [
      by(OURS),
      by(TWIRP_TS),
      by(DISCOVERED),
      mutationsBy(DISCOVERED),
      by(LIVEKIT),
      by(LIVEKIT_PRIMED, FEWER),
      mutationsBy(LIVEKIT_PRIMED, FEWEST),
      by(BY_HAND),
      ...byProxy(),
    ],
  },
  {
    // Only the other regions can give the list.
    name: "home refuses connections for 7 s, its list was valid for 4 s",
    modes: ["refuses", "healthy", "healthy"],
    healthyCalls: 10,
    ...OUTLIVED,
    entries: [by(DISCOVERED), by(LIVEKIT_PRIMED)],
  },
  {
    name: "home hangs, after 10 healthy calls",
    modes: ["hangs", "healthy", "healthy"],
    healthyCalls: 10,
    entries: [
      by(OURS),
      by(TWIRP_TS),
      by(DISCOVERED),
      by(LIVEKIT, 8),
      by(LIVEKIT_PRIMED, 16),
      by(BY_HAND),
      ...byProxy(FEWEST),
    ],
  },
  {
    name: "home fails 30 % of the calls, with internal or unavailable",
    modes: ["flaky", "healthy", "healthy"],
    paced: true,
    entries: [by(OURS), by(TWIRP_TS), by(LIVEKIT), by(BY_HAND), ...byProxy()],
  },
  {
    name: "all regions refuse connections",
    modes: ["refuses", "refuses", "refuses"],
    entries: [by(OURS, 1_000), by(TWIRP_TS, 1_000), by(LIVEKIT), by(LIVEKIT_PRIMED, FEWEST), by(BY_HAND, FEWEST)],
  },
  {
    name: "all regions answer 503",
    modes: ["unavailable", "unavailable", "unavailable"],
    entries: [by(OURS, 1_000), by(TWIRP_TS, 1_000), by(LIVEKIT, FEWEST), by(BY_HAND, FEWEST), ...byProxy(FEWEST)],
  },
  {
    name: "another method, half of the calls, answers internal everywhere",
    modes: ["list_broken", "list_broken", "list_broken"],
    mixedWith: "ListRooms",
    entries: [by(OURS), by(TWIRP_TS), by(LIVEKIT, FEWER), by(BY_HAND, FEWER), ...byProxy(FEWER)],
  },
  {
    name: "a rate limiter in front of home answers 429, Retry-After: 1",
    modes: ["limited", "healthy", "healthy"],
    paced: true,
    entries: [by(OURS), by(TWIRP_TS), by(LIVEKIT), by(BY_HAND)],
  },
];

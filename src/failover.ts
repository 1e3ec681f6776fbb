/// <reference lib="esnext.disposable" preserve="true" />
/** Puts the parts together, and owns what all calls share. */

import { Engine } from "./call/engine.js";
import { Router } from "./call/routing.js";
import type { RpcCall } from "./call/rpc-call.js";
import { Emitter } from "./events/emitter.js";
import type { FailoverEventOf, FailoverEventType } from "./events/events.js";
import { createHealth, type RegionHealth } from "./health/health.js";
import type { HealthOptions } from "./health/options.js";
import { Policies, type PolicyTable } from "./policy/policy-table.js";
import { createThrottle, type RetryThrottling } from "./policy/retry-budget.js";
import { RegionCache } from "./regions/cache.js";
import { DiscoveredDirectory, fixedDirectory, type RegionDirectory } from "./regions/directory.js";
import { createOrder, type RegionOrder } from "./regions/order.js";
import { checkRegions, type Region } from "./regions/region.js";
import type { RegionSource } from "./regions/source.js";
import { checkKeys, checkObject, checkString } from "./support/checks.js";
import { type Clock, dateOf, MAX_TIMER_MS, systemClock, waitAtMost } from "./support/clock.js";
import { InvalidOptionError } from "./support/errors.js";

export interface FailoverOptions {
  /**
   * Where calls can go: a list in order of preference, of which the first is home, or a source that knows how to
   * ask for one (`httpRegions`, `srvRegions`). The base URL of the transport below is not used.
   */
  regions: RegionSource | readonly (string | Region)[];
  /**
   * What may run twice, and how long things may take, by method; see `policiesFor` for a typed way to write it.
   *
   * @default {}: every method as its `.proto` says, and not idempotent where it says nothing
   */
  policies?: PolicyTable;
  /**
   * Region lists to share with other `Failover`s. Only sources use it.
   *
   * @default a cache of its own
   */
  cache?: RegionCache;
  /**
   * In which order regions are tried, as long as they are well: as the list has them, the nearest first, or each
   * with its share of the calls.
   *
   * @default "list", or what the source is made for: `srvRegions` says "weight"
   */
  order?: RegionOrder;
  /**
   * When a region counts as down and gets no calls for a while; `false` to remember nothing between calls.
   *
   * @default { consecutiveFailures: 3, failureShare: 0.5, minimumCalls: 10, ejectionMs: 30_000, … }
   */
  health?: HealthOptions | false;
  /**
   * The budget for replays into each region, shared by all calls; `false` for no limit.
   *
   * @default { maxTokens: 100, tokenRatio: 0.1 }
   */
  retryThrottling?: RetryThrottling | false;
}

/** What a status page shows of a region. */
export interface RegionStatus {
  readonly id: string;
  readonly url: string;
  /** The first of the list. */
  readonly home: boolean;
  /** `ejected`: it gets no calls; `probing`: one call is testing it. */
  readonly state: "healthy" | "ejected" | "probing";
  /** Of its last calls since its state changed, from 0 to 1. */
  readonly failureShare: number;
  /** When it will be tested, in milliseconds since the Unix epoch; absent unless it is ejected. */
  readonly ejectedUntilMs?: number;
  /** Attempts under way. */
  readonly inFlight: number;
}

export interface FailoverStats {
  /** What is left in each region's bucket for replays, by the region's id; see `retryThrottling`. */
  readonly retryTokens: Readonly<Record<string, number>>;
}

/** Regions, policies and budget, to be shared by any number of clients. */
export interface Failover {
  /**
   * Calls `listener` for every event of this type, synchronously, and never waits for it. One that throws harms
   * no call; it causes a `warning`.
   *
   * @returns a function that removes the listener.
   */
  on<T extends FailoverEventType>(type: T, listener: (event: FailoverEventOf<T>) => void): () => void;
  /** The regions as they are known now, in the order of the list. */
  regions(): readonly RegionStatus[];
  stats(): FailoverStats;
  /**
   * Resolves when a list of regions is known, from the source or from a store, or could not be had: after two and a
   * quarter seconds at the most. There is no need to wait for it: calls go home meanwhile.
   */
  ready(): Promise<void>;
  /** Removes all listeners. There is nothing else to release: calls go on, also new ones. */
  close(): void;
  [Symbol.dispose](): void;
  /**
   * Runs one call. For adapters: users of a generated client have no need of it.
   *
   * Rejects with the library's own error, never a wrapper.
   */
  run<T>(call: RpcCall<T>): Promise<T>;
}

/** @throws InvalidOptionError if an option cannot be what was meant. */
export function createFailover(options: FailoverOptions): Failover {
  return buildFailover(options, systemClock);
}

/** @internal For tests, which bring a clock of their own. */
export function buildFailover(options: FailoverOptions, clock: Clock): Failover {
  checkKeys("createFailover", checkObject("createFailover", options), [
    "regions",
    "policies",
    "cache",
    "order",
    "health",
    "retryThrottling",
  ]);
  const events = new Emitter(clock);
  // Once the caller had the time to register a listener.
  const warnSoon = (message: string) => queueMicrotask(() => events.warn(message));

  const health = createHealth(events, clock, options.health);
  const throttles = {
    regions: createThrottle(options.retryThrottling),
    methods: createThrottle(options.retryThrottling),
  };
  const directory = buildDirectory(options, events, clock, (regions) => {
    health.retain(regions);
    throttles.regions.retain(new Set(regions.map(({ url }) => url)));
  });
  const policies = new Policies(options.policies ?? {}, warnSoon);
  const ofSource = isSource(options.regions) ? options.regions.order : undefined;
  const order = options.order === undefined ? ofSource : options.order;
  const arrange = createOrder(order, () => clock.random());
  const arrangeReplay = createOrder(order, () => clock.random());
  const warn = (message: string) => events.warn(message);
  const router = new Router({ directory, health, arrange, arrangeReplay, clock });
  const engine = new Engine({ policies, router, throttles, health, events, warn, clock });
  const close = () => events.clear();

  return {
    on: (type, listener) => events.on(type, listener),
    regions: () => directory.current().map((region, i) => statusOf(region, i === 0, health.of(region), clock)),
    stats: () => ({
      retryTokens: Object.fromEntries(directory.current().map(({ id, url }) => [id, throttles.regions.tokens(url)])),
    }),
    ready: async () => {
      if (!directory.isStale()) return;
      // By a timer that holds the process up: the ones below do not, and there may be nothing else that does.
      await waitAtMost(
        directory.learn(() => directory.isKnown()),
        MAX_TIMER_MS,
        undefined,
        clock,
      );
    },
    run: (call) => engine.run(call),
    close,
    [Symbol.dispose ?? "dispose"]: close, // Browsers may not have the symbol.
  };
}

function statusOf({ id, url }: Region, home: boolean, health: RegionHealth, clock: Clock): RegionStatus {
  const { until, ...rest } = health;
  return { id, url, home, ...rest, ...(until !== undefined && { ejectedUntilMs: dateOf(until, clock) }) };
}

function buildDirectory(
  { regions, cache }: FailoverOptions,
  events: Emitter,
  clock: Clock,
  onChange: (regions: readonly Region[]) => void,
): RegionDirectory {
  if (!isSource(regions)) return fixedDirectory(checkRegions("regions", regions));
  if (cache !== undefined && !(cache instanceof RegionCache)) {
    throw new InvalidOptionError("cache", "a RegionCache", cache);
  }
  checkString("regions.key", regions.key);
  // A source may know nothing before it is asked.
  if (!Array.isArray(regions.known) || regions.known.length > 0) checkRegions("regions.known", regions.known);
  return new DiscoveredDirectory(regions, cache ?? new RegionCache(), events, clock, onChange);
}

function isSource(regions: FailoverOptions["regions"]): regions is RegionSource {
  return typeof regions === "object" && regions !== null && "load" in regions && typeof regions.load === "function";
}

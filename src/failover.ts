/// <reference lib="esnext.disposable" preserve="true" />
/** Puts the parts together, and owns what all calls share. */
import { Engine } from "./call/engine.js";
import { ReplayPlanner } from "./call/replay-planner.js";
import { Router } from "./call/routing.js";
import type { RpcCall } from "./call/rpc-call.js";
import { Emitter } from "./events/emitter.js";
import type { EjectionReason, FailoverEventOf, FailoverEventType } from "./events/events.js";
import { createHealth, type RegionHealth } from "./health/health.js";
import type { HealthOptions } from "./health/options.js";
import { Policies, type PolicyTable } from "./policy/policy-table.js";
import { createRetryBudget, type RetryThrottling } from "./policy/retry-budget.js";
import { RegionCache } from "./regions/cache.js";
import { DiscoveredDirectory, fixedDirectory, type RegionDirectory } from "./regions/directory.js";
import { createSorter, type RegionOrder } from "./regions/order.js";
import { checkRegions, type Region, type RegionInit } from "./regions/region.js";
import type { RegionSource } from "./regions/source.js";
import { checkKeys, checkObject, checkString } from "./support/checks.js";
import { type Clock, dateOf, MAX_TIMER_MS, systemClock, waitAtMost } from "./support/clock.js";
import { mustBe } from "./support/errors.js";

/** The options of `createFailover`. One that is `undefined` counts as left out. */
export interface FailoverOptions {
  /**
   * Where calls can go: a list in the order of preference, of which the first is home, or a source that knows how to ask
   * for one (`httpRegions`, `srvRegions`). The base URL of the transport below is not used.
   */
  regions: RegionSource | readonly RegionInit[];
  /**
   * What may run twice, and how long things may take, by method; see `policiesFor` for a typed way to write it.
   *
   * @default {}: every method as its `.proto` says, and not idempotent where it says nothing
   */
  policies?: PolicyTable | undefined;
  /**
   * Region lists to share with other `Failover`s. Only sources use it.
   *
   * @default a cache of its own
   */
  cache?: RegionCache | undefined;
  /**
   * The order in which regions that are well are tried: as in the list, the nearest first, or each with its share of the
   * calls.
   *
   * @default "list", or what the source is made for: `srvRegions` says "weight"
   */
  order?: RegionOrder | undefined;
  /**
   * When a region counts as down and gets no calls for a while; `false` to remember nothing between calls.
   *
   * @default { consecutiveFailures: 3, failureShare: 0.5, minimumCalls: 10, ejectionMs: 30_000, … }
   */
  health?: HealthOptions | false | undefined;
  /**
   * The budget for replays into each region, shared by all calls; `false` for no limit.
   *
   * @default { maxTokens: 100, tokenRatio: 0.1 }
   */
  retryThrottling?: RetryThrottling | false | undefined;
}

/** A region as a status page shows it. */
export interface RegionStatus {
  /** The name of the region in events and traces. */
  readonly id: string;
  /** The base URL of its Twirp server. */
  readonly url: string;
  /** Whether it is the first of the list. */
  readonly home: boolean;
  /**
   * - `healthy`: it gets calls, as its place in the order says.
   * - `ejected`: it gets none, unless there is nowhere else to go.
   * - `probing`: one call is testing it, and all others go elsewhere.
   */
  readonly state: "healthy" | "ejected" | "probing";
  /** Why it is ejected, as in the `region_ejected` event; absent unless `state` is `ejected`. */
  readonly ejectionReason?: EjectionReason;
  /**
   * The share of its last calls that failed (at most `windowCalls` within `windowMs`; see `HealthOptions`), from 0 to 1; 0 if
   * there were none. Unless `state` is `healthy`, the share at its ejection.
   */
  readonly failureShare: number;
  /**
   * From when on a call may test it, in whole milliseconds since the Unix epoch; absent unless `state` is `ejected`. It stays
   * `ejected` after that time until such a call comes.
   */
  readonly ejectedUntilMs?: number;
  /** How many attempts are under way there. */
  readonly inFlight: number;
}

/** What `stats()` shows. */
export interface FailoverStats {
  /** The tokens that are left in each region's bucket for replays, by the region's id; see `retryThrottling`. */
  readonly retryTokens: Readonly<Record<string, number>>;
  /**
   * The tokens that are left in each method's bucket, by `pkg.Service/Method`. Only methods that were replayed have one. It
   * is charged for failures that may be a bug of the method (`internal` and the like) once they happened twice in a call.
   */
  readonly methodRetryTokens: Readonly<Record<string, number>>;
}

/** Regions, policies and budgets, to be shared by any number of clients. */
export interface Failover {
  /**
   * Calls `listener` for every event of this type, or for all events with `"*"`. It is called synchronously and never
   * waited for. If it throws, no call is harmed, and a `warning` says so.
   *
   * @returns a function that removes the listener.
   * @throws InvalidOptionError if there is no such event.
   */
  on<T extends FailoverEventType | "*">(type: T, listener: (event: FailoverEventOf<T>) => void): () => void;
  /** The regions as they are known now, in the order of the list. */
  regions(): readonly RegionStatus[];
  /** The budgets as they are now. */
  stats(): FailoverStats;
  /**
   * Resolves when a list of regions is known, from the source or from a store, or could not be loaded: after two and a
   * quarter seconds at most. Waiting for it is optional, because calls go home meanwhile.
   */
  ready(): Promise<void>;
  /**
   * Ends the `Failover`: calls that start later are rejected with `canceled` before anything is sent, and all listeners
   * are removed. Calls under way go on. There is nothing else to stop: a request for a list that is under way ends by itself.
   */
  close(): void;
  /** `close()`, for `using`. */
  [Symbol.dispose](): void;
  /**
   * Runs one call. It is for adapters; users of a generated client do not need it.
   *
   * Rejects with the library's own error, never a wrapper.
   */
  run<T>(call: RpcCall<T>): Promise<T>;
}

/**
 * Makes a `Failover`. Nothing is requested before its first call.
 *
 * @throws InvalidOptionError if an option cannot be what was meant.
 */
export function createFailover(options: FailoverOptions): Failover {
  return buildFailover(options, systemClock);
}

/** @internal For tests, which bring a clock of their own. */
export function buildFailover(options: FailoverOptions, clock: Clock): Failover {
  checkKeys("createFailover()", checkObject("createFailover's options", options), OPTIONS);
  const events = new Emitter(clock);
  const warn = (message: string) => events.warn(message);
  // Warnings about options come late enough for a listener that is registered right after this.
  const warnSoon = (message: string) => queueMicrotask(() => warn(message));

  const health = createHealth(events, clock, options.health);
  const budgets = {
    regions: createRetryBudget(options.retryThrottling, clock),
    methods: createRetryBudget(options.retryThrottling, clock),
  };
  const directory = buildDirectory(options, events, clock, (regions) => {
    health.retain(regions);
    budgets.regions.retain(new Set(regions.map(({ url }) => url)));
  });
  const policies = new Policies(options.policies ?? {}, warnSoon);
  const ofSource = isSource(options.regions) ? options.regions.order : undefined;
  const order = options.order === undefined ? ofSource : options.order;
  const sort = createSorter(order, () => clock.random());
  const sortReplays = createSorter(order, () => clock.random());
  const router = new Router({ directory, health, sort, sortReplays, clock });
  const planner = new ReplayPlanner({ router, budgets, clock });
  const engine = new Engine({ policies, router, planner, budgets, health, events, warn, clock });
  const close = () => {
    engine.close();
    events.clear();
  };

  return {
    on: (type, listener) => events.on(type, listener),
    regions: () => directory.current().map((region, i) => statusOf(region, i === 0, health.of(region), clock)),
    stats: () => ({
      retryTokens: Object.fromEntries(directory.current().map(({ id, url }) => [id, budgets.regions.balance(url)])),
      methodRetryTokens: Object.fromEntries(
        [...budgets.methods.keys()].map((name) => [name, budgets.methods.balance(name)]),
      ),
    }),
    ready: async () => {
      if (engine.closed || !directory.isStale()) return;
      // With a timer that keeps the process alive, because the timers below do not, and there may be nothing else.
      await waitAtMost(
        directory.refreshUntil(() => directory.isKnown()),
        MAX_TIMER_MS,
        undefined,
        clock,
      );
    },
    run: (call) => engine.run(call),
    close,
    [Symbol.dispose ?? "dispose"]: close, // Some browsers do not have the symbol.
  };
}

const OPTIONS = Object.keys({
  regions: 0,
  policies: 0,
  cache: 0,
  order: 0,
  health: 0,
  retryThrottling: 0,
} satisfies Record<keyof FailoverOptions, 0>);

function statusOf({ id, url }: Region, home: boolean, health: RegionHealth, clock: Clock): RegionStatus {
  const { reason, until, ...rest } = health;
  return {
    id,
    url,
    home,
    ...rest,
    ...(reason !== undefined && { ejectionReason: reason }),
    ...(until !== undefined && { ejectedUntilMs: dateOf(until, clock) }),
  };
}

function buildDirectory(
  { regions, cache }: FailoverOptions,
  events: Emitter,
  clock: Clock,
  onChange: (regions: readonly Region[]) => void,
): RegionDirectory {
  if (!isSource(regions)) return fixedDirectory(checkRegions("regions", regions));
  if (cache !== undefined && !(cache instanceof RegionCache)) throw mustBe("cache", "a RegionCache", cache);
  checkString("regions.key", regions.key);
  // A source may know nothing before it is asked.
  const isEmpty = Array.isArray(regions.known) && regions.known.length === 0;
  const known = isEmpty ? [] : checkRegions("regions.known", regions.known);
  return new DiscoveredDirectory(regions, known, cache ?? new RegionCache(), events, clock, onChange);
}

function isSource(regions: FailoverOptions["regions"]): regions is RegionSource {
  return typeof regions === "object" && regions !== null && "load" in regions && typeof regions.load === "function";
}

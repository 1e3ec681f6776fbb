/** The health of all regions: which of them get calls, and what their attempts say about them. */

import type { Emitter } from "../events/emitter.js";
import type { FailoverEvent } from "../events/events.js";
import type { Outcome } from "../outcome/outcome.js";
import type { TwirpCode } from "../outcome/twirp-code.js";
import type { Region } from "../regions/region.js";
import { type Clock, dateOf } from "../support/clock.js";
import {
  Breaker,
  type BreakerListener,
  type BreakerState,
  type Evidence,
  type Permit,
  type Probing,
} from "./breaker.js";
import { checkHealth, type HealthOptions, type HealthSettings } from "./options.js";

export interface RegionHealth {
  readonly state: BreakerState["kind"];
  /** Of its last calls, from 0 to 1. */
  readonly failureShare: number;
  /** By the clock's `now`; absent while it is not ejected. */
  readonly until?: number;
  readonly inFlight: number;
}

/** An attempt under way, as its region's health sees it. `now` is the clock's. */
export interface Visit {
  /** The attempt ended: well, if there is no outcome. */
  end(outcome: Outcome | undefined, now: number): void;
  /** The call that the attempt belonged to succeeded elsewhere. */
  blame(now: number): void;
}

export interface Health {
  /** Reject a call at once when every region is ejected? */
  readonly failsWhenAllEjected: boolean;
  /** May a call go there? `probing`: may it be the one that tests a region? Takes nothing. */
  admits(region: Region, probing: Probing): boolean;
  /** An attempt begins. */
  visit(region: Region, probing: Probing, now: number): Visit;
  of(region: Region): RegionHealth;
  /** Forgets the regions that are no longer in the list. */
  retain(regions: readonly Region[]): void;
}

class Breakers implements Health {
  readonly #breakers = new Map<string, Breaker>();
  /** How the regions are called now; by `retain`. One that is not among them is gone, and not told of. */
  #ids: ReadonlyMap<string, string> | undefined;
  readonly #settings: HealthSettings;
  readonly failsWhenAllEjected: boolean;

  constructor(
    options: HealthOptions,
    private readonly events: Emitter,
    private readonly clock: Clock,
  ) {
    this.#settings = checkHealth(options);
    this.failsWhenAllEjected = this.#settings.whenAllEjected === "fail";
  }

  admits(region: Region, probing: Probing): boolean {
    const breaker = this.#breakers.get(region.url);
    return breaker === undefined || breaker.state.kind === "healthy" || breaker.admits(this.clock.now(), probing);
  }

  visit(region: Region, probing: Probing, now: number): Visit {
    const breaker = this.#breakerOf(region);
    return new BreakerVisit(breaker, breaker.begin(now, probing));
  }

  of(region: Region): RegionHealth {
    const breaker = this.#breakers.get(region.url);
    if (breaker === undefined) return HEALTHY;
    const { state, inFlight } = breaker;
    return {
      state: state.kind,
      failureShare: breaker.failureShare(this.clock.now()),
      inFlight,
      ...(state.kind === "ejected" && { until: state.until }),
    };
  }

  retain(regions: readonly Region[]): void {
    const urls = new Set(regions.map(({ url }) => url));
    for (const url of this.#breakers.keys()) if (!urls.has(url)) this.#breakers.delete(url);
    this.#ids = new Map(regions.map(({ id, url }) => [url, id]));
  }

  #breakerOf(region: Region): Breaker {
    let breaker = this.#breakers.get(region.url);
    if (breaker === undefined) {
      breaker = new Breaker(this.#settings, () => this.clock.random(), this.#listenerFor(region));
      this.#breakers.set(region.url, breaker);
    }
    return breaker;
  }

  #listenerFor({ url, id }: Region): BreakerListener {
    const { events, clock } = this;
    const tell = (eventOf: (about: { at: number; region: string }) => FailoverEvent) => {
      const region = this.#ids === undefined ? id : this.#ids.get(url);
      if (region !== undefined) events.emit(eventOf({ at: clock.date(), region }));
    };
    return {
      ejected: (reason, until, consecutive) =>
        tell((about) => ({ type: "region_ejected", ...about, reason, untilMs: dateOf(until, clock), consecutive })),
      probing: () => tell((about) => ({ type: "region_probe", ...about })),
      readmitted: () => tell((about) => ({ type: "region_readmitted", ...about })),
    };
  }
}

class BreakerVisit implements Visit {
  constructor(
    private readonly breaker: Breaker,
    private readonly permit: Permit,
  ) {}

  end(outcome: Outcome | undefined, now: number): void {
    // One of 0 asks for nothing, and is no excuse for the failure that it came with.
    const pushbackMs = (outcome !== undefined && LOAD.has(outcome.code) && outcome.pushbackMs) || undefined;
    // A server that says when to come back is believed, and not counted on top of that.
    const evidence = outcome === undefined ? "success" : pushbackMs === undefined ? evidenceOf(outcome) : "nothing";
    const upToDate = this.breaker.settle(this.permit, evidence, now);
    // Several calls may hear of it at the same time: the longest counts.
    const counts = upToDate || this.breaker.state.kind === "ejected";
    if (counts && pushbackMs !== undefined) this.breaker.pushBack(pushbackMs, now);
  }

  blame(now: number): void {
    this.breaker.blame(this.permit, now);
  }
}

const HEALTHY: RegionHealth = { state: "healthy", failureShare: 0, inFlight: 0 };

const NO_VISIT: Visit = { end() {}, blame() {} };

const NO_HEALTH: Health = {
  failsWhenAllEjected: false,
  admits: () => true,
  visit: () => NO_VISIT,
  of: () => HEALTHY,
  retain() {},
};

/** @throws InvalidOptionError */
export function createHealth(events: Emitter, clock: Clock, options: HealthOptions | false = {}): Health {
  return options === false ? NO_HEALTH : new Breakers(options, events, clock);
}

/** Codes that speak of the region and not of the method or the caller. A 429 and a 503 are among them. */
const LOAD: ReadonlySet<TwirpCode> = new Set(["unavailable", "resource_exhausted"]);

/** May be a bug of one method. They count against the region only by `blame`. */
const DOUBTFUL: ReadonlySet<TwirpCode> = new Set(["internal", "unknown", "dataloss"]);

/** Is the failure one that counts only once the same call succeeded elsewhere? */
export function isDoubtful({ origin, code }: Outcome): boolean {
  return (origin === "service" || origin === "intermediary") && DOUBTFUL.has(code);
}

function evidenceOf({ origin, code }: Outcome): Evidence {
  if (origin === "transport" || origin === "timeout") return "unanswered";
  if (origin === "caller" || origin === "client") return "nothing";
  if (LOAD.has(code)) return "failure";
  return origin === "service" && !DOUBTFUL.has(code) ? "answered" : "doubtful";
}

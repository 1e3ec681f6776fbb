/** The health of all regions: which of them get calls, and what their attempts say about them. */
import type { Emitter } from "../events/emitter.js";
import type { EjectionReason, FailoverEvent } from "../events/events.js";
import type { Region } from "../regions/region.js";
import { type Clock, dateOf } from "../support/clock.js";
import { Breaker, type BreakerListener, type BreakerState, type Permit, type ProbeEligibility } from "./breaker.js";
import { type Durations, KnownDurations, NO_DURATIONS } from "./durations.js";
import { checkHealth, type HealthOptions, type HealthSettings } from "./options.js";

export interface RegionHealth {
  readonly state: BreakerState["kind"];
  /** The share of its last calls that failed, from 0 to 1; while it is out, as it was at its ejection. */
  readonly failureShare: number;
  /** Why it is ejected; absent unless it is. */
  readonly reason?: EjectionReason;
  /** When the ejection ends, by the clock's `now`; absent unless it is ejected. */
  readonly until?: number;
  /** Attempts under way. */
  readonly inFlight: number;
}

export interface Health {
  /** Whether to reject a call at once when every region is ejected. */
  readonly failsWhenAllEjected: boolean;
  readonly durations: Durations;
  /** Whether a call may go to this region. Changes nothing. */
  admits(region: Region, eligibility: ProbeEligibility): boolean;
  /** An attempt starts. */
  acquire(region: Region, eligibility: ProbeEligibility, now: number): Permit;
  of(region: Region): RegionHealth;
  /** Forgets the regions that are no longer in the list. */
  retain(regions: readonly Region[]): void;
}

class Breakers implements Health {
  readonly #breakers = new Map<string, Breaker>();
  /** The regions' ids by URL, as of the last `retain`. A region that is missing is gone, so no event names it. */
  #ids: ReadonlyMap<string, string> | undefined;
  readonly #settings: HealthSettings;
  readonly failsWhenAllEjected: boolean;
  readonly durations = new KnownDurations();

  constructor(
    options: HealthOptions,
    private readonly events: Emitter,
    private readonly clock: Clock,
  ) {
    this.#settings = checkHealth(options);
    this.failsWhenAllEjected = this.#settings.whenAllEjected === "fail";
  }

  admits(region: Region, eligibility: ProbeEligibility): boolean {
    const breaker = this.#breakers.get(region.url);
    // The clock is read only where the answer depends on it, because every call asks.
    return breaker === undefined || breaker.state.kind === "healthy" || breaker.admits(this.clock.now(), eligibility);
  }

  acquire(region: Region, eligibility: ProbeEligibility, now: number): Permit {
    return this.#breakerOf(region).acquire(now, eligibility);
  }

  of(region: Region): RegionHealth {
    const breaker = this.#breakers.get(region.url);
    if (breaker === undefined) return HEALTHY;
    const { state, ejectionReason: reason, inFlight } = breaker;
    return {
      state: state.kind,
      failureShare: breaker.failureShare(this.clock.now()),
      inFlight,
      ...(reason !== undefined && { reason }),
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
    const emit = (eventOf: (about: { at: number; region: string }) => FailoverEvent) => {
      const region = this.#ids === undefined ? id : this.#ids.get(url);
      if (region !== undefined) events.emit(eventOf({ at: clock.date(), region }));
    };
    return {
      ejected: (reason, until, consecutive) =>
        emit((about) => ({ type: "region_ejected", ...about, reason, untilMs: dateOf(until, clock), consecutive })),
      probing: () => emit((about) => ({ type: "region_probe", ...about })),
      readmitted: () => emit((about) => ({ type: "region_readmitted", ...about })),
    };
  }
}

const HEALTHY: RegionHealth = { state: "healthy", failureShare: 0, inFlight: 0 };

const UNCOUNTED: Permit = { probe: false, settle() {}, blame() {} };

/** For `health: false`. */
const NO_HEALTH: Health = {
  failsWhenAllEjected: false,
  durations: NO_DURATIONS,
  admits: () => true,
  acquire: () => UNCOUNTED,
  of: () => HEALTHY,
  retain() {},
};

/** @throws InvalidOptionError */
export function createHealth(events: Emitter, clock: Clock, options: HealthOptions | false = {}): Health {
  return options === false ? NO_HEALTH : new Breakers(options, events, clock);
}

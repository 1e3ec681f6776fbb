/** The health of regions by itself, without calls. The test decides how attempts end. */
import { Emitter } from "../../../src/events/emitter.js";
import type { FailoverEvent } from "../../../src/events/events.js";
import type { Permit } from "../../../src/health/breaker.js";
import { evidenceOf } from "../../../src/health/evidence.js";
import { createHealth, type Health } from "../../../src/health/health.js";
import type { HealthOptions } from "../../../src/health/options.js";
import type { Outcome } from "../../../src/outcome/outcome.js";
import { clockWith, regionNamed } from "./simulation.js";

export const REGION = regionNamed("a");

export interface TestedHealth {
  readonly health: Health;
  readonly events: FailoverEvent[];
  readonly state: () => string;
  /** Makes one attempt in the region. Without an outcome, it succeeded. */
  attempt(outcome?: Outcome): Permit;
  attempts(count: number, outcome?: Outcome): void;
}

/** Runs in simulated time. */
export function healthWith(options?: HealthOptions | false): TestedHealth {
  const clock = clockWith();
  const emitter = new Emitter(clock);
  const events: FailoverEvent[] = [];
  for (const type of ["region_ejected", "region_probe", "region_readmitted"] as const) {
    emitter.on(type, (event) => events.push(event));
  }
  const health = createHealth(emitter, clock, options);
  const attempt = (outcome?: Outcome) => {
    const permit = health.acquire(REGION, "first", clock.now());
    permit.settle(evidenceOf(outcome), clock.now());
    return permit;
  };
  return {
    health,
    events,
    state: () => health.of(REGION).state,
    attempt,
    attempts: (count, outcome) => {
      for (let i = 0; i < count; i++) attempt(outcome);
    },
  };
}

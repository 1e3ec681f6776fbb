/** A breaker by itself, without regions or calls. The test passes the time. */

import type { EjectionReason } from "../../../src/events/events.js";
import { Breaker, type BreakerState, type Permit } from "../../../src/health/breaker.js";
import type { Evidence } from "../../../src/health/evidence.js";
import { checkHealth, type HealthOptions } from "../../../src/health/options.js";

export type EvidenceKind = Evidence["kind"];

/** An event that a breaker reported to its owner. */
export type BreakerEvent =
  | { readonly type: "ejected"; readonly reason: EjectionReason; readonly until: number; readonly consecutive: number }
  | { readonly type: "probing" }
  | { readonly type: "readmitted" };

export interface TestedBreaker {
  readonly breaker: Breaker;
  readonly reported: BreakerEvent[];
  readonly kind: () => BreakerState["kind"];
  /** Makes one attempt that takes no time. */
  attempt(evidence: EvidenceKind, now: number, mayProbe?: boolean): Permit;
  /** Makes `count` attempts. */
  attempts(count: number, evidence: EvidenceKind, now: number): void;
}

/** With the default `random` of 0.5, ejections have their nominal length. */
export function breakerWith(options: HealthOptions = {}, random: () => number = () => 0.5): TestedBreaker {
  const reported: BreakerEvent[] = [];
  const breaker = new Breaker(checkHealth(options), random, {
    ejected: (reason, until, consecutive) => reported.push({ type: "ejected", reason, until, consecutive }),
    probing: () => reported.push({ type: "probing" }),
    readmitted: () => reported.push({ type: "readmitted" }),
  });
  const attempt = (evidence: EvidenceKind, now: number, mayProbe: boolean = true) => {
    const permit = breaker.acquire(now, mayProbe ? "first" : "never");
    permit.settle({ kind: evidence }, now);
    return permit;
  };
  return {
    breaker,
    reported,
    kind: () => breaker.state.kind,
    attempt,
    attempts: (count, evidence, now) => {
      for (let i = 0; i < count; i++) attempt(evidence, now);
    },
  };
}

/** Makes one attempt that takes no time, in which the server asks not to be called for `pushbackMs`. */
export function pushBack(breaker: Breaker, pushbackMs: number, now: number): void {
  breaker.acquire(now, "never").settle({ kind: "failure", ...(pushbackMs > 0 && { pushbackMs }) }, now);
}

/** A breaker that was ejected by three failures at time 0, for 30 s. */
export function ejectedBreaker(options: HealthOptions = {}, random?: () => number): TestedBreaker {
  const tested = breakerWith(options, random);
  tested.attempts(3, "unanswered", 0);
  return tested;
}

/** The same breaker at 30 s, with its probe under way. */
export function probingBreaker(options: HealthOptions = {}): TestedBreaker & { readonly probe: Permit } {
  const tested = ejectedBreaker(options);
  return { ...tested, probe: tested.breaker.acquire(30_000, "first") };
}

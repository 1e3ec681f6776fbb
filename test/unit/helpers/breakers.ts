/** A breaker without regions or calls around it: time is what the test says. */

import type { EjectionReason } from "../../../src/events/events.js";
import { Breaker, type BreakerState, type Permit } from "../../../src/health/breaker.js";
import type { Evidence } from "../../../src/health/evidence.js";
import { checkHealth, type HealthOptions } from "../../../src/health/options.js";

export type EvidenceKind = Evidence["kind"];

/** What a breaker told its owner. */
export type Told =
  | { readonly type: "ejected"; readonly reason: EjectionReason; readonly until: number; readonly consecutive: number }
  | { readonly type: "probing" }
  | { readonly type: "readmitted" };

export interface TestedBreaker {
  readonly breaker: Breaker;
  readonly told: Told[];
  readonly kind: () => BreakerState["kind"];
  /** One attempt from start to end, which takes no time. */
  attempt(evidence: EvidenceKind, now: number, mayProbe?: boolean): Permit;
  /** That many attempts. */
  attempts(count: number, evidence: EvidenceKind, now: number): void;
}

/** The `random` of the middle gives ejections of their nominal length. */
export function breakerWith(options: HealthOptions = {}, random: () => number = () => 0.5): TestedBreaker {
  const told: Told[] = [];
  const breaker = new Breaker(checkHealth(options), random, {
    ejected: (reason, until, consecutive) => told.push({ type: "ejected", reason, until, consecutive }),
    probing: () => told.push({ type: "probing" }),
    readmitted: () => told.push({ type: "readmitted" }),
  });
  const attempt = (evidence: EvidenceKind, now: number, mayProbe: boolean = true) => {
    const permit = breaker.acquire(now, mayProbe ? "first" : "never");
    permit.settle({ kind: evidence }, now);
    return permit;
  };
  return {
    breaker,
    told,
    kind: () => breaker.state.kind,
    attempt,
    attempts: (count, evidence, now) => {
      for (let i = 0; i < count; i++) attempt(evidence, now);
    },
  };
}

/** A server asks to be left alone, by an attempt that takes no time. */
export function pushBack(breaker: Breaker, pushbackMs: number, now: number): void {
  breaker.acquire(now, "never").settle({ kind: "failure", ...(pushbackMs > 0 && { pushbackMs }) }, now);
}

/** A breaker that three failures ejected at 0, for 30 s. */
export function ejectedBreaker(options: HealthOptions = {}, random?: () => number): TestedBreaker {
  const tested = breakerWith(options, random);
  tested.attempts(3, "unanswered", 0);
  return tested;
}

/** That breaker at 30 s, with its probe under way. */
export function probingBreaker(options: HealthOptions = {}): TestedBreaker & { readonly probe: Permit } {
  const tested = ejectedBreaker(options);
  return { ...tested, probe: tested.breaker.acquire(30_000, "first") };
}

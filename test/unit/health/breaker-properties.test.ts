import fc from "fast-check";
import { expect, test } from "vitest";
import type { BreakerState, Permit } from "../../../src/health/breaker.js";
import { type BreakerEvent, breakerWith, type EvidenceKind, pushBack } from "../helpers/breakers.js";

// Mostly failures, because a success readmits the region and a healthy region has little to check.
const evidence = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom<EvidenceKind>("unanswered", "failure") },
  { weight: 2, arbitrary: fc.constant<EvidenceKind>("nothing") },
  { weight: 1, arbitrary: fc.constantFrom<EvidenceKind>("success", "alive") },
);
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("begin" as const), mayProbe: fc.boolean() }) },
  // `which` is an index into the attempts under way, or into those that have ended.
  { weight: 4, arbitrary: fc.record({ do: fc.constant("settle" as const), which: fc.nat(20), evidence }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("blame" as const), which: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("pushBack" as const), forMs: fc.nat(100) }) },
);
const schedule = fc.record({
  steps: fc.array(fc.tuple(step, fc.oneof(fc.constant(0), fc.nat(60))), { minLength: 40, maxLength: 160 }),
  consecutiveFailures: fc.integer({ min: 1, max: 3 }),
  ejectionMs: fc.integer({ min: 1, max: 30 }),
});

interface Seen {
  readonly now: number;
  readonly state: BreakerState;
  readonly inFlight: number;
  /** Attempts that have begun but not ended. */
  readonly open: readonly Permit[];
  readonly reported: readonly BreakerEvent[];
}

/** Plays random schedules, then ends all open attempts. Checks after every step. */
function always(check: (seen: Seen) => void): void {
  const property = fc.property(schedule, ({ steps, consecutiveFailures, ejectionMs }) => {
    const options = { consecutiveFailures, ejectionMs, maxEjectionMs: 120, minimumCalls: 5, windowCalls: 8 };
    const { breaker, reported } = breakerWith(options);
    let now = 0;
    let open: Permit[] = [];
    const ended: Permit[] = [];
    const look = () => check({ now, state: breaker.state, inFlight: breaker.inFlight, open, reported });
    const settle = (permit: Permit, evidence: EvidenceKind) => {
      open = open.filter((other) => other !== permit);
      ended.push(permit);
      permit.settle({ kind: evidence }, now);
    };
    for (const [step, afterMs] of steps) {
      now += afterMs;
      if (step.do === "begin") open.push(breaker.acquire(now, step.mayProbe ? "first" : "never"));
      else if (step.do === "pushBack") pushBack(breaker, step.forMs, now);
      else if (step.do === "settle" && open.length > 0) {
        settle(open[step.which % open.length] as Permit, step.evidence);
      } else if (step.do === "blame" && ended.length > 0) {
        (ended[step.which % ended.length] as Permit).blame(now);
      }
      look();
    }
    for (const permit of open) settle(permit, "nothing");
    look();
  });
  fc.assert(property, { numRuns: 100 });
}

test("every attempt that begins is in flight until it ends", () => {
  always(({ inFlight, open }) => expect(inFlight).toBe(open.length));
});

test("a region is being probed only while its probe is under way", () => {
  always(({ state, open }) => {
    if (state.kind === "probing") expect(open.some(({ probe }) => probe)).toBe(true);
  });
});

test("there is one probe at a time", () => {
  always(({ open }) => expect(open.filter(({ probe }) => probe).length).toBeLessThanOrEqual(1));
});

test("the reports match the state: the last report is the state, and no readmission is reported twice", () => {
  always(({ state, reported }) => {
    const types = reported.map(({ type }) => type);
    const last = types.at(-1) ?? "readmitted";
    // A probe without evidence leaves the region ejected, without a report.
    const fits = { healthy: ["readmitted"], ejected: ["ejected", "probing"], probing: ["probing"] };
    expect(fits[state.kind]).toContain(last);
    for (const [i, type] of types.entries()) if (type === "readmitted") expect(types[i - 1]).not.toBe("readmitted");
  });
});

test("no ejection is longer than maxEjectionMs plus jitter, pushback included", () => {
  always(({ state, now }) => {
    if (state.kind === "ejected") expect(state.until - now).toBeLessThanOrEqual(120 * 1.1);
  });
});

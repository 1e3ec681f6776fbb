import { describe, expect, test, vi } from "vitest";
import { evidenceOf, isDoubtful } from "../../../src/health/evidence.js";
import type { Outcome } from "../../../src/outcome/outcome.js";
import { TWIRP_CODES, type TwirpCode } from "../../../src/outcome/twirp-code.js";
import { healthWith, REGION } from "../helpers/healths.js";
import { useSimulatedTime } from "../helpers/simulation.js";

useSimulatedTime();

type Fact = readonly [origin: Outcome["origin"], code: TwirpCode];
const outcomeOf = ([origin, code]: Fact): Outcome => ({ origin, code, execution: "unknown" });

const LOAD: readonly TwirpCode[] = ["unavailable", "resource_exhausted"];
const DOUBTFUL: readonly TwirpCode[] = ["internal", "unknown", "dataloss"];
/** Codes of a healthy service when the caller or the request is at fault: the 4xx family, and its own deadline. */
const CALLERS_AFFAIR = TWIRP_CODES.filter((code) => !LOAD.includes(code) && !DOUBTFUL.includes(code));

const UNANSWERED: readonly Fact[] = [
  ["transport", "unavailable"],
  ["transport", "dataloss"],
  ["timeout", "deadline_exceeded"],
  ["timeout", "unavailable"],
];
const FAILURES: readonly Fact[] = LOAD.flatMap((code): Fact[] => [
  ["service", code],
  ["intermediary", code],
]);
const DOUBTFUL_FACTS: readonly Fact[] = DOUBTFUL.flatMap((code): Fact[] => [
  ["service", code],
  ["intermediary", code],
]);
const ANSWERS = CALLERS_AFFAIR.map((code): Fact => ["service", code]);
/** No evidence: a proxy's error about the caller, which says nothing about the region, and ends on the client's side. */
const SILENT: readonly Fact[] = [
  ["intermediary", "unauthenticated"],
  ["intermediary", "permission_denied"],
  ["intermediary", "bad_route"],
  ["caller", "canceled"],
  ["caller", "deadline_exceeded"],
  ["client", "internal"],
];

/** The caller aborted, or the request could not be built. */
const isOurs = ([origin]: Fact) => origin === "caller" || origin === "client";

/** A region that was ejected by three timeouts, at the time for its probe. */
function afterEjection() {
  const tested = healthWith();
  tested.attempts(3, outcomeOf(["timeout", "deadline_exceeded"]));
  vi.advanceTimersByTime(30_000);
  return tested;
}

test("every code is in exactly one group", () => {
  expect([...LOAD, ...DOUBTFUL, ...CALLERS_AFFAIR].toSorted()).toEqual([...TWIRP_CODES].toSorted());
  expect(CALLERS_AFFAIR).toHaveLength(13);
});

describe("no answer", () => {
  test.each(UNANSWERED)("(%s, %s) ejects after the third in a row", (...fact) => {
    const { attempts, state, events } = healthWith();
    attempts(2, outcomeOf(fact));
    expect(state()).toBe("healthy");
    attempts(1, outcomeOf(fact));
    expect(events).toMatchObject([{ type: "region_ejected", region: "a", reason: "consecutive_failures" }]);
  });

  test.each(UNANSWERED)("(%s, %s) to the probe ejects again", (...fact) => {
    const { attempt, events } = afterEjection();
    attempt(outcomeOf(fact));
    expect(events.at(-1)).toMatchObject({ type: "region_ejected", reason: "probe_failed", consecutive: 2 });
  });
});

describe("an answer that indicates overload", () => {
  test.each(FAILURES)("(%s, %s) ejects by the failure share, not by three in a row", (...fact) => {
    const { attempts, state, events } = healthWith();
    attempts(9, outcomeOf(fact));
    expect(state()).toBe("healthy");
    attempts(1, outcomeOf(fact));
    expect(events).toMatchObject([{ type: "region_ejected", reason: "failure_share" }]);
  });

  test.each(FAILURES)("(%s, %s) to the probe ejects again", (...fact) => {
    const { attempt, state } = afterEjection();
    attempt(outcomeOf(fact));
    expect(state()).toBe("ejected");
  });
});

describe("failures that never count", () => {
  test.each([...ANSWERS, ...SILENT, ...DOUBTFUL_FACTS])("%s, %s: a thousand eject no region", (...fact) => {
    const { attempts, health, events } = healthWith();
    attempts(1_000, outcomeOf(fact));
    expect(events).toEqual([]);
    expect(health.of(REGION)).toEqual({ state: "healthy", failureShare: 0, inFlight: 0 });
  });
});

describe("the probe", () => {
  test.each(ANSWERS)("that the service answers (%s, %s) readmits, because the region is alive", (...fact) => {
    const { attempt, state } = afterEjection();
    attempt(outcomeOf(fact));
    expect(state()).toBe("healthy");
  });

  test.each([...SILENT.filter((fact) => !isOurs(fact)), ...DOUBTFUL_FACTS])(
    "whose answer proves nothing (%s, %s) is not followed by another probe at once",
    (...fact) => {
      const { attempt, state, health } = afterEjection();
      attempt(outcomeOf(fact));
      expect(state()).toBe("ejected");
      expect(health.admits(REGION, "first")).toBe(false);
      vi.advanceTimersByTime(30_000);
      expect(health.admits(REGION, "first")).toBe(true);
    },
  );

  test.each(SILENT.filter(isOurs))("without evidence (%s, %s) makes way for the next", (...fact) => {
    const { attempt, state, health } = afterEjection();
    attempt(outcomeOf(fact));
    expect(state()).toBe("ejected");
    expect(health.admits(REGION, "first")).toBe(true);
    expect(health.admits(REGION, "never")).toBe(false);
    attempt();
    expect(state()).toBe("healthy");
  });
});

describe("a failure that may be the method's bug", () => {
  test.each(DOUBTFUL_FACTS)("is (%s, %s)", (...fact) => {
    expect(isDoubtful(outcomeOf(fact))).toBe(true);
  });

  test.each([...UNANSWERED, ...FAILURES, ...ANSWERS, ...SILENT])("is not (%s, %s)", (...fact) => {
    expect(isDoubtful(outcomeOf(fact))).toBe(false);
  });

  test("counts when the call has succeeded elsewhere", () => {
    const { attempt, events } = healthWith();
    for (let i = 0; i < 10; i++) attempt(outcomeOf(["service", "internal"])).blame(performance.now());
    expect(events).toMatchObject([{ type: "region_ejected", reason: "failure_share" }]);
  });
});

describe("a server's pushback", () => {
  const asking = (origin: Outcome["origin"], code: TwirpCode, pushbackMs = 5_000): Outcome => ({
    ...outcomeOf([origin, code]),
    pushbackMs,
  });

  test.each(FAILURES)("with %s, %s ejects at once, for that long", (...[origin, code]) => {
    const { attempt, events } = healthWith();
    attempt(asking(origin, code));
    expect(events).toMatchObject([{ type: "region_ejected", reason: "pushback", consecutive: 0 }]);
    expect(events[0]).toHaveProperty("untilMs", (events[0]?.at as number) + 5_000);
  });

  test.each<Fact>([
    ["service", "internal"],
    ["service", "not_found"],
    ["intermediary", "unknown"],
    ["intermediary", "permission_denied"],
  ])("with %s, %s ejects no region", (...[origin, code]) => {
    const { attempts, events } = healthWith();
    attempts(100, asking(origin, code));
    expect(events).toEqual([]);
  });

  test("counts as a failure as well", () => {
    const { attempts, events } = healthWith();
    attempts(9, outcomeOf(["service", "unavailable"]));
    attempts(1, asking("service", "unavailable", 1_000));
    expect(events).toMatchObject([{ type: "region_ejected", reason: "failure_share", consecutive: 1 }]);
  });

  test("of 0 is ignored, and the failure counts", () => {
    const { attempts, events } = healthWith();
    attempts(10, asking("service", "unavailable", 0));
    expect(events).toMatchObject([{ type: "region_ejected", reason: "failure_share" }]);
  });

  test("that calls under way repeat is one ejection, as long as the longest pushback", () => {
    const { health, events, now } = { ...healthWith(), now: () => performance.now() };
    const permits = [1, 2, 3].map(() => health.acquire(REGION, "first", now()));
    for (const [i, permit] of permits.entries()) {
      permit.settle(evidenceOf(asking("service", "unavailable", 1_000 * (i + 1))), now());
    }
    expect(events.filter(({ type }) => type === "region_ejected")).toHaveLength(1);
    expect(health.of(REGION).until).toBe(now() + 3_000);
  });

  test("that comes late, from an attempt before the ejection, is ignored", () => {
    const { health, attempts, events } = healthWith();
    const late = health.acquire(REGION, "first", performance.now());
    attempts(3, outcomeOf(["transport", "unavailable"]));
    vi.advanceTimersByTime(29_000);
    late.settle(evidenceOf(asking("intermediary", "unavailable", 30_000)), performance.now());
    expect(events).toHaveLength(1);
  });
});

describe("with health: false", () => {
  test("nothing is remembered, and no region is ejected", () => {
    const { health, attempts, events } = healthWith(false);
    attempts(1_000, outcomeOf(["transport", "unavailable"]));
    health.acquire(REGION, "first", 0).blame(0);
    health.retain([REGION]);
    expect(events).toEqual([]);
    expect(health.admits(REGION, "never")).toBe(true);
    expect(health.failsWhenAllEjected).toBe(false);
    expect(health.of(REGION)).toEqual({ state: "healthy", failureShare: 0, inFlight: 0 });
  });
});

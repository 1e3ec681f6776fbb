import { describe, expect, test } from "vitest";
import { breakerWith, ejectedBreaker, probingBreaker, pushBack, type TestedBreaker } from "../helpers/breakers.js";

const ejections = ({ reported }: TestedBreaker) => reported.filter((event) => event.type === "ejected");

/** Fails the next probe as soon as it may be sent, and returns how long the region is then ejected. */
function failProbe({ breaker, attempt }: TestedBreaker): number {
  const { state } = breaker;
  if (state.kind !== "ejected") return expect.fail(`it is ${state.kind}`);
  const now = state.until;
  attempt("unanswered", now);
  return breaker.state.kind === "ejected" ? breaker.state.until - now : Number.NaN;
}

describe("an ejection", () => {
  test("lasts 30 s, and longer each time in a row, up to 300 s", () => {
    const tested = ejectedBreaker();
    const lengths = [30, ...Array.from({ length: 12 }, () => failProbe(tested) / 1_000)];
    expect(lengths).toEqual([30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 300, 300, 300]);
    expect(ejections(tested).map(({ consecutive }) => consecutive)).toEqual(lengths.map((_, i) => i + 1));
  });

  test("lasts as long as the options set", () => {
    const tested = ejectedBreaker({ ejectionMs: 1_000, maxEjectionMs: 2_500 });
    expect(tested.breaker.state).toMatchObject({ until: 1_000 });
    expect([failProbe(tested), failProbe(tested), failProbe(tested)]).toEqual([2_000, 2_500, 2_500]);
  });

  test("is never longer than maxEjectionMs, which the default of ejectionMs follows", () => {
    const tested = ejectedBreaker({ maxEjectionMs: 1_000 });
    expect(tested.breaker.state).toMatchObject({ until: 1_000 });
    expect([failProbe(tested), failProbe(tested)]).toEqual([1_000, 1_000]);
  });

  test.each([
    ["shortest", 0, 27_000, 270_000],
    ["longest", 1 - Number.EPSILON, 33_000, 330_000],
  ])("is jittered by a tenth, the cap too: the %s", (_, random, first, last) => {
    const tested = ejectedBreaker({}, () => random);
    expect(ejections(tested)[0]?.until).toBeCloseTo(first, 3);
    const lengths = Array.from({ length: 12 }, () => failProbe(tested));
    expect(lengths.at(-1)).toBeCloseTo(last, 3);
  });
});

describe("after a readmission", () => {
  /** Ejected twice in a row, then readmitted by a probe. */
  function readmittedAt(): { tested: TestedBreaker; at: number } {
    const tested = ejectedBreaker();
    failProbe(tested);
    tested.attempt("success", 90_000);
    expect(tested.kind()).toBe("healthy");
    return { tested, at: 90_000 };
  }

  test.each([
    ["at once", 0, 3],
    ["just within an ejection's time", 29_999, 3],
    ["an ejection's time later", 30_000, 1],
    ["much later", 3_600_000, 1],
  ])("a relapse %s is ejection number %3$s", (_, afterMs, expected) => {
    const { tested, at } = readmittedAt();
    tested.attempts(3, "unanswered", at + afterMs);
    const { until, consecutive } = ejections(tested).at(-1) ?? expect.fail("it was not ejected");
    expect(consecutive).toBe(expected);
    expect(until - at - afterMs).toBe(30_000 * expected);
  });

  test("a relapse after a relapse counts on", () => {
    const { tested, at } = readmittedAt();
    tested.attempts(3, "unanswered", at + 10);
    tested.attempt("success", at + 10 + 90_000);
    tested.attempts(3, "unanswered", at + 10 + 90_000 + 10);
    expect(ejections(tested).at(-1)).toMatchObject({ consecutive: 4 });
  });
});

describe("a server that sends a pushback", () => {
  test("is ejected for that long", () => {
    const { breaker, reported } = breakerWith();
    pushBack(breaker, 5_000, 100);
    expect(breaker.state).toEqual({ kind: "ejected", until: 5_100, consecutive: 0 });
    expect(reported).toEqual([{ type: "ejected", reason: "pushback", until: 5_100, consecutive: 0 }]);
    expect(breaker.admits(5_099, "first")).toBe(false);
    expect(breaker.admits(5_100, "first")).toBe(true);
  });

  test("is ejected for at most 30 s, without jitter", () => {
    const { breaker } = breakerWith({}, () => 0.99);
    pushBack(breaker, 3_600_000, 0);
    expect(breaker.state).toMatchObject({ until: 30_000 });
  });

  test("does not shorten a longer ejection", () => {
    const tested = ejectedBreaker();
    failProbe(tested);
    const before = tested.breaker.state;
    pushBack(tested.breaker, 30_000, 30_001);
    expect(tested.breaker.state).toBe(before);
    expect(ejections(tested)).toHaveLength(2);
  });

  test("lengthens a shorter ejection, which does not count as one more in a row", () => {
    const { breaker } = ejectedBreaker({ ejectionMs: 1_000 });
    pushBack(breaker, 20_000, 10);
    expect(breaker.state).toEqual({ kind: "ejected", until: 20_010, consecutive: 1 });
  });

  test("is not ejected by a pushback of 0 ms", () => {
    const { breaker, reported, kind } = breakerWith();
    pushBack(breaker, 0, 100);
    expect(kind()).toBe("healthy");
    expect(breaker.admits(100, "never")).toBe(true);
    expect(reported).toEqual([]);
  });

  test("is probed afterwards and readmitted", () => {
    const { breaker, attempt, kind } = breakerWith();
    pushBack(breaker, 5_000, 0);
    expect(attempt("success", 5_000).probe).toBe(true);
    expect(kind()).toBe("healthy");
    expect(breaker.inFlight).toBe(0);
  });

  test("makes the results of earlier attempts obsolete", () => {
    const { breaker, attempts, kind } = breakerWith();
    const late = breaker.acquire(0, "first");
    pushBack(breaker, 5_000, 0);
    late.settle({ kind: "success" }, 10);
    expect(kind()).toBe("ejected");
    attempts(1, "success", 5_000);
    expect(kind()).toBe("healthy");
  });

  test("during a probe is overruled by the success of the probe", () => {
    const { breaker, probe, kind } = probingBreaker();
    pushBack(breaker, 5_000, 30_010);
    probe.settle({ kind: "success" }, 30_020);
    expect(kind()).toBe("healthy");
  });
});

describe("a clock that goes back", () => {
  test("delays a probe by the same time, and the region is still readmitted", () => {
    const { breaker, attempt, kind } = ejectedBreaker();
    expect(breaker.admits(-3_600_000, "first")).toBe(false);
    expect(breaker.admits(30_000, "first")).toBe(true);
    attempt("success", 30_000);
    attempt("success", -3_600_000);
    expect(kind()).toBe("healthy");
  });
});

import { describe, expect, test } from "vitest";
import type { Evidence } from "../../../src/health/breaker.js";
import { breakerWith, ejectedBreaker, probingBreaker } from "../helpers/breakers.js";

const UNTIL = 30_000;

describe("a healthy region", () => {
  test("gets all calls, those included that may not be replayed", () => {
    const { breaker } = breakerWith();
    expect(breaker.state).toEqual({ kind: "healthy" });
    expect([breaker.admits(0, "due"), breaker.admits(0, "never")]).toEqual([true, true]);
    expect(breaker.begin(0, "due").probe).toBe(false);
  });

  test.each<Evidence>(["success", "answered", "nothing"])("stays so, whatever %s it gives", (evidence) => {
    const { attempts, kind, told } = breakerWith();
    attempts(1_000, evidence, 0);
    expect(kind()).toBe("healthy");
    expect(told).toEqual([]);
  });

  test("becomes ejected by failures, which is told once", () => {
    const { breaker, told } = ejectedBreaker();
    expect(breaker.state).toEqual({ kind: "ejected", until: UNTIL, consecutive: 1 });
    expect(told).toEqual([{ type: "ejected", reason: "consecutive_failures", until: UNTIL, consecutive: 1 }]);
  });
});

describe("an ejected region", () => {
  test("gets no call until its time is over, be it one that may be replayed or not", () => {
    const { breaker } = ejectedBreaker();
    expect([breaker.admits(0, "due"), breaker.admits(UNTIL - 1, "due"), breaker.admits(UNTIL - 1, "never")]).toEqual([
      false,
      false,
      false,
    ]);
  });

  test("then gets one that may be replayed, and no other", () => {
    const { breaker } = ejectedBreaker();
    expect(breaker.admits(UNTIL, "due")).toBe(true);
    expect(breaker.admits(UNTIL, "never")).toBe(false);
  });

  test("is only looked at by admits: that takes no probe's place", () => {
    const { breaker, told } = ejectedBreaker();
    for (let i = 0; i < 10; i++) breaker.admits(UNTIL, "due");
    expect(breaker.state.kind).toBe("ejected");
    expect(told).toHaveLength(1);
  });

  test("becomes probing with the call that tests it", () => {
    const { breaker, told } = ejectedBreaker();
    expect(breaker.begin(UNTIL, "due")).toMatchObject({ probe: true });
    expect(breaker.state).toEqual({ kind: "probing", consecutive: 1 });
    expect(told.at(-1)).toEqual({ type: "probing" });
  });

  test.each([
    ["too early", UNTIL - 1, true],
    ["one that may not be replayed", UNTIL, false],
  ])("that is called all the same, for want of another, is not probed by that call (%s)", (_, now, mayProbe) => {
    const { breaker, kind } = ejectedBreaker();
    expect(breaker.begin(now, mayProbe ? "due" : "never")).toMatchObject({ probe: false });
    expect(kind()).toBe("ejected");
  });

  test.each<Evidence>(["success", "answered"])("is readmitted when such a call brings %s", (evidence) => {
    const { attempt, kind, told } = ejectedBreaker();
    attempt(evidence, 10, false);
    expect(kind()).toBe("healthy");
    expect(told.at(-1)).toEqual({ type: "readmitted" });
  });

  test.each<Evidence>(["unanswered", "failure", "nothing"])(
    "stays as it is when such a call brings %s: it is not ejected for longer by those who had no choice",
    (evidence) => {
      const { breaker, attempts, told } = ejectedBreaker();
      const before = breaker.state;
      attempts(100, evidence, 10);
      expect(breaker.state).toBe(before);
      expect(told).toHaveLength(1);
    },
  );
});

describe("a region that is being probed", () => {
  test("gets no other call, of either kind, for as long as that takes", () => {
    const { breaker } = probingBreaker();
    for (const now of [UNTIL, 10 * UNTIL]) {
      expect(breaker.admits(now, "due")).toBe(false);
      expect(breaker.admits(now, "never")).toBe(false);
      expect(breaker.begin(now, "due").probe).toBe(false);
    }
  });

  test.each<Evidence>(["success", "answered"])("is readmitted by a probe that brings %s", (evidence) => {
    const { breaker, probe, told } = probingBreaker();
    breaker.settle(probe, evidence, UNTIL + 10);
    expect(breaker.state).toEqual({ kind: "healthy" });
    expect(told.map(({ type }) => type)).toEqual(["ejected", "probing", "readmitted"]);
  });

  test.each<Evidence>(["unanswered", "failure"])(
    "is ejected again by a probe that brings %s, for longer",
    (evidence) => {
      const { breaker, probe, told } = probingBreaker();
      breaker.settle(probe, evidence, UNTIL + 10);
      expect(breaker.state).toEqual({ kind: "ejected", until: UNTIL + 10 + 60_000, consecutive: 2 });
      expect(told.at(-1)).toEqual({
        type: "ejected",
        reason: "probe_failed",
        until: UNTIL + 10 + 60_000,
        consecutive: 2,
      });
    },
  );

  test("has its place free at once when the probe tells nothing: its caller left", () => {
    const { breaker, probe, told } = probingBreaker();
    breaker.settle(probe, "nothing", UNTIL + 10);
    expect(breaker.state).toEqual({ kind: "ejected", until: UNTIL + 10, consecutive: 1 });
    expect(breaker.admits(UNTIL + 10, "due")).toBe(true);
    expect(
      told.map(({ type }) => type),
      "it was not ejected anew",
    ).toEqual(["ejected", "probing"]);
  });

  test("does not wait for ever: the next probe is not numbered as another ejection", () => {
    const { breaker, probe } = probingBreaker();
    breaker.settle(probe, "nothing", UNTIL + 10);
    const next = breaker.begin(UNTIL + 20, "due");
    expect(next.probe).toBe(true);
    breaker.settle(next, "unanswered", UNTIL + 30);
    expect(breaker.state).toMatchObject({ consecutive: 2 });
  });

  test("is readmitted by the success of a call that had nowhere else to go", () => {
    const { breaker, attempt, kind, probe } = probingBreaker();
    attempt("success", UNTIL + 5, false);
    expect(kind()).toBe("healthy");
    expect(breaker.settle(probe, "unanswered", UNTIL + 5_000), "the probe comes too late to say otherwise").toBe(false);
    expect(kind()).toBe("healthy");
  });

  test("is judged by its probe alone: another call's failure does not end the test", () => {
    const { breaker, attempt, probe, kind } = probingBreaker();
    attempt("unanswered", UNTIL + 5, false);
    expect(kind()).toBe("probing");
    expect(breaker.settle(probe, "success", UNTIL + 10)).toBe(true);
    expect(kind()).toBe("healthy");
  });
});

describe("attempts under way", () => {
  test("are counted, whatever becomes of the state meanwhile", () => {
    const { breaker, attempts } = breakerWith();
    const permits = Array.from({ length: 5 }, () => breaker.begin(0, "never"));
    expect(breaker.inFlight).toBe(5);
    attempts(3, "unanswered", 0);
    expect(breaker.inFlight).toBe(5);
    for (const permit of permits) breaker.settle(permit, "nothing", 1);
    expect(breaker.inFlight).toBe(0);
  });
});

describe("late results of an older state", () => {
  test("of when it was healthy do not touch its ejection", () => {
    const { breaker, attempts } = breakerWith();
    const late = Array.from({ length: 6 }, () => breaker.begin(0, "due"));
    attempts(3, "unanswered", 0);
    const ejected = breaker.state;
    const evidence: Evidence[] = ["success", "answered", "unanswered", "failure", "nothing", "unanswered"];
    for (const [i, permit] of late.entries()) expect(breaker.settle(permit, evidence[i] as Evidence, 10)).toBe(false);
    expect(breaker.state).toBe(ejected);
  });

  test("of when it was healthy are no answer to the probe", () => {
    const { breaker, attempts, kind } = breakerWith();
    const [one, two] = [breaker.begin(0, "due"), breaker.begin(0, "due")];
    attempts(3, "unanswered", 0);
    breaker.begin(UNTIL, "due");
    breaker.settle(one, "success", UNTIL + 1);
    breaker.settle(two, "unanswered", UNTIL + 1);
    expect(kind()).toBe("probing");
  });

  test("of before its readmission do not eject it again", () => {
    const { breaker, attempts, attempt, kind } = breakerWith();
    const late = Array.from({ length: 50 }, () => breaker.begin(0, "due"));
    attempts(3, "unanswered", 0);
    attempt("success", UNTIL);
    for (const permit of late) breaker.settle(permit, "unanswered", UNTIL + 1);
    expect(kind()).toBe("healthy");
    expect(breaker.failureShare(UNTIL + 1)).toBe(0);
  });

  test("of a probe that was overtaken by another end do nothing", () => {
    const { breaker, probe, attempt, kind } = probingBreaker();
    attempt("answered", UNTIL + 1, false);
    attempt("success", UNTIL + 2);
    expect(breaker.settle(probe, "nothing", UNTIL + 3)).toBe(false);
    expect(kind()).toBe("healthy");
  });
});

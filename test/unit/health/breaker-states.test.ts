import { describe, expect, test } from "vitest";
import { breakerWith, type EvidenceKind, ejectedBreaker, probingBreaker } from "../helpers/breakers.js";

const UNTIL = 30_000;

describe("a healthy region", () => {
  test("gets all calls, those included that may not be replayed", () => {
    const { breaker } = breakerWith();
    expect(breaker.state).toEqual({ kind: "healthy" });
    expect([breaker.admits(0, "first"), breaker.admits(0, "never")]).toEqual([true, true]);
    expect(breaker.acquire(0, "first").probe).toBe(false);
  });

  test.each<EvidenceKind>(["success", "alive", "nothing"])("stays so, whatever %s it gives", (evidence) => {
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
    expect([
      breaker.admits(0, "first"),
      breaker.admits(UNTIL - 1, "first"),
      breaker.admits(UNTIL - 1, "never"),
    ]).toEqual([false, false, false]);
  });

  test("then gets one that may be replayed, and no other", () => {
    const { breaker } = ejectedBreaker();
    expect(breaker.admits(UNTIL, "first")).toBe(true);
    expect(breaker.admits(UNTIL, "never")).toBe(false);
  });

  test("is only looked at by admits: that takes no probe's place", () => {
    const { breaker, told } = ejectedBreaker();
    for (let i = 0; i < 10; i++) breaker.admits(UNTIL, "first");
    expect(breaker.state.kind).toBe("ejected");
    expect(told).toHaveLength(1);
  });

  test("becomes probing with the call that tests it", () => {
    const { breaker, told } = ejectedBreaker();
    expect(breaker.acquire(UNTIL, "first")).toMatchObject({ probe: true });
    expect(breaker.state).toEqual({ kind: "probing", consecutive: 1 });
    expect(told.at(-1)).toEqual({ type: "probing" });
  });

  test.each([
    ["too early", UNTIL - 1, true],
    ["one that may not be replayed", UNTIL, false],
  ])("that is called all the same, for want of another, is not probed by that call (%s)", (_, now, mayProbe) => {
    const { breaker, kind } = ejectedBreaker();
    expect(breaker.acquire(now, mayProbe ? "first" : "never")).toMatchObject({ probe: false });
    expect(kind()).toBe("ejected");
  });

  test.each<EvidenceKind>(["success", "alive"])("is readmitted when such a call brings %s", (evidence) => {
    const { attempt, kind, told } = ejectedBreaker();
    attempt(evidence, 10, false);
    expect(kind()).toBe("healthy");
    expect(told.at(-1)).toEqual({ type: "readmitted" });
  });

  test.each<EvidenceKind>(["unanswered", "failure", "nothing"])(
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
      expect(breaker.admits(now, "first")).toBe(false);
      expect(breaker.admits(now, "never")).toBe(false);
      expect(breaker.acquire(now, "first").probe).toBe(false);
    }
  });

  test.each<EvidenceKind>(["success", "alive"])("is readmitted by a probe that brings %s", (evidence) => {
    const { breaker, probe, told } = probingBreaker();
    probe.settle({ kind: evidence }, UNTIL + 10);
    expect(breaker.state).toEqual({ kind: "healthy" });
    expect(told.map(({ type }) => type)).toEqual(["ejected", "probing", "readmitted"]);
  });

  test.each<EvidenceKind>(["unanswered", "failure"])(
    "is ejected again by a probe that brings %s, for longer",
    (evidence) => {
      const { breaker, probe, told } = probingBreaker();
      probe.settle({ kind: evidence }, UNTIL + 10);
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
    probe.settle({ kind: "nothing" }, UNTIL + 10);
    expect(breaker.state).toEqual({ kind: "ejected", until: UNTIL + 10, consecutive: 1 });
    expect(breaker.admits(UNTIL + 10, "first")).toBe(true);
    expect(
      told.map(({ type }) => type),
      "it was not ejected anew",
    ).toEqual(["ejected", "probing"]);
  });

  test("does not wait for ever: the next probe is not numbered as another ejection", () => {
    const { breaker, probe } = probingBreaker();
    probe.settle({ kind: "nothing" }, UNTIL + 10);
    const next = breaker.acquire(UNTIL + 20, "first");
    expect(next.probe).toBe(true);
    next.settle({ kind: "unanswered" }, UNTIL + 30);
    expect(breaker.state).toMatchObject({ consecutive: 2 });
  });

  test("is readmitted by the success of a call that had nowhere else to go", () => {
    const { attempt, kind, probe } = probingBreaker();
    attempt("success", UNTIL + 5, false);
    expect(kind()).toBe("healthy");
    probe.settle({ kind: "unanswered" }, UNTIL + 5_000); // Too late to say otherwise.
    expect(kind()).toBe("healthy");
  });

  test("is judged by its probe alone: another call's failure does not end the test", () => {
    const { attempt, probe, kind } = probingBreaker();
    attempt("unanswered", UNTIL + 5, false);
    expect(kind()).toBe("probing");
    probe.settle({ kind: "success" }, UNTIL + 10);
    expect(kind()).toBe("healthy");
  });
});

describe("attempts under way", () => {
  test("are counted, whatever becomes of the state meanwhile", () => {
    const { breaker, attempts } = breakerWith();
    const permits = Array.from({ length: 5 }, () => breaker.acquire(0, "never"));
    expect(breaker.inFlight).toBe(5);
    attempts(3, "unanswered", 0);
    expect(breaker.inFlight).toBe(5);
    for (const permit of permits) permit.settle({ kind: "nothing" }, 1);
    expect(breaker.inFlight).toBe(0);
  });
});

describe("late results of an older state", () => {
  test("of when it was healthy do not touch its ejection", () => {
    const { breaker, attempts } = breakerWith();
    const late = Array.from({ length: 6 }, () => breaker.acquire(0, "first"));
    attempts(3, "unanswered", 0);
    const ejected = breaker.state;
    const evidence: EvidenceKind[] = ["success", "alive", "unanswered", "failure", "nothing", "unanswered"];
    for (const [i, permit] of late.entries()) permit.settle({ kind: evidence[i] as EvidenceKind }, 10);
    expect(breaker.state).toBe(ejected);
  });

  test("of when it was healthy are no answer to the probe", () => {
    const { breaker, attempts, kind } = breakerWith();
    const [one, two] = [breaker.acquire(0, "first"), breaker.acquire(0, "first")];
    attempts(3, "unanswered", 0);
    breaker.acquire(UNTIL, "first");
    one.settle({ kind: "success" }, UNTIL + 1);
    two.settle({ kind: "unanswered" }, UNTIL + 1);
    expect(kind()).toBe("probing");
  });

  test("of before its readmission do not eject it again", () => {
    const { breaker, attempts, attempt, kind } = breakerWith();
    const late = Array.from({ length: 50 }, () => breaker.acquire(0, "first"));
    attempts(3, "unanswered", 0);
    attempt("success", UNTIL);
    for (const permit of late) permit.settle({ kind: "unanswered" }, UNTIL + 1);
    expect(kind()).toBe("healthy");
    expect(breaker.failureShare(UNTIL + 1)).toBe(0);
  });

  test("of a probe that was overtaken by another end do nothing", () => {
    const { probe, attempt, kind } = probingBreaker();
    attempt("alive", UNTIL + 1, false);
    attempt("success", UNTIL + 2);
    probe.settle({ kind: "unanswered" }, UNTIL + 3);
    expect(kind()).toBe("healthy");
  });
});

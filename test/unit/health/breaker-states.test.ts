import { describe, expect, test } from "vitest";
import { breakerWith, type EvidenceKind, ejectedBreaker, probingBreaker } from "../helpers/breakers.js";

const UNTIL = 30_000;

describe("a healthy region", () => {
  test("gets all calls, including those that may not be replayed", () => {
    const { breaker } = breakerWith();
    expect(breaker.state).toEqual({ kind: "healthy" });
    expect([breaker.admits(0, "first"), breaker.admits(0, "never")]).toEqual([true, true]);
    expect(breaker.acquire(0, "first").probe).toBe(false);
  });

  test.each<EvidenceKind>(["success", "alive", "nothing"])(
    "stays healthy after any number of attempts with evidence %s",
    (evidence) => {
      const { attempts, kind, reported } = breakerWith();
      attempts(1_000, evidence, 0);
      expect(kind()).toBe("healthy");
      expect(reported).toEqual([]);
    },
  );

  test("is ejected by failures, and this is reported once", () => {
    const { breaker, reported } = ejectedBreaker();
    expect(breaker.state).toEqual({ kind: "ejected", until: UNTIL, consecutive: 1 });
    expect(reported).toEqual([{ type: "ejected", reason: "consecutive_failures", until: UNTIL, consecutive: 1 }]);
  });
});

describe("an ejected region", () => {
  test("gets no call of either kind until its ejection is over", () => {
    const { breaker } = ejectedBreaker();
    expect([
      breaker.admits(0, "first"),
      breaker.admits(UNTIL - 1, "first"),
      breaker.admits(UNTIL - 1, "never"),
    ]).toEqual([false, false, false]);
  });

  test("then admits a call that may be replayed, but not one that may not", () => {
    const { breaker } = ejectedBreaker();
    expect(breaker.admits(UNTIL, "first")).toBe(true);
    expect(breaker.admits(UNTIL, "never")).toBe(false);
  });

  test("does not change when admits is called: only acquire starts a probe", () => {
    const { breaker, reported } = ejectedBreaker();
    for (let i = 0; i < 10; i++) breaker.admits(UNTIL, "first");
    expect(breaker.state.kind).toBe("ejected");
    expect(reported).toHaveLength(1);
  });

  test("becomes probing with the call that probes it", () => {
    const { breaker, reported } = ejectedBreaker();
    expect(breaker.acquire(UNTIL, "first")).toMatchObject({ probe: true });
    expect(breaker.state).toEqual({ kind: "probing", consecutive: 1 });
    expect(reported.at(-1)).toEqual({ type: "probing" });
  });

  test.each([
    ["before the ejection is over", UNTIL - 1, true],
    ["a call that may not be replayed", UNTIL, false],
  ])("is not probed by a call that goes there only because there is no other region (%s)", (_, now, mayProbe) => {
    const { breaker, kind } = ejectedBreaker();
    expect(breaker.acquire(now, mayProbe ? "first" : "never")).toMatchObject({ probe: false });
    expect(kind()).toBe("ejected");
  });

  test.each<EvidenceKind>(["success", "alive"])("is readmitted when such a call gives evidence %s", (evidence) => {
    const { attempt, kind, reported } = ejectedBreaker();
    attempt(evidence, 10, false);
    expect(kind()).toBe("healthy");
    expect(reported.at(-1)).toEqual({ type: "readmitted" });
  });

  test.each<EvidenceKind>(["unanswered", "failure", "nothing"])(
    "is not ejected for longer when such a call gives evidence %s",
    (evidence) => {
      const { breaker, attempts, reported } = ejectedBreaker();
      const before = breaker.state;
      attempts(100, evidence, 10);
      expect(breaker.state).toBe(before);
      expect(reported).toHaveLength(1);
    },
  );
});

describe("a region that is being probed", () => {
  test("gets no other call of either kind while the probe is under way", () => {
    const { breaker } = probingBreaker();
    for (const now of [UNTIL, 10 * UNTIL]) {
      expect(breaker.admits(now, "first")).toBe(false);
      expect(breaker.admits(now, "never")).toBe(false);
      expect(breaker.acquire(now, "first").probe).toBe(false);
    }
  });

  test.each<EvidenceKind>(["success", "alive"])("is readmitted by a probe with evidence %s", (evidence) => {
    const { breaker, probe, reported } = probingBreaker();
    probe.settle({ kind: evidence }, UNTIL + 10);
    expect(breaker.state).toEqual({ kind: "healthy" });
    expect(reported.map(({ type }) => type)).toEqual(["ejected", "probing", "readmitted"]);
  });

  test.each<EvidenceKind>(["unanswered", "failure"])(
    "is ejected again, for longer, by a probe with evidence %s",
    (evidence) => {
      const { breaker, probe, reported } = probingBreaker();
      probe.settle({ kind: evidence }, UNTIL + 10);
      expect(breaker.state).toEqual({ kind: "ejected", until: UNTIL + 10 + 60_000, consecutive: 2 });
      expect(reported.at(-1)).toEqual({
        type: "ejected",
        reason: "probe_failed",
        until: UNTIL + 10 + 60_000,
        consecutive: 2,
      });
    },
  );

  test("may be probed again at once after a probe without evidence, because its caller aborted", () => {
    const { breaker, probe, reported } = probingBreaker();
    probe.settle({ kind: "nothing" }, UNTIL + 10);
    expect(breaker.state).toEqual({ kind: "ejected", until: UNTIL + 10, consecutive: 1 });
    expect(breaker.admits(UNTIL + 10, "first")).toBe(true);
    expect(
      reported.map(({ type }) => type),
      "it was not ejected again",
    ).toEqual(["ejected", "probing"]);
  });

  test("does not count a probe without evidence as another ejection in a row", () => {
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
    probe.settle({ kind: "unanswered" }, UNTIL + 5_000); // Too late to count.
    expect(kind()).toBe("healthy");
  });

  test("is judged only by its probe: another call's failure does not end the probe", () => {
    const { attempt, probe, kind } = probingBreaker();
    attempt("unanswered", UNTIL + 5, false);
    expect(kind()).toBe("probing");
    probe.settle({ kind: "success" }, UNTIL + 10);
    expect(kind()).toBe("healthy");
  });
});

describe("attempts under way", () => {
  test("are counted across changes of the state", () => {
    const { breaker, attempts } = breakerWith();
    const permits = Array.from({ length: 5 }, () => breaker.acquire(0, "never"));
    expect(breaker.inFlight).toBe(5);
    attempts(3, "unanswered", 0);
    expect(breaker.inFlight).toBe(5);
    for (const permit of permits) permit.settle({ kind: "nothing" }, 1);
    expect(breaker.inFlight).toBe(0);
  });
});

describe("late results", () => {
  test("from when the region was healthy do not change its ejection", () => {
    const { breaker, attempts } = breakerWith();
    const late = Array.from({ length: 6 }, () => breaker.acquire(0, "first"));
    attempts(3, "unanswered", 0);
    const ejected = breaker.state;
    const evidence: EvidenceKind[] = ["success", "alive", "unanswered", "failure", "nothing", "unanswered"];
    for (const [i, permit] of late.entries()) permit.settle({ kind: evidence[i] as EvidenceKind }, 10);
    expect(breaker.state).toBe(ejected);
  });

  test("from when the region was healthy do not end the probe", () => {
    const { breaker, attempts, kind } = breakerWith();
    const [one, two] = [breaker.acquire(0, "first"), breaker.acquire(0, "first")];
    attempts(3, "unanswered", 0);
    breaker.acquire(UNTIL, "first");
    one.settle({ kind: "success" }, UNTIL + 1);
    two.settle({ kind: "unanswered" }, UNTIL + 1);
    expect(kind()).toBe("probing");
  });

  test("from before its readmission do not eject it again", () => {
    const { breaker, attempts, attempt, kind } = breakerWith();
    const late = Array.from({ length: 50 }, () => breaker.acquire(0, "first"));
    attempts(3, "unanswered", 0);
    attempt("success", UNTIL);
    for (const permit of late) permit.settle({ kind: "unanswered" }, UNTIL + 1);
    expect(kind()).toBe("healthy");
    expect(breaker.failureShare(UNTIL + 1)).toBe(0);
  });

  test("of a probe do nothing if another call has already readmitted the region", () => {
    const { probe, attempt, kind } = probingBreaker();
    attempt("alive", UNTIL + 1, false);
    attempt("success", UNTIL + 2);
    probe.settle({ kind: "unanswered" }, UNTIL + 3);
    expect(kind()).toBe("healthy");
  });
});

import { describe, expect, test } from "vitest";
import { breakerWith } from "../helpers/breakers.js";
import { http, noAnswer, type Reply, simulate, useSimulatedTime } from "../helpers/simulation.js";

useSimulatedTime();

describe("failures in a row without an answer", () => {
  test("eject after three by default", () => {
    const { attempts, kind, reported } = breakerWith();
    attempts(2, "unanswered", 0);
    expect(kind()).toBe("healthy");
    attempts(1, "unanswered", 0);
    expect(reported).toMatchObject([{ type: "ejected", reason: "consecutive_failures" }]);
  });

  test.each(["success", "alive", "failure"] as const)(
    "start again after evidence %s, because the region answered",
    (evidence) => {
      const { attempts, kind } = breakerWith({ failureShare: 1, minimumCalls: 100 });
      for (let i = 0; i < 20; i++) {
        attempts(2, "unanswered", i);
        attempts(1, evidence, i);
      }
      expect(kind()).toBe("healthy");
    },
  );

  test("start again after one 502 between resets, which is an answer, but their share still ejects", async () => {
    const replies = [noAnswer(), noAnswer(), http(502)];
    const sim = simulate({ replies: (n) => replies[n % 3] as Reply, ids: ["a"], policy: { replay: false } });
    for (let i = 0; i < 9; i++) await sim.run();
    expect(sim.eventsOf("region_ejected")).toEqual([]);
    await sim.run();
    expect(sim.eventsOf("region_ejected")).toMatchObject([{ reason: "failure_share" }]);
  });

  test("are still in a row when callers aborted in between", () => {
    const { attempts, kind } = breakerWith();
    attempts(2, "unanswered", 0);
    attempts(100, "nothing", 0);
    attempts(1, "unanswered", 0);
    expect(kind()).toBe("ejected");
  });

  test("may be any number", () => {
    const one = breakerWith({ consecutiveFailures: 1 });
    one.attempts(1, "unanswered", 0);
    expect(one.kind()).toBe("ejected");
    const never = breakerWith({ consecutiveFailures: Number.POSITIVE_INFINITY, minimumCalls: 100 });
    never.attempts(99, "unanswered", 0);
    expect(never.kind()).toBe("healthy");
  });

  test("start again after a readmission", () => {
    const { attempts, attempt, kind } = breakerWith();
    attempts(3, "unanswered", 0);
    attempt("success", 30_000);
    attempts(2, "unanswered", 30_001);
    expect(kind()).toBe("healthy");
  });
});

describe("the share of failures", () => {
  test("of half of ten calls ejects by default", () => {
    const { attempts, kind, reported } = breakerWith();
    attempts(5, "success", 0);
    attempts(4, "failure", 0);
    expect(kind()).toBe("healthy");
    attempts(1, "failure", 0);
    expect(reported).toMatchObject([{ type: "ejected", reason: "failure_share" }]);
  });

  test("does not count with too few calls: nine failures of nine", () => {
    const { attempts, kind } = breakerWith();
    attempts(9, "failure", 0);
    expect(kind()).toBe("healthy");
    attempts(1, "failure", 0);
    expect(kind()).toBe("ejected");
  });

  test("just below the limit never ejects", () => {
    const { attempts, kind } = breakerWith();
    for (let i = 0; i < 1_000; i++) {
      attempts(11, "success", i);
      attempts(9, "failure", i);
    }
    expect(kind()).toBe("healthy");
  });

  test("is the share among the last calls, not among all calls", () => {
    const { attempts, kind } = breakerWith({ windowCalls: 10 });
    attempts(100_000, "success", 0);
    attempts(4, "failure", 0);
    expect(kind()).toBe("healthy");
    attempts(1, "failure", 0);
    expect(kind()).toBe("ejected");
  });

  test("is the share within the last minute", () => {
    const { attempts, kind } = breakerWith();
    attempts(9, "failure", 0);
    attempts(9, "failure", 60_001);
    expect(kind()).toBe("healthy");
    attempts(1, "failure", 60_001);
    expect(kind()).toBe("ejected");
  });

  test("counts attempts without an answer among the failures", () => {
    const { attempts, kind } = breakerWith();
    for (let i = 0; i < 4; i++) {
      attempts(1, "unanswered", 0);
      attempts(1, "success", 0);
    }
    attempts(1, "success", 0);
    expect(kind()).toBe("healthy");
    attempts(1, "failure", 0);
    expect(kind()).toBe("ejected");
  });

  test("ignores attempts without evidence and errors that concern only the caller", () => {
    const { breaker, attempts } = breakerWith();
    attempts(4, "failure", 0);
    attempts(50, "nothing", 0);
    attempts(50, "alive", 0);
    expect(breaker.failureShare(0)).toBe(1);
    attempts(4, "success", 0);
    expect(breaker.failureShare(0)).toBe(0.5);
    expect(breaker.state.kind).toBe("healthy");
  });

  test("as in Cody Gateway: 95 % of the last 100 calls", () => {
    const cody = { consecutiveFailures: Number.POSITIVE_INFINITY, failureShare: 0.95, minimumCalls: 100 };
    const { attempts, kind } = breakerWith(cody);
    attempts(6, "success", 0);
    attempts(94, "failure", 0);
    expect(kind()).toBe("healthy");
    attempts(1, "failure", 0);
    expect(kind()).toBe("ejected");
  });

  test("with a clock that goes back, keeps calls from the future no longer than one window", () => {
    const { attempts, kind } = breakerWith();
    attempts(9, "failure", 3_600_000);
    attempts(100, "success", 0);
    expect(kind()).toBe("healthy");
    attempts(9, "failure", 1);
    expect(kind()).toBe("healthy");
  });
});

describe("blame", () => {
  test("counts as a failure, and ten of them eject", () => {
    const { attempt, kind, reported } = breakerWith();
    for (let i = 0; i < 10; i++) {
      expect(kind()).toBe("healthy");
      attempt("nothing", i).blame(i);
    }
    expect(reported).toMatchObject([{ type: "ejected", reason: "failure_share" }]);
  });

  test("is ignored once the region is in another state", () => {
    const { breaker, attempt, attempts, kind } = breakerWith();
    const permits = Array.from({ length: 20 }, () => attempt("nothing", 0));
    attempts(3, "unanswered", 1);
    const ejected = breaker.state;
    for (const permit of permits) permit.blame(2);
    expect(breaker.state).toBe(ejected);
    attempt("success", 30_000);
    for (const permit of permits) permit.blame(30_001);
    expect(kind()).toBe("healthy");
    expect(breaker.failureShare(30_001)).toBe(0);
  });

  test("of a probe without evidence ejects the region again, because the bug is still there", () => {
    const { breaker, attempts, reported } = breakerWith();
    attempts(3, "unanswered", 0);
    const probe = breaker.acquire(30_000, "first");
    probe.settle({ kind: "nothing" }, 30_010);
    probe.blame(30_020);
    expect(breaker.state).toMatchObject({ kind: "ejected", consecutive: 2 });
    expect(breaker.admits(60_000, "first")).toBe(false);
    expect(reported.at(-1)).toMatchObject({ type: "ejected", reason: "probe_failed" });
  });
});

/** A server that says when to come back has failed as well: `Retry-After` never makes an outage cost more. */
import { describe, expect, test, vi } from "vitest";
import { breakerWith, ejectedBreaker, probingBreaker, pushBack, type TestedBreaker } from "../helpers/breakers.js";
import { http, ok, type Reply, seededRandom, useSimulatedTime } from "../helpers/simulation.js";
import { mutation, switchboard } from "../helpers/switchboard.js";

useSimulatedTime();

/** How many of 1,200 mutations fail, ten a second, while home answers so. */
async function failedMutations(replyOf: () => Reply): Promise<number> {
  const board = switchboard({}, { policy: mutation.policy });
  let failed = 0;
  for (let i = 0; i < 1_200; i++) {
    board.set("a", replyOf());
    if (!(await board.run()).ok) failed++;
    vi.advanceTimersByTime(90);
  }
  return failed;
}

describe("of 1,200 mutations in two minutes", () => {
  test.each(["1", "2", "5", "30", "3600"])(
    "a 503 with Retry-After: %s fails no more than a bare one",
    async (after) => {
      const bare = await failedMutations(() => http(503));
      expect(bare).toBeGreaterThan(5);
      expect(await failedMutations(() => http(503, after))).toBeLessThanOrEqual(bare);
    },
  );

  test("nor does it where only every other call gets one", async () => {
    const half = (reply: Reply) => {
      const random = seededRandom(7);
      return failedMutations(() => (random() < 0.5 ? reply : ok()));
    };
    expect(await half(http(503, "1"))).toBeLessThanOrEqual((await half(http(503))) + 2);
  });
});

test("a limiter that turns away one call in fifty ejects for as long as it says, and never for longer", async () => {
  const board = switchboard({}, { policy: mutation.policy });
  for (let i = 0; i < 1_000; i++) {
    board.set("a", i % 50 === 49 ? http(429, "1") : ok());
    expect((await board.run()).ok).toBe(true);
    vi.advanceTimersByTime(90);
  }
  const ejections = board.eventsOf("region_ejected");
  expect(ejections.length).toBeGreaterThan(10);
  for (const { reason, untilMs, at, consecutive } of ejections) {
    expect({ reason, forMs: untilMs - at, consecutive }).toEqual({ reason: "pushback", forMs: 1_000, consecutive: 0 });
  }
});

const last = ({ reported }: TestedBreaker) => reported.at(-1) ?? expect.fail("nothing was reported");

describe("a pushback while the region is well", () => {
  test("counts among its failures: the tenth ejects for longer than it asks", () => {
    const tested = breakerWith();
    tested.attempts(9, "failure", 0);
    pushBack(tested.breaker, 1_000, 0);
    expect(last(tested)).toEqual({ type: "ejected", reason: "failure_share", until: 30_000, consecutive: 1 });
    expect(tested.reported).toHaveLength(1);
  });

  test("is the least time of an ejection that is shorter", () => {
    const tested = breakerWith({ ejectionMs: 1_000 });
    tested.attempts(9, "failure", 0);
    pushBack(tested.breaker, 20_000, 0);
    expect(last(tested)).toMatchObject({ reason: "failure_share", until: 20_000, consecutive: 1 });
  });

  test("does not make the counts start anew: short ones add up, and so do the calls that are served in between", () => {
    const tested = breakerWith();
    for (let i = 0; i < 5; i++) {
      pushBack(tested.breaker, 1_000, i * 1_000);
      tested.attempt("success", (i + 1) * 1_000);
    }
    expect(tested.kind()).toBe("healthy");
    expect(tested.breaker.failureShare(5_000)).toBe(0.5);
    pushBack(tested.breaker, 1_000, 5_000);
    expect(last(tested)).toMatchObject({ reason: "failure_share", until: 35_000, consecutive: 1 });
  });

  test("does not cut a row of ejections short", () => {
    const tested = ejectedBreaker();
    tested.attempt("success", 30_000);
    pushBack(tested.breaker, 1_000, 31_000);
    tested.attempt("success", 32_000);
    tested.attempts(3, "unanswered", 33_000);
    expect(last(tested)).toMatchObject({ reason: "consecutive_failures", consecutive: 2 });
  });
});

describe("a pushback that answers the probe", () => {
  test("is a failed probe: the row grows, and what the server asks for is the least", () => {
    const { probe, ...tested } = probingBreaker();
    probe.settle({ kind: "failure", pushbackMs: 5_000 }, 30_010);
    expect(last(tested)).toEqual({ type: "ejected", reason: "probe_failed", until: 90_010, consecutive: 2 });
  });

  test("is so after a pushback too: the server named the time, and was not well then", () => {
    const tested = breakerWith();
    pushBack(tested.breaker, 1_000, 0);
    const probe = tested.breaker.acquire(1_000, "last_resort");
    expect(probe.probe).toBe(true);
    probe.settle({ kind: "failure", pushbackMs: 1_000 }, 1_010);
    expect(last(tested)).toEqual({ type: "ejected", reason: "probe_failed", until: 31_010, consecutive: 1 });
  });

  test("goes on with the row of ejections that came just before", () => {
    const tested = ejectedBreaker();
    tested.attempt("success", 30_000);
    pushBack(tested.breaker, 1_000, 31_000);
    tested.breaker.acquire(32_000, "first").settle({ kind: "failure", pushbackMs: 1_000 }, 32_000);
    expect(last(tested)).toMatchObject({ reason: "probe_failed", consecutive: 2 });
  });

  test("is waited for when it is longer than the ejection", () => {
    const { probe, ...tested } = probingBreaker({ ejectionMs: 100 });
    probe.settle({ kind: "failure", pushbackMs: 25_000 }, 30_000);
    expect(last(tested)).toMatchObject({ reason: "probe_failed", until: 55_000 });
  });
});

describe("a pushback from a call that had nowhere else to go", () => {
  test("puts the end of the ejection off, which is neither reported nor one more in a row", () => {
    const { breaker, reported } = ejectedBreaker();
    pushBack(breaker, 20_000, 25_000);
    expect(breaker.state).toEqual({ kind: "ejected", until: 45_000, consecutive: 1 });
    expect(reported).toHaveLength(1);
  });

  test("does so when the ejection is over and nobody tested yet", () => {
    const { breaker, reported } = ejectedBreaker();
    pushBack(breaker, 20_000, 35_000);
    expect(breaker.state).toEqual({ kind: "ejected", until: 55_000, consecutive: 1 });
    expect(reported).toHaveLength(1);
  });

  test("leaves the probe its say, and is the least time if that fails", () => {
    const { breaker, probe } = probingBreaker({ ejectionMs: 100 });
    pushBack(breaker, 20_000, 30_005);
    expect(breaker.state.kind).toBe("probing");
    probe.settle({ kind: "unanswered" }, 30_010);
    expect(breaker.state).toMatchObject({ kind: "ejected", until: 50_005 });
  });

  test("is forgotten when the region is readmitted", () => {
    const { probe, ...tested } = probingBreaker({ ejectionMs: 100 });
    pushBack(tested.breaker, 30_000, 30_005);
    probe.settle({ kind: "success" }, 30_010);
    expect(tested.kind()).toBe("healthy");
    tested.attempts(3, "unanswered", 30_020);
    expect(last(tested)).toMatchObject({ reason: "consecutive_failures", until: 30_220 });
  });

  test("holds back a probe whose caller left", () => {
    const { breaker, probe } = probingBreaker();
    pushBack(breaker, 20_000, 30_005);
    probe.settle({ kind: "nothing" }, 30_010);
    expect(breaker.admits(50_004, "first")).toBe(false);
    expect(breaker.admits(50_005, "first")).toBe(true);
  });
});

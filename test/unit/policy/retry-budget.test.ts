import { describe, expect, test } from "vitest";
import { createRetryBudget, type RetryBudget } from "../../../src/policy/retry-budget.js";
import {
  clockWith,
  noAnswer,
  ok,
  type Reply,
  refused,
  type Simulation,
  simulate,
  twirp,
  useSimulatedTime,
} from "../helpers/simulation.js";
import { switchboard } from "../helpers/switchboard.js";

useSimulatedTime();

const idempotent = { idempotent: true };
const A = "https://a.example.com";
const B = "https://b.example.com";

const failures = (throttle: RetryBudget, count: number, url = A) => {
  for (let i = 0; i < count; i++) throttle.withdraw(url);
};
const successes = (throttle: RetryBudget, count: number) => {
  for (let i = 0; i < count; i++) throttle.deposit();
};

/** Whether a replay would get a token now. Takes none. */
const allows = (budget: RetryBudget, url: string): boolean => {
  const reservation = budget.reserve(url);
  reservation?.release();
  return reservation !== undefined;
};

describe("a region's bucket", () => {
  test("starts full, and allows no replay at half or below", () => {
    const throttle = createRetryBudget({ maxTokens: 10 }, clockWith());
    failures(throttle, 4);
    expect(allows(throttle, A)).toBe(true);
    failures(throttle, 1);
    expect(allows(throttle, A)).toBe(false);
  });

  test("gets tokenRatio back for a success, in whatever region that was", () => {
    const throttle = createRetryBudget({ maxTokens: 10, tokenRatio: 0.5 }, clockWith());
    failures(throttle, 5);
    successes(throttle, 1);
    expect(allows(throttle, A)).toBe(true);
  });

  test("never holds more than maxTokens", () => {
    const throttle = createRetryBudget({ maxTokens: 2, tokenRatio: 1_000 }, clockWith());
    successes(throttle, 10);
    failures(throttle, 1);
    expect(allows(throttle, A)).toBe(false);
  });

  test("gets no credit for the successes before its first failure", () => {
    const throttle = createRetryBudget({ maxTokens: 4, tokenRatio: 1 }, clockWith());
    successes(throttle, 10);
    failures(throttle, 2);
    expect(allows(throttle, A)).toBe(false);
  });

  test("never holds less than nothing, so that it recovers", () => {
    const throttle = createRetryBudget({ maxTokens: 4, tokenRatio: 1 }, clockWith());
    failures(throttle, 1_000);
    successes(throttle, 3);
    expect(allows(throttle, A)).toBe(true);
  });

  test("holds 100 tokens by default, and a success brings a tenth", () => {
    const throttle = createRetryBudget({}, clockWith());
    failures(throttle, 49);
    expect(allows(throttle, A)).toBe(true);
    failures(throttle, 1);
    expect(allows(throttle, A)).toBe(false);
    successes(throttle, 1);
    expect(allows(throttle, A)).toBe(true);
  });

  test("says nothing about another region", () => {
    const throttle = createRetryBudget({}, clockWith());
    failures(throttle, 1_000);
    expect(allows(throttle, A)).toBe(false);
    expect(allows(throttle, B)).toBe(true);
  });

  test("is none with false", () => {
    const throttle = createRetryBudget(false, clockWith());
    failures(throttle, 1_000);
    expect(allows(throttle, A)).toBe(true);
  });
});

async function runAll(sim: Simulation, calls: number): Promise<number> {
  const before = sim.world.requests.length;
  for (let i = 0; i < calls; i++) await sim.run();
  return (sim.world.requests.length - before) / calls;
}

describe("the load", () => {
  test.each([
    ["one region", ["a"], 1.06],
    ["three regions", ["a", "b", "c"], 1.12],
  ])("in a total outage of %s hardly grows: 1000 calls cost few attempts more", async (_, ids, most) => {
    const sim = simulate({ replies: [noAnswer()], ids, policy: idempotent });
    expect(await runAll(sim, 1_000)).toBeLessThan(most);
    expect(await runAll(sim, 100), "once the buckets are empty").toBe(1);
  });

  test("would triple without throttling", async () => {
    const sim = simulate({ replies: [noAnswer()], policy: idempotent, retryThrottling: false });
    expect(await runAll(sim, 100)).toBe(3);
  });

  test("a home that is down does not use up the failovers to regions that are well", async () => {
    const sim = simulate({ replies: (_, { id }) => (id === "a" ? noAnswer() : ok()), policy: idempotent });
    for (let i = 0; i < 500; i++) expect((await sim.run()).ok).toBe(true);
  });

  test("a service that fails one call in twenty keeps being retried", async () => {
    const sim = simulate({ replies: (n) => (n % 20 === 19 ? noAnswer() : ok()), ids: ["a"], policy: idempotent });
    for (let i = 0; i < 1_000; i++) expect((await sim.run()).ok).toBe(true);
    expect(sim.eventsOf("replay_refused")).toEqual([]);
  });

  test("replays come back when the service does", async () => {
    let down = true;
    const sim = simulate({ replies: () => (down ? noAnswer() : ok()), ids: ["a"], policy: idempotent });
    await runAll(sim, 150);
    expect(sim.eventsOf("replay_refused").at(-1)).toMatchObject({ reason: "throttled" });
    down = false;
    // From empty to above half, and one more token for the failure that is to be replayed.
    await runAll(sim, 515);
    down = true;
    expect(await runAll(sim, 1)).toBe(2);
  });
});

describe("what costs a token", () => {
  /** A bucket that allows no replay after two failures. */
  const tight = { maxTokens: 4, tokenRatio: 0.001 };
  const tightly = (replies: (n: number) => Reply) =>
    simulate({ replies, ids: ["a"], policy: idempotent, retryThrottling: tight });

  test("a failure that may be replayed", async () => {
    const sim = tightly(() => noAnswer());
    await sim.fail();
    expect(sim.asked()).toHaveLength(2);
    await sim.fail();
    expect(sim.asked()).toHaveLength(3);
  });

  test("a retry in the only region, although nothing ran there", async () => {
    const sim = simulate({ replies: [refused()], ids: ["a"], retryThrottling: tight });
    await sim.fail();
    expect(sim.asked()).toHaveLength(2);
    expect(sim.eventsOf("replay_refused")).toMatchObject([{ reason: "throttled" }]);
  });

  test("not a failover after an attempt that never ran", async () => {
    const replies = (_: number, { id }: { id: string }) => (id === "a" ? refused() : ok());
    const sim = simulate({ replies, retryThrottling: tight, health: false });
    for (let i = 0; i < 100; i++) expect((await sim.run()).ok).toBe(true);
    expect(sim.eventsOf("failover")).toHaveLength(100);
    expect(sim.failover.stats().retryTokens.a).toBe(4);
  });

  test("a failover after one that never ran, to a region that is ejected: nothing speaks for that one either", async () => {
    const sim = simulate({ replies: [refused()], policy: idempotent });
    for (let i = 0; i < 3; i++) await sim.fail();
    expect(sim.eventsOf("region_ejected").map(({ region }) => region)).toEqual(["a", "b", "c"]);
    const before = sim.failover.stats().retryTokens;
    await sim.fail({ policy: { maxAttempts: 2 } });
    expect(sim.eventsOf("failover").at(-1)).toMatchObject({ from: "a", to: "b", execution: "none", backoffMs: 200 });
    const cost = Object.entries(sim.failover.stats().retryTokens).map(([id, left]) => (before[id] as number) - left);
    expect(cost).toEqual([1, 1, 0]);
  });

  test("a failure that no attempt can follow", async () => {
    const sim = simulate({ replies: [noAnswer()], policy: { ...idempotent, maxAttempts: 1 }, health: false });
    for (let i = 0; i < 10; i++) await sim.fail();
    expect(sim.failover.stats().retryTokens).toEqual({ a: 90, b: 100, c: 100 });
    expect(sim.eventsOf("replay_refused")).toMatchObject(Array(10).fill({ reason: "max_attempts" }));
  });

  test("a failure that no region is left for", async () => {
    const sim = simulate({ replies: [refused()], ids: ["a"], policy: { sameRegion: false }, health: false });
    for (let i = 0; i < 10; i++) await sim.fail();
    expect(sim.failover.stats().retryTokens).toEqual({ a: 90 });
    expect(sim.eventsOf("replay_refused")).toMatchObject(Array(10).fill({ reason: "no_region" }));
  });

  test("nor is such a failover refused to a region whose bucket is empty", async () => {
    const replies = (_: number, { id }: { id: string }) => (id === "a" ? refused() : noAnswer());
    const sim = simulate({
      replies,
      ids: ["a", "b"],
      policy: { ...idempotent, maxAttempts: 2 },
      retryThrottling: tight,
      health: false,
    });
    for (let i = 0; i < 20; i++) await sim.fail();
    expect(sim.asked().filter((id) => id === "b")).toHaveLength(20);
  });

  test("not a failure that could not be replayed anyway", async () => {
    const sim = tightly((n) => (n < 50 ? twirp("not_found") : n === 50 ? noAnswer() : ok()));
    for (let i = 0; i < 50; i++) await sim.fail();
    expect((await sim.run()).ok).toBe(true);
  });

  test("not a mutation's failure, since it is not replayed", async () => {
    const sim = tightly((n) => (n <= 50 ? noAnswer() : ok()));
    for (let i = 0; i < 50; i++) await sim.fail({ policy: { idempotent: false } });
    expect((await sim.run()).ok).toBe(true);
  });

  test("a replay that costs one goes to the next region whose bucket has some", async () => {
    const replies = (_: number, { id }: { id: string }) => (id === "c" ? ok() : noAnswer());
    const sim = simulate({ replies, policy: idempotent, retryThrottling: tight, health: false });
    for (let i = 0; i < 10; i++) expect((await sim.run()).ok).toBe(true);
    expect(sim.asked().slice(-2)).toEqual(["a", "c"]);
  });
});

describe("a method that is broken everywhere", () => {
  test("is not what a home is that answers internal: all of 300 at once get through elsewhere", async () => {
    const board = switchboard({ a: twirp("internal") });
    const results = await board.runTogether(300);
    expect(results.filter(({ status }) => status === "rejected")).toEqual([]);
  });

  test("loses its own replays, and leaves the others theirs", async () => {
    const board = switchboard({ a: twirp("internal"), b: twirp("internal"), c: twirp("internal") });
    const before = board.world.requests.length;
    await board.runAll(300, { method: "ListRooms" });
    // Three attempts each until its bucket is half empty, then one.
    expect(board.world.requests.length - before).toBeLessThan(300 + 60);

    board.set("a", twirp("unavailable"));
    board.set("b", ok());
    board.set("c", ok());
    const others = await board.runAll(100, { method: "GetRoom" });
    expect(others.filter(({ ok }) => !ok)).toEqual([]);
  });
});

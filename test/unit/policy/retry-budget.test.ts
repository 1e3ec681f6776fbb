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

const failures = (budget: RetryBudget, count: number, url = A) => {
  for (let i = 0; i < count; i++) budget.withdraw(url);
};
const successes = (budget: RetryBudget, count: number) => {
  for (let i = 0; i < count; i++) budget.deposit();
};

/** Whether a replay would get a token now. Takes none. */
const allows = (budget: RetryBudget, url: string): boolean => {
  const reservation = budget.reserve(url);
  reservation?.release();
  return reservation !== undefined;
};

describe("a region's bucket", () => {
  test("starts full, and allows no replay at half or below", () => {
    const budget = createRetryBudget({ maxTokens: 10 }, clockWith());
    failures(budget, 4);
    expect(allows(budget, A)).toBe(true);
    failures(budget, 1);
    expect(allows(budget, A)).toBe(false);
  });

  test("gets tokenRatio back for a success in any region", () => {
    const budget = createRetryBudget({ maxTokens: 10, tokenRatio: 0.5 }, clockWith());
    failures(budget, 5);
    successes(budget, 1);
    expect(allows(budget, A)).toBe(true);
  });

  test("never holds more than maxTokens", () => {
    const budget = createRetryBudget({ maxTokens: 2, tokenRatio: 1_000 }, clockWith());
    successes(budget, 10);
    failures(budget, 1);
    expect(allows(budget, A)).toBe(false);
  });

  test("gets no credit for the successes before its first failure", () => {
    const budget = createRetryBudget({ maxTokens: 4, tokenRatio: 1 }, clockWith());
    successes(budget, 10);
    failures(budget, 2);
    expect(allows(budget, A)).toBe(false);
  });

  test("never falls below 0, so that it can recover", () => {
    const budget = createRetryBudget({ maxTokens: 4, tokenRatio: 1 }, clockWith());
    failures(budget, 1_000);
    successes(budget, 3);
    expect(allows(budget, A)).toBe(true);
  });

  test("holds 100 tokens by default, and a success adds a tenth of a token", () => {
    const budget = createRetryBudget({}, clockWith());
    failures(budget, 49);
    expect(allows(budget, A)).toBe(true);
    failures(budget, 1);
    expect(allows(budget, A)).toBe(false);
    successes(budget, 1);
    expect(allows(budget, A)).toBe(true);
  });

  test("does not affect another region", () => {
    const budget = createRetryBudget({}, clockWith());
    failures(budget, 1_000);
    expect(allows(budget, A)).toBe(false);
    expect(allows(budget, B)).toBe(true);
  });

  test("does not exist with false", () => {
    const budget = createRetryBudget(false, clockWith());
    failures(budget, 1_000);
    expect(allows(budget, A)).toBe(true);
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
  ])("hardly grows in a total outage of %s: 1000 calls make few additional attempts", async (_, ids, most) => {
    const sim = simulate({ replies: [noAnswer()], ids, policy: idempotent });
    expect(await runAll(sim, 1_000)).toBeLessThan(most);
    expect(await runAll(sim, 100), "once the buckets are empty").toBe(1);
  });

  test("would triple without throttling", async () => {
    const sim = simulate({ replies: [noAnswer()], policy: idempotent, retryThrottling: false });
    expect(await runAll(sim, 100)).toBe(3);
  });

  test("failovers to healthy regions are not used up while home is down", async () => {
    const sim = simulate({ replies: (_, { id }) => (id === "a" ? noAnswer() : ok()), policy: idempotent });
    for (let i = 0; i < 500; i++) expect((await sim.run()).ok).toBe(true);
  });

  test("a service that fails one call in twenty is still retried", async () => {
    const sim = simulate({ replies: (n) => (n % 20 === 19 ? noAnswer() : ok()), ids: ["a"], policy: idempotent });
    for (let i = 0; i < 1_000; i++) expect((await sim.run()).ok).toBe(true);
    expect(sim.eventsOf("replay_refused")).toEqual([]);
  });

  test("replays resume when the service recovers", async () => {
    let down = true;
    const sim = simulate({ replies: () => (down ? noAnswer() : ok()), ids: ["a"], policy: idempotent });
    await runAll(sim, 150);
    expect(sim.eventsOf("replay_refused").at(-1)).toMatchObject({ reason: "throttled" });
    down = false;
    // The bucket must go from empty to above half, and needs one more token for the failure that will be replayed.
    await runAll(sim, 515);
    down = true;
    expect(await runAll(sim, 1)).toBe(2);
  });
});

describe("the cost in tokens", () => {
  /** A bucket that allows no replay after two failures. */
  const tight = { maxTokens: 4, tokenRatio: 0.001 };
  const tightly = (replies: (n: number) => Reply) =>
    simulate({ replies, ids: ["a"], policy: idempotent, retryThrottling: tight });

  test("a failure that may be replayed costs a token", async () => {
    const sim = tightly(() => noAnswer());
    await sim.fail();
    expect(sim.asked()).toHaveLength(2);
    await sim.fail();
    expect(sim.asked()).toHaveLength(3);
  });

  test("a retry in the only region costs a token, although nothing ran there", async () => {
    const sim = simulate({ replies: [refused()], ids: ["a"], retryThrottling: tight });
    await sim.fail();
    expect(sim.asked()).toHaveLength(2);
    expect(sim.eventsOf("replay_refused")).toMatchObject([{ reason: "throttled" }]);
  });

  test("a failover after an attempt that never ran costs nothing", async () => {
    const replies = (_: number, { id }: { id: string }) => (id === "a" ? refused() : ok());
    const sim = simulate({ replies, retryThrottling: tight, health: false });
    for (let i = 0; i < 100; i++) expect((await sim.run()).ok).toBe(true);
    expect(sim.eventsOf("failover")).toHaveLength(100);
    expect(sim.failover.stats().retryTokens.a).toBe(4);
  });

  test("a failover after an attempt that never ran costs a token if it goes to an ejected region", async () => {
    const sim = simulate({ replies: [refused()], policy: idempotent });
    for (let i = 0; i < 3; i++) await sim.fail();
    expect(sim.eventsOf("region_ejected").map(({ region }) => region)).toEqual(["a", "b", "c"]);
    const before = sim.failover.stats().retryTokens;
    await sim.fail({ policy: { maxAttempts: 2 } });
    expect(sim.eventsOf("failover").at(-1)).toMatchObject({ from: "a", to: "b", execution: "none", backoffMs: 200 });
    const cost = Object.entries(sim.failover.stats().retryTokens).map(([id, left]) => (before[id] as number) - left);
    expect(cost).toEqual([1, 1, 0]);
  });

  test("a failure in the last attempt costs a token", async () => {
    const sim = simulate({ replies: [noAnswer()], policy: { ...idempotent, maxAttempts: 1 }, health: false });
    for (let i = 0; i < 10; i++) await sim.fail();
    expect(sim.failover.stats().retryTokens).toEqual({ a: 90, b: 100, c: 100 });
    expect(sim.eventsOf("replay_refused")).toMatchObject(Array(10).fill({ reason: "max_attempts" }));
  });

  test("a failure after which no region is left costs a token", async () => {
    const sim = simulate({ replies: [refused()], ids: ["a"], policy: { sameRegion: false }, health: false });
    for (let i = 0; i < 10; i++) await sim.fail();
    expect(sim.failover.stats().retryTokens).toEqual({ a: 90 });
    expect(sim.eventsOf("replay_refused")).toMatchObject(Array(10).fill({ reason: "no_region" }));
  });

  test("a failover that costs nothing may go to a region whose bucket is empty", async () => {
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

  test("a failure that may not be replayed costs nothing", async () => {
    const sim = tightly((n) => (n < 50 ? twirp("not_found") : n === 50 ? noAnswer() : ok()));
    for (let i = 0; i < 50; i++) await sim.fail();
    expect((await sim.run()).ok).toBe(true);
  });

  test("a mutation's failure costs nothing because it is not replayed", async () => {
    const sim = tightly((n) => (n <= 50 ? noAnswer() : ok()));
    for (let i = 0; i < 50; i++) await sim.fail({ policy: { idempotent: false } });
    expect((await sim.run()).ok).toBe(true);
  });

  test("a replay that costs a token goes to the next region whose bucket has tokens left", async () => {
    const replies = (_: number, { id }: { id: string }) => (id === "c" ? ok() : noAnswer());
    const sim = simulate({ replies, policy: idempotent, retryThrottling: tight, health: false });
    for (let i = 0; i < 10; i++) expect((await sim.run()).ok).toBe(true);
    expect(sim.asked().slice(-2)).toEqual(["a", "c"]);
  });
});

describe("a method that is broken everywhere", () => {
  test("is not assumed if only home answers internal: 300 calls at once all succeed elsewhere", async () => {
    const board = switchboard({ a: twirp("internal") });
    const results = await board.runTogether(300);
    expect(results.filter(({ status }) => status === "rejected")).toEqual([]);
  });

  test("loses its replays, while other methods keep theirs", async () => {
    const board = switchboard({ a: twirp("internal"), b: twirp("internal"), c: twirp("internal") });
    const before = board.world.requests.length;
    await board.runAll(300, { method: "ListRooms" });
    // Each call makes three attempts until the method's bucket is half empty, then one.
    expect(board.world.requests.length - before).toBeLessThan(300 + 60);

    board.set("a", twirp("unavailable"));
    board.set("b", ok());
    board.set("c", ok());
    const others = await board.runAll(100, { method: "GetRoom" });
    expect(others.filter(({ ok }) => !ok)).toEqual([]);
  });
});

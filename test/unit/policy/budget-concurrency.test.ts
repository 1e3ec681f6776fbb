/** The budget when many calls are in flight: what it lets through, and what it must not refuse. */
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { createRetryBudget } from "../../../src/policy/retry-budget.js";
import {
  clockWith,
  flush,
  hang,
  http,
  noAnswer,
  ok,
  type Reply,
  twirp,
  useSimulatedTime,
} from "../helpers/simulation.js";
import { type Switchboard, switchboard } from "../helpers/switchboard.js";

useSimulatedTime();

const failed = (results: readonly PromiseSettledResult<string>[]) =>
  results.filter(({ status }) => status === "rejected").length;

/** Requests beyond one for each call. */
const extraOf = (board: Switchboard, calls: number) => board.world.requests.length - calls;

describe("an outage of everything", () => {
  test("with 500 reads at once and answers that take 300 ms adds half a bucket for each region", async () => {
    const down = http(503, undefined, 300);
    const board = switchboard({ a: down, b: down, c: down });
    expect(failed(await board.runTogether(500))).toBe(500);
    expect(extraOf(board, 500)).toBeLessThanOrEqual(3 * 50);
    expect(new Set(board.eventsOf("replay_refused").map(({ reason }) => reason))).toContain("throttled");
    expect(vi.getTimerCount()).toBe(0);
  });

  const reply: fc.Arbitrary<Reply> = fc.oneof(
    fc.integer({ min: 0, max: 3_000 }).map((ms) => http(503, undefined, ms)),
    fc.integer({ min: 0, max: 3_000 }).map((ms) => noAnswer(ms)),
    fc.integer({ min: 0, max: 3_000 }).map((ms) => twirp("internal", {}, ms)),
    // A rate limiter in front: nothing ran, but the request was made all the same.
    fc.integer({ min: 0, max: 3_000 }).map((ms) => http(429, undefined, ms)),
    fc.constant(hang),
  );
  const outage = fc.record({
    replies: fc.tuple(reply, reply, reply),
    concurrency: fc.integer({ min: 1, max: 300 }),
    waves: fc.integer({ min: 1, max: 4 }),
    health: fc.constantFrom(undefined, false as const),
  });

  test("adds at most a tenth of the calls and half a bucket for each region and method, whatever fails and how", async () => {
    await fc.assert(
      fc.asyncProperty(outage, async ({ replies: [a, b, c], concurrency, waves, health }) => {
        const board = switchboard({ a, b, c }, { ...(health !== undefined && { health }) });
        for (let wave = 0; wave < waves; wave++) await board.runTogether(concurrency);
        const calls = concurrency * waves;
        expect(extraOf(board, calls)).toBeLessThanOrEqual(calls / 10 + 4 * 50);
        expect(vi.getTimerCount()).toBe(0);
      }),
      { numRuns: 60 },
    );
  });
});

describe("when home dies with 500 reads in flight", () => {
  test("the next regions get them at the pace of their answers, and all of them succeed", async () => {
    const board = switchboard({ a: noAnswer(50), b: ok(20) });
    let underWay = 0;
    let most = 0;
    board.failover.on("failover", () => {
      most = Math.max(most, ++underWay);
    });
    board.failover.on("attempt", ({ region }) => {
      if (region !== "a") underWay--;
    });
    expect(failed(await board.runTogether(500))).toBe(0);
    // What has to wait in the second region may go on to the third, which is well too.
    expect(board.requestsTo("b") + board.requestsTo("c")).toBe(500);
    expect(most, "not all of them at once").toBeLessThan(450);
    expect(board.eventsOf("call").every(({ elapsedMs }) => elapsedMs < 2_000)).toBe(true);
  });

  test("and the next one fails as well, the third serves them", async () => {
    const board = switchboard({ a: noAnswer(50), b: http(503, undefined, 50), c: ok(20) });
    expect(failed(await board.runTogether(500))).toBe(0);
  });

  test("a home whose method is broken there alone loses none of them either", async () => {
    const board = switchboard({ a: twirp("internal", {}, 50), b: ok(20) });
    expect(failed(await board.runTogether(500))).toBe(0);
  });
});

describe("a call that waits for its turn", () => {
  /** 60 calls of which 50 hold the tokens of region b, which is slow. */
  const crowded = (init = {}) => {
    const board = switchboard(
      { a: noAnswer(), b: ok(5_000) },
      { ids: ["a", "b"], policy: { idempotent: true, perAttemptTimeoutMs: 60_000 } },
    );
    return { board, calls: Array.from({ length: 60 }, () => board.start(init)) };
  };

  test("leaves at once when its caller does, and keeps nothing", async () => {
    const controller = new AbortController();
    const { board, calls } = crowded({ signal: controller.signal });
    const settled = Promise.allSettled(calls);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(board.requestsTo("b")).toBe(50);
    controller.abort();
    await flush();
    expect(failed(await settled)).toBe(60);
    expect(vi.getTimerCount()).toBe(0);
    expect(board.failover.stats().retryTokens.b).toBe(100);
    board.set("b", ok(10));
    expect(failed(await board.runTogether(60))).toBe(0);
  });

  test("ends at its deadline, with the error of its attempt", async () => {
    const { board, calls } = crowded({ timeout: 3_000 });
    const settled = Promise.allSettled(calls);
    await vi.advanceTimersByTimeAsync(3_001);
    expect(failed(await settled)).toBe(60);
    expect(board.requestsTo("b")).toBe(50);
    expect(board.eventsOf("replay_refused").map(({ reason }) => reason)).toEqual(Array(60).fill("deadline"));
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("a bucket that was emptied", () => {
  test("gets nothing by time while failures go on, and all of it back in an hour of rest", async () => {
    const budget = createRetryBudget({}, clockWith());
    for (let i = 0; i < 200; i++) budget.withdraw("a");
    for (let i = 0; i < 60; i++) {
      vi.advanceTimersByTime(9 * 60_000);
      budget.withdraw("a");
    }
    expect(budget.balance("a")).toBe(0);
    expect(budget.reserve("a")).toBeUndefined();
    vi.advanceTimersByTime(35 * 60_000 + 1_000);
    expect(budget.reserve("a"), "half an hour later").toBeDefined();
    vi.advanceTimersByTime(25 * 60_000);
    expect(budget.balance("a")).toBe(100);
  });
});

describe("reservations", () => {
  test("count once, whatever is said of them afterwards", () => {
    const budget = createRetryBudget({ maxTokens: 4 }, clockWith());
    const first = budget.reserve("a");
    first?.spend();
    first?.giveBack();
    first?.release();
    first?.spend();
    expect(budget.balance("a")).toBe(3);
  });

  test("are bounded in number: with a thousand methods the oldest bucket is forgotten", () => {
    const budget = createRetryBudget({}, clockWith());
    for (let i = 0; i < 1_500; i++) budget.withdraw(`method ${i}`);
    expect([...budget.keys()]).toHaveLength(1_000);
  });

  test("of a region that is gone let the waiting calls go on", async () => {
    const budget = createRetryBudget({ maxTokens: 1 }, clockWith());
    const held = budget.reserve("a");
    const turn = budget.waitForTurn("a", 1_000, undefined);
    budget.retain(new Set(["b"]));
    expect(await turn).toBeUndefined();
    held?.giveBack();
    expect(vi.getTimerCount()).toBe(0);
  });
});

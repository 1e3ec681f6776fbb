import { describe, expect, test, vi } from "vitest";
import {
  connecting,
  drive,
  flush,
  hang,
  http,
  noAnswer,
  ok,
  type Reply,
  refused,
  simulate,
  twirp,
  useSimulatedTime,
} from "../helpers/simulation.js";
import { switchboard } from "../helpers/switchboard.js";

useSimulatedTime();

const deaths: [string, Reply][] = [
  ["resets connections", noAnswer(40)],
  ["refuses connections", refused(40)],
  ["accepts no connection", connecting],
  ["hangs", hang],
  ["answers 503", http(503, undefined, 40)],
];
const policy = { idempotent: true, perAttemptTimeoutMs: 300, connectTimeoutMs: 300 };

describe("500 calls when home dies", () => {
  test.each(deaths)("one after another: only those that were under way are delayed (home %s)", async (_, reply) => {
    const board = switchboard({ a: reply }, { policy, retryThrottling: false });
    const calls: Promise<string>[] = [];
    for (let i = 0; i < 500; i++) {
      calls.push(board.start());
      vi.advanceTimersByTime(2);
      await flush();
    }
    expect((await drive(Promise.all(calls))).ok).toBe(true);

    const [ejection, ...more] = board.eventsOf("region_ejected");
    expect(more).toEqual([]);
    expect(ejection).toMatchObject({ region: "a", consecutive: 1 });
    const paid = board.world.requests.filter(({ region }) => region.id === "a");
    const firstEnd = Math.min(
      ...board.eventsOf("attempt").flatMap(({ region, elapsedMs }) => (region === "a" ? [elapsedMs] : [])),
    );
    // Ejection takes 3 failures in a row or 10 by share, and until then one more call comes every 2 ms.
    const most = firstEnd / 2 + (reply.kind === "error" && reply.failure.kind === "http" ? 10 : 3);
    expect(paid.length).toBeLessThanOrEqual(most);
    expect(board.requestsTo("b")).toBe(500);
  });

  test.each(deaths.slice(3))(
    "at once: each is delayed at most once, and the next 500 not at all (home %s)",
    async (_, reply) => {
      const board = switchboard({ a: reply }, { policy, retryThrottling: false });
      const first = await board.runTogether(500);
      expect(first.every(({ status }) => status === "fulfilled")).toBe(true);
      expect(board.requestsTo("a")).toBe(500);
      const next = await board.runTogether(500);
      expect(next.every(({ status }) => status === "fulfilled")).toBe(true);
      expect(board.requestsTo("a")).toBe(500);
      expect(board.eventsOf("region_ejected")).toHaveLength(1);
    },
  );

  test("mutations that provably never ran go elsewhere, and no call after the third goes to home", async () => {
    const board = switchboard({ a: refused() }, { policy: {} });
    const settled = await board.runAll(100);
    expect(settled.every(({ ok }) => ok)).toBe(true);
    expect(board.requestsTo("a")).toBe(3);
  });
});

describe("after the ejection", () => {
  test.each(deaths)("no call goes to home for the length of the ejection (home %s)", async (_, reply) => {
    const board = switchboard({ a: reply }, { policy, retryThrottling: false });
    await board.runTogether(20);
    const paid = board.requestsTo("a");
    const { ejectedUntilMs } = board.status("a");
    while (Date.now() < (ejectedUntilMs as number) - 500) {
      const [settled] = await board.runAll(1);
      expect(settled).toMatchObject({ ok: true, value: "answer of b" });
      vi.advanceTimersByTime(400);
    }
    expect(board.requestsTo("a")).toBe(paid);
  });

  test("a call takes as long as a call to a healthy region", async () => {
    const board = switchboard({ a: hang }, { policy });
    await board.runAll(3);
    const start = performance.now();
    expect(await board.run()).toMatchObject({ ok: true, atMs: start + 10 });
  });

  test("the other regions are not affected: one region down is one region ejected", async () => {
    const board = switchboard({ a: noAnswer() }, { retryThrottling: false });
    await board.runAll(100);
    expect(board.failover.regions().map(({ state }) => state)).toEqual(["ejected", "healthy", "healthy"]);
  });

  test.each([
    ["four calls in five is ejected too", 4, 1],
    ["one call in five is not", 1, 0],
  ])("a region that fails %s", async (_, failing, ejections) => {
    const sim = simulate({ replies: (n) => (n % 5 < failing ? http(503) : ok(1)), policy: { replay: false } });
    for (let i = 0; i < 20; i++) await sim.run();
    expect(sim.eventsOf("region_ejected")).toHaveLength(ejections);
  });
});

describe("when everything is down", () => {
  test.each<[string, Reply, Partial<Parameters<typeof switchboard>[1]>]>([
    ["refuses", refused(), {}],
    ["refuses, and mutations are called", refused(), { policy: {} }],
    ["resets connections", noAnswer(), {}],
    ["answers 503", http(503), {}],
    ["answers 503, from the service", twirp("unavailable"), {}],
    ["answers 429", http(429), {}],
    ["is one region that refuses", refused(), { ids: ["a"] }],
  ])("and %s, 1,000 calls make no more than 1.2 attempts each", async (_, reply, options) => {
    const ids = options?.ids ?? ["a", "b", "c"];
    const board = switchboard(Object.fromEntries(ids.map((id) => [id, reply])), options);
    const settled = await board.runAll(1_000);
    expect(settled.some(({ ok }) => ok)).toBe(false);
    expect(board.world.requests.length).toBeLessThanOrEqual(1_200);
    expect(
      board.world.requests.length,
      "every call makes an attempt, although all regions are ejected",
    ).toBeGreaterThanOrEqual(1_000);
  });

  test("and every call tries every region, each region's bucket pays for at most 50 replays", async () => {
    const ids = ["a", "b", "c", "d", "e"];
    const replies = Object.fromEntries(ids.map((id) => [id, refused()]));
    const board = switchboard(replies, { ids, policy: { idempotent: true, maxAttempts: 5 } });
    await board.runAll(1_000);
    expect(board.world.requests.length).toBeLessThanOrEqual(1_000 + 50 * ids.length);
  });

  test("and calls come all at once, they make no more attempts either", async () => {
    const board = switchboard({ a: refused(), b: refused(), c: refused() });
    for (let i = 0; i < 20; i++) await board.runTogether(50);
    expect(board.world.requests.length).toBeLessThanOrEqual(1_200);
  });
});

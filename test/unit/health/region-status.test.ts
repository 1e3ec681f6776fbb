import { describe, expect, test, vi } from "vitest";
import type { EjectionReason } from "../../../src/events/events.js";
import {
  drive,
  flush,
  hang,
  http,
  noAnswer,
  ok,
  type Reply,
  refused,
  regionNamed,
  useSimulatedTime,
} from "../helpers/simulation.js";
import { listOf, promptSource } from "../helpers/sources.js";
import { idempotent, switchboard } from "../helpers/switchboard.js";

useSimulatedTime();

const HEALTHY = { state: "healthy", failureShare: 0, inFlight: 0 };

describe("regions()", () => {
  test("shows all regions healthy before the first call", () => {
    const board = switchboard();
    expect(board.failover.regions()).toEqual(
      ["a", "b", "c"].map((id) => ({ ...regionNamed(id), home: id === "a", ...HEALTHY })),
    );
  });

  test("shows the share of failures", async () => {
    const board = switchboard({}, { ids: ["a"] });
    await board.runAll(6);
    board.set("a", noAnswer());
    await board.runAll(2, { policy: { replay: false } });
    expect(board.status("a")).toMatchObject({ state: "healthy", failureShare: 0.25 });
    vi.advanceTimersByTime(60_001);
    expect(board.status("a").failureShare).toBe(0);
  });

  test("shows until when a region is ejected, in wall-clock time", async () => {
    const board = switchboard({ a: noAnswer() });
    await board.runAll(3);
    const [ejection] = board.eventsOf("region_ejected");
    expect(board.status("a")).toMatchObject({ state: "ejected", ejectedUntilMs: ejection?.untilMs, inFlight: 0 });
    expect((ejection?.untilMs as number) - (ejection?.at as number)).toBe(30_000);
    expect(board.status("b")).not.toHaveProperty("ejectedUntilMs");
  });

  test.each<[string, Reply, number, EjectionReason, number]>([
    ["no answers", noAnswer(), 3, "consecutive_failures", 3 / 6],
    ["failures", http(503), 7, "failure_share", 7 / 10],
    ["a pushback", http(429, "5"), 1, "pushback", 1 / 4],
  ])("shows why a region is ejected, and the share that had failed then, for as long as it is (%s)", async (...row) => {
    const [, reply, calls, reason, share] = row;
    const board = switchboard({}, { ids: ["a"], retryThrottling: false });
    await board.runAll(3);
    board.set("a", reply);
    await board.runAll(calls, { policy: { replay: false } });
    expect(board.status("a")).toMatchObject({ state: "ejected", ejectionReason: reason, failureShare: share });
    // Longer than a call stays in the window.
    vi.advanceTimersByTime(100_000);
    expect(board.status("a")).toMatchObject({ state: "ejected", ejectionReason: reason, failureShare: share });
    board.set("a", ok(500));
    const probe = board.run();
    expect(board.status("a")).toMatchObject({ state: "probing", failureShare: share });
    expect(board.status("a")).not.toHaveProperty("ejectionReason");
    await probe;
    expect(board.status("a")).toEqual({ ...regionNamed("a"), home: true, ...HEALTHY });
  });

  test("shows the reason that was reported last", async () => {
    const board = switchboard({ a: noAnswer() });
    await board.runAll(3);
    vi.advanceTimersByTime(30_000);
    await board.run();
    expect(board.status("a")).toMatchObject({ state: "ejected", ejectionReason: "probe_failed", failureShare: 1 });
    expect(board.eventsOf("region_ejected").at(-1)?.reason).toBe("probe_failed");
  });

  test("shows whole milliseconds, and so do the events", async () => {
    const board = switchboard({ a: noAnswer() }, { random: () => 0.123_456_789 });
    await board.runAll(3);
    const { ejectedUntilMs } = board.status("a");
    expect(ejectedUntilMs).toBe(Math.round(ejectedUntilMs as number));
    expect(board.eventsOf("region_ejected")[0]?.untilMs).toBe(ejectedUntilMs);
  });

  test("shows the attempts under way", async () => {
    const board = switchboard({ a: hang }, { policy: { ...idempotent, perAttemptTimeoutMs: 1_000 } });
    const all = Promise.all(Array.from({ length: 7 }, () => board.start()));
    await flush();
    expect(board.status("a").inFlight).toBe(7);
    await drive(all);
    expect(board.failover.regions().map(({ inFlight }) => inFlight)).toEqual([0, 0, 0]);
  });

  test("shows a region that is being probed", async () => {
    const board = switchboard({ a: noAnswer() });
    await board.runAll(3);
    vi.advanceTimersByTime(30_000);
    board.set("a", ok(500));
    const probe = board.run();
    expect(board.status("a")).toMatchObject({ state: "probing", inFlight: 1 });
    expect(board.status("a")).not.toHaveProperty("ejectedUntilMs");
    await probe;
    expect(board.status("a")).toMatchObject(HEALTHY);
  });
});

describe("stats()", () => {
  test("shows the tokens of each region's bucket by its id", async () => {
    const board = switchboard({ a: noAnswer() }, { ids: ["a", "b"] });
    expect(board.failover.stats()).toEqual({ retryTokens: { a: 100, b: 100 }, methodRetryTokens: {} });
    await board.run();
    expect(board.failover.stats().retryTokens.a).toBeCloseTo(99.1);
    expect(board.failover.stats().retryTokens.b).toBe(100);
  });

  test("shows Infinity if there is no limit", () => {
    const board = switchboard({}, { ids: ["a"], retryThrottling: false });
    expect(board.failover.stats()).toEqual({ retryTokens: { a: Number.POSITIVE_INFINITY }, methodRetryTokens: {} });
  });
});

/** Uses each of the lists for 5 s. When this resolves, the first list is known. */
async function discovering(...lists: [ReturnType<typeof listOf>, ...ReturnType<typeof listOf>[]]) {
  const [first, ...more] = lists.map((regions) => ({ regions, ttlMs: 5_000 }));
  const source = promptSource(first as NonNullable<typeof first>, ...more);
  const board = switchboard({}, { regions: source });
  await board.failover.ready();
  const nextList = async () => {
    vi.advanceTimersByTime(5_000);
    await board.failover.ready(); // Resolves at once because a list is known, and requests the next list.
    await flush();
  };
  return { board, nextList };
}

describe("a list that changes", () => {
  test("discards the state of a region that leaves: when the region is back, it is healthy", async () => {
    const { board, nextList } = await discovering(listOf("a", "b"), listOf("b"), listOf("a", "b"));
    board.set("a", noAnswer());
    await board.runAll(3);
    expect(board.status("a").state).toBe("ejected");
    await nextList();
    expect(board.failover.regions().map(({ id }) => id)).toEqual(["b"]);
    await nextList();
    expect(board.status("a")).toMatchObject(HEALTHY);
  });

  test("discards its tokens too", async () => {
    const { board, nextList } = await discovering(listOf("a", "b"), listOf("b"), listOf("a", "b"));
    board.set("a", noAnswer());
    await board.runAll(3);
    expect(board.failover.stats().retryTokens.a).toBeLessThan(98);
    await nextList();
    await nextList();
    expect(board.failover.stats().retryTokens.a).toBe(100);
  });

  test("keeps the state of the regions that stay", async () => {
    const { board, nextList } = await discovering(listOf("a", "b"), listOf("a", "c"));
    board.set("a", noAnswer());
    await board.runAll(3);
    await nextList();
    expect(board.status("a").state).toBe("ejected");
    expect(await board.run()).toMatchObject({ value: "answer of c" });
  });

  test("adds new regions as healthy, and they get calls at once", async () => {
    const { board, nextList } = await discovering(listOf("a"), listOf("a", "b"));
    board.set("a", refused());
    await board.runAll(3);
    expect(board.status("a").state).toBe("ejected");
    await nextList();
    expect(board.status("b")).toMatchObject(HEALTHY);
    expect(await board.run()).toMatchObject({ value: "answer of b" });
  });

  test("does not affect calls under way in a region that left, and their outcomes do not count when it is back", async () => {
    const { board, nextList } = await discovering(listOf("a", "b"), listOf("b"), listOf("a", "b"));
    board.set("a", noAnswer(20_000));
    const together = Promise.all(
      Array.from({ length: 3 }, () => board.start({ timeout: 60_000, policy: { perAttemptTimeoutMs: 30_000 } })),
    );
    await flush();
    await nextList();
    await nextList();
    expect(board.status("a")).toMatchObject(HEALTHY);
    expect(await drive(together)).toMatchObject({ ok: true, value: ["answer of b", "answer of b", "answer of b"] });
    expect(board.status("a")).toMatchObject(HEALTHY);
  });

  test("a region that left is not reported as ejected", async () => {
    const { board, nextList } = await discovering(listOf("a", "b"), listOf("b"));
    board.set("a", noAnswer(6_000));
    const together = Promise.all(Array.from({ length: 3 }, () => board.start({ timeout: 60_000 })));
    await flush();
    await nextList();
    await drive(together);
    expect(board.eventsOf("region_ejected")).toEqual([]);
  });

  test("may rename a region: its state belongs to its url, and events use the new name", async () => {
    const renamed = [{ ...regionNamed("a"), id: "eu-west" }, regionNamed("b")] as unknown as ReturnType<typeof listOf>;
    const { board, nextList } = await discovering(listOf("a", "b"), renamed);
    board.set("a", noAnswer());
    board.set("eu-west", noAnswer());
    await board.runAll(2);
    await nextList();
    await board.runAll(1);
    expect(board.status("eu-west").state).toBe("ejected");
    expect(board.eventsOf("region_ejected")).toMatchObject([{ region: "eu-west" }]);
  });
});

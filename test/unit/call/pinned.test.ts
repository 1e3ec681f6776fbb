/** HTTP 451: nothing ran, and the list is wrong. So a new list is loaded although the old one is fresh. */
import { describe, expect, test, vi } from "vitest";
import type { LoadedRegions } from "../../../src/regions/source.js";
import { drive, flush, http, noAnswer, ok, type Reply, simulate, useSimulatedTime } from "../helpers/simulation.js";
import { controlledSource, listOf, promptSource } from "../helpers/sources.js";

useSimulatedTime();

const pinned = http(451);
const HOUR = 3_600_000;
const fresh = (...ids: [string, ...string[]]): LoadedRegions => ({ regions: listOf(...ids), ttlMs: HOUR });

/** Replies by region. A region that is not listed answers 451. */
const only =
  (...ids: readonly string[]) =>
  (_: number, { id }: { id: string }): Reply =>
    ids.includes(id) ? ok() : pinned;

describe("a call that is not allowed in its region", () => {
  test.each([
    ["a method that may run twice", { idempotent: true }],
    ["a mutation", { idempotent: false }],
  ])("(%s) goes to a region of the new list at once", async (_, policy) => {
    const source = promptSource(fresh("a", "b"), fresh("a", "c"));
    const sim = simulate({ regions: source, replies: only("c"), policy });
    await sim.failover.ready();
    expect(await sim.run()).toMatchObject({ ok: true, value: "answer of c", atMs: 20 });
    expect(source.asked).toBe(2);
    expect(sim.asked(), "b, which the new list does not name, is not tried").toEqual(["a", "c"]);
  });

  test.each([
    ["2 s", {}, 2_000],
    ["what is left of the call", { timeout: 500 }, 490],
  ])("waits for the new list for at most %s, then goes on with the known regions", async (_, call, waited) => {
    const source = controlledSource();
    const sim = simulate({ regions: source, replies: only("b"), policy: { sameRegion: false } });
    setTimeout(() => source.answer(listOf("a", "b"), HOUR), 0);
    await drive(sim.failover.ready());
    const begun = performance.now();
    const settled = await sim.run(call);
    expect(source.requests).toHaveLength(2);
    expect(Math.abs(settled.atMs - begun - 10 - waited)).toBeLessThanOrEqual(10);
    expect(settled.ok).toBe(waited === 2_000);
  });

  test("is not tried again in that region, although there is no other", async () => {
    const sim = simulate({ regions: promptSource(fresh("a")), replies: only() });
    await sim.failover.ready();
    const settled = await sim.run();
    expect(settled).toMatchObject({ ok: false });
    expect(sim.asked()).toEqual(["a"]);
    expect(sim.eventsOf("replay_refused")).toMatchObject([{ reason: "no_region" }]);
  });

  test("stops waiting when its caller aborts", async () => {
    const source = controlledSource();
    const sim = simulate({ regions: source, replies: only("b") });
    setTimeout(() => source.answer(listOf("a", "b"), HOUR), 0);
    await drive(sim.failover.ready());
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 100);
    expect(await sim.run({ signal: controller.signal })).toMatchObject({ ok: false, error: { code: "canceled" } });
    expect(source.requests[1]?.aborted).toBe(false);
  });

  test("uses the known regions if the list cannot be loaded, and an event says why", async () => {
    const source = promptSource(fresh("a", "b"), new Error("down"));
    const sim = simulate({ regions: source, replies: only("b") });
    await sim.failover.ready();
    expect(await sim.run()).toMatchObject({ ok: true, value: "answer of b" });
    expect(sim.eventsOf("discovery_failed")).toMatchObject([{ reason: "down" }]);
  });

  test("asks for a list once, with any number of refusing regions, at any time", async () => {
    const source = promptSource(fresh("a", "b", "c"), fresh("a", "b", "c"), fresh("a", "z"));
    const policy = { maxAttempts: 5, sameRegion: false, timeoutMs: 60_000 };
    // Later than the three seconds in which no other call may ask again.
    const sim = simulate({ regions: source, replies: [http(451, undefined, 4_000)], policy });
    await sim.failover.ready();
    await sim.fail();
    expect(sim.asked()).toEqual(["a", "b", "c"]);
    expect(source.asked).toBe(2);
  });

  test("asks for a list even if another failure came first", async () => {
    const source = promptSource(fresh("a", "b"), fresh("a", "b", "c"));
    const replies = (_: number, { id }: { id: string }) => (id === "a" ? http(429) : id === "b" ? pinned : ok());
    const sim = simulate({ regions: source, replies });
    await sim.failover.ready();
    expect(await sim.run()).toMatchObject({ ok: true, value: "answer of c" });
    expect(source.asked).toBe(2);
  });

  test("asks for no list if the regions are fixed", async () => {
    const sim = simulate({ ids: ["a", "b"], replies: only("b") });
    expect(await sim.run()).toMatchObject({ ok: true, value: "answer of b" });
  });
});

describe("many calls that are not allowed", () => {
  test("(1,000 at once) ask for a list once", async () => {
    const source = promptSource(fresh("a", "b"));
    const sim = simulate({ regions: source, replies: only("b"), retryThrottling: false });
    await sim.failover.ready();
    const all = await drive(Promise.all(Array.from({ length: 1_000 }, () => sim.start())));
    expect(all).toMatchObject({ ok: true, value: Array(1_000).fill("answer of b") });
    expect(source.asked).toBe(2);
  });

  test.each([
    ["if the source answers", fresh("a", "b")],
    ["if the source fails", new Error("down")],
  ])("(1,000 in a row) ask for a list at most every 3 s, %s", async (_, answer) => {
    const source = promptSource(fresh("a", "b"), answer);
    const sim = simulate({ regions: source, replies: only("b"), health: false, retryThrottling: false });
    await sim.failover.ready();
    const times: number[] = [];
    for (let i = 0; i < 1_000; i++) {
      const before = source.asked;
      expect(await sim.run()).toMatchObject({ ok: true, value: "answer of b" });
      if (source.asked > before) times.push(performance.now());
    }
    // 1,000 calls of 20 ms take 20 s.
    expect(times.length).toBe(7);
    for (const [i, at] of times.entries())
      if (i > 0) expect(at - (times[i - 1] as number)).toBeGreaterThanOrEqual(3_000);
  });

  test("other failures do not cause a request while the list is fresh", async () => {
    const source = promptSource(fresh("a", "b"));
    const replies = (_: number, { id }: { id: string }) => (id === "a" ? noAnswer() : ok());
    const sim = simulate({ regions: source, replies, policy: { idempotent: true } });
    await sim.failover.ready();
    for (let i = 0; i < 20; i++) await sim.run();
    vi.advanceTimersByTime(60_000);
    await sim.run();
    await flush();
    expect(source.asked).toBe(1);
  });
});

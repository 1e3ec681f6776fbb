/** A failing source is asked less and less often, with any number of calls, and does not change a call's error. */
import { afterEach, describe, expect, test, vi } from "vitest";
import { RegionCache } from "../../../src/regions/cache.js";
import type { RegionSource } from "../../../src/regions/source.js";
import { drive, noAnswer, simulate, twirp, useSimulatedTime, WireError } from "../helpers/simulation.js";
import { controlledSource, listOf, promptSource } from "../helpers/sources.js";

useSimulatedTime();
afterEach(() => {
  vi.restoreAllMocks();
});

const AB = listOf("a", "b");
const DOWN = new Error("down");

/** The waits until the source may be asked again, one after each request, to the nearest ten milliseconds. */
async function waitsOf(cache: RegionCache, source: RegionSource, count: number): Promise<number[]> {
  const waits: number[] = [];
  for (let i = 0; i < count; i++) {
    await cache.load(source, () => {}).catch(() => {});
    const from = performance.now();
    while (!cache.isStale(source)) vi.advanceTimersByTime(1);
    waits.push(Math.floor((performance.now() - from) / 10) * 10);
  }
  return waits;
}

describe("the wait after a failure", () => {
  test.each([
    [0, [3_000, 6_000, 12_000, 24_000, 30_000, 30_000, 30_000]],
    [0.5, [3_300, 6_600, 13_200, 26_400, 33_000, 33_000, 33_000]],
    [1 - Number.EPSILON, [3_600, 7_200, 14_400, 28_800, 36_000, 36_000, 36_000]],
  ])("doubles up to 30 s, plus up to a fifth of jitter (random: %d)", async (random, expected) => {
    vi.spyOn(Math, "random").mockReturnValue(random);
    expect(await waitsOf(new RegionCache(), promptSource(DOWN), 7)).toEqual(expected);
  });

  test("is short again after a success", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0);
    const good = { regions: AB, ttlMs: 60_000 };
    const source = promptSource(DOWN, DOWN, DOWN, good, DOWN, DOWN);
    const waits = await waitsOf(new RegionCache(), source, 6);
    expect(waits).toEqual([3_000, 6_000, 12_000, 48_000, 3_000, 6_000]);
  });

  test("stays at 30 s after a thousand failures", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0);
    const cache = new RegionCache();
    const source = promptSource(DOWN);
    for (let i = 0; i < 1_100; i++) await cache.load(source, () => {}).catch(() => {});
    expect(await waitsOf(cache, source, 1)).toEqual([30_000]);
  });
});

describe("calls that fail while their source is down", () => {
  test("10,000 at once make one request and one event", async () => {
    const source = promptSource(DOWN);
    const sim = simulate({ regions: source, replies: [], policy: { idempotent: true, sameRegion: false } });
    // Without a timer for each, because so many simulated timers take a minute.
    const send = () => Promise.reject(new WireError({ kind: "none" }));
    const all = await Promise.allSettled(Array.from({ length: 10_000 }, () => sim.start({ send })));
    expect(all.filter(({ status }) => status === "rejected")).toHaveLength(10_000);
    expect(source.asked).toBe(1);
    expect(sim.eventsOf("discovery_failed")).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("1,000 at once make one request and one event when the source hangs", async () => {
    const source = controlledSource();
    const sim = simulate({ regions: source, replies: [], policy: { idempotent: true, sameRegion: false } });
    const send = () => Promise.reject(new WireError({ kind: "none" }));
    const all = await drive(Promise.allSettled(Array.from({ length: 1_000 }, () => sim.start({ send }))));
    expect(all).toMatchObject({ ok: true, atMs: 2_000 });
    expect(source.requests).toHaveLength(1);
    expect(sim.eventsOf("discovery_failed")).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("for ten minutes make at most one request every 30 s", async () => {
    const source = promptSource(DOWN);
    const options = { policy: { idempotent: true, maxAttempts: 1 }, health: false } as const;
    const sim = simulate({ regions: source, replies: [noAnswer(0)], ...options });
    for (let ms = 0; ms < 600_000; ms += 1_000) {
      await sim.run();
      vi.advanceTimersByTime(1_000);
    }
    // At 0, 3, 9, 21 and 45 s, and then every 30 to 36 s.
    expect(source.asked).toBeGreaterThanOrEqual(19);
    expect(source.asked).toBeLessThanOrEqual(24);
    expect(sim.eventsOf("discovery_failed")).toHaveLength(source.asked);
  });

  test("of two Failovers with one cache make one request, and each Failover emits an event", async () => {
    const source = controlledSource();
    const cache = new RegionCache();
    const policy = { idempotent: true, sameRegion: false };
    const sims = [1, 2].map(() => simulate({ regions: source, cache, policy, replies: [noAnswer()] }));
    setTimeout(() => source.fail(DOWN), 100);
    await drive(Promise.allSettled(sims.flatMap((sim) => Array.from({ length: 50 }, () => sim.start()))));
    expect(source.requests).toHaveLength(1);
    for (const sim of sims) expect(sim.eventsOf("discovery_failed")).toHaveLength(1);
  });

  test.each([
    ["no answer", noAnswer()],
    ["the service's own error", twirp("unavailable")],
    ["an error that is final", twirp("not_found")],
  ])("reject with their own error: %s", async (_, reply) => {
    for (const source of [promptSource(DOWN), controlledSource()]) {
      const sim = simulate({ regions: source, replies: [reply], policy: { idempotent: true, sameRegion: false } });
      const error = await sim.fail();
      expect(error).toBe(sim.world.requests[0]?.error);
    }
  });
});

/** The list is refreshed before it is needed, no call waits for it, and the source is not asked more often than needed. */
import { describe, expect, test, vi } from "vitest";
import { RegionCache } from "../../../src/regions/cache.js";
import { drive, flush, noAnswer, ok, refused, simulate, useSimulatedTime } from "../helpers/simulation.js";
import { controlledSource, listOf, promptSource } from "../helpers/sources.js";

useSimulatedTime();

const AB = listOf("a", "b");
const MINUTE = 60_000;

describe("a call to a healthy home", () => {
  test("is not delayed by a source that hangs, and the next call is not either", async () => {
    const source = controlledSource();
    const sim = simulate({ regions: source, replies: [ok(10)] });
    expect(await sim.run()).toMatchObject({ ok: true, atMs: 10 });
    expect(await sim.run()).toMatchObject({ ok: true, atMs: 20 });
    expect(source.requests).toHaveLength(1);
  });

  test("is not delayed by a store that hangs", async () => {
    const cache = new RegionCache({ store: { get: () => new Promise(() => {}), set() {} } });
    const source = { ...controlledSource(), restore: () => AB };
    const sim = simulate({ regions: source, cache, replies: [ok(10)] });
    expect(await sim.run()).toMatchObject({ ok: true, atMs: 10 });
  });

  test("is not delayed by a source that throws at once", async () => {
    const source = { ...controlledSource(), load: () => expect.fail("thrown") };
    const sim = simulate({ regions: source, replies: [ok(10)] });
    expect(await sim.run()).toMatchObject({ ok: true, atMs: 10 });
    expect(sim.eventsOf("discovery_failed")).toMatchObject([{ reason: "thrown" }]);
  });
});

describe("a list in use", () => {
  test("is refreshed at 80 % of its TTL and not before, in the background", async () => {
    const source = controlledSource();
    const sim = simulate({ regions: source, replies: [ok(0)] });
    await sim.run();
    source.answer(AB, MINUTE);
    await flush();
    vi.advanceTimersByTime(0.8 * MINUTE - 1);
    await sim.run();
    expect(source.requests).toHaveLength(1);
    vi.advanceTimersByTime(1);
    const begun = performance.now();
    expect(await sim.run()).toMatchObject({ ok: true, atMs: begun });
    expect(source.requests).toHaveLength(2);
  });

  test("is not refreshed without calls, because there is no timer", async () => {
    const source = promptSource({ regions: AB, ttlMs: 5_000 });
    const sim = simulate({ regions: source, replies: [ok()] });
    expect(vi.getTimerCount()).toBe(0);
    await sim.run();
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(3_600_000);
    await flush();
    expect(source.asked).toBe(1);
    expect(sim.failover.regions()).toHaveLength(2);
    await flush();
    expect(source.asked, "regions() does not ask the source").toBe(1);
  });

  test("causes at most one request per 80 % of its TTL, with any number of calls", async () => {
    const source = promptSource({ regions: AB, ttlMs: MINUTE });
    const sim = simulate({ regions: source, replies: [ok(0)] });
    const TTLS = 20;
    for (let ms = 0; ms < TTLS * MINUTE; ms += 500) {
      const calls = Array.from({ length: 5 }, () => sim.start());
      vi.advanceTimersByTime(500);
      await Promise.all(calls);
    }
    expect(source.asked).toBe(TTLS / 0.8);
    expect(sim.eventsOf("call").filter((event) => event.ok)).toHaveLength(TTLS * 600);
    expect(sim.eventsOf("regions_changed")).toHaveLength(1);
  });

  test.each([
    ["0", 0],
    ["absent", Number.NaN],
    ["negative", -5],
    ["2 s", 2_000],
  ])("whose TTL is %s is refreshed every 3 s, and kept when the source fails", async (_, ttlMs) => {
    const source = promptSource({ regions: AB, ttlMs }, { regions: AB, ttlMs }, new Error("down"));
    const sim = simulate({ regions: source, replies: (_, { id }) => (id === "a" ? refused(0) : ok(0)), health: false });
    const asked: number[] = [];
    for (let ms = 0; ms < 9_000; ms += 100) {
      const before = source.asked;
      expect(await sim.run()).toMatchObject({ ok: true, value: "answer of b" });
      if (source.asked > before) asked.push(ms);
      vi.advanceTimersByTime(100);
    }
    expect(asked).toEqual([0, 3_000, 6_000]);
  });

  test("is refreshed by failing calls too", async () => {
    const source = promptSource({ regions: AB, ttlMs: MINUTE });
    const sim = simulate({ regions: source, replies: [noAnswer()], policy: { idempotent: true } });
    await sim.fail();
    vi.advanceTimersByTime(MINUTE);
    await sim.fail();
    expect(source.asked).toBe(2);
  });
});

describe("ready()", () => {
  const stored = (answer: unknown) => new RegionCache({ store: { get: () => answer, set() {} } });
  const restorable = (source = controlledSource()) => Object.assign(source, { restore: () => AB });

  test("resolves as soon as the store has a list, while the source is still silent", async () => {
    const sim = simulate({ regions: restorable(), cache: stored("x"), replies: [] });
    expect(await drive(sim.failover.ready())).toMatchObject({ ok: true, atMs: 0 });
    expect(sim.failover.regions()).toHaveLength(2);
  });

  test("resolves with the source's answer if the store has no list", async () => {
    const source = restorable();
    const sim = simulate({ regions: source, cache: stored(undefined), replies: [] });
    setTimeout(() => source.answer(AB), 400);
    expect(await drive(sim.failover.ready())).toMatchObject({ ok: true, atMs: 400 });
  });

  test("resolves when the source has failed, and at once until the source may be asked again", async () => {
    const source = promptSource(new Error("down"));
    const sim = simulate({ regions: source, replies: [] });
    await sim.failover.ready();
    await sim.failover.ready();
    expect(source.asked).toBe(1);
  });

  test("resolves after 2 s of silence", async () => {
    const sim = simulate({ regions: controlledSource(), replies: [] });
    expect(await drive(sim.failover.ready())).toMatchObject({ ok: true, atMs: 2_000 });
    expect(sim.eventsOf("discovery_failed")).toMatchObject([{ reason: "no answer within 2000 ms" }]);
  });

  test("resolves at once if a list is known, and does not ask the source", async () => {
    const source = promptSource({ regions: AB, ttlMs: MINUTE });
    const sim = simulate({ regions: source, replies: [] });
    for (let i = 0; i < 3; i++) await sim.failover.ready();
    expect(source.asked).toBe(1);
  });
});

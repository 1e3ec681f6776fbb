import { describe, expect, test, vi } from "vitest";
import { RegionCache } from "../../../src/regions/cache.js";
import { drive, flush, noAnswer, ok, refused, simulate, useSimulatedTime } from "../helpers/simulation.js";
import { controlledSource, listOf, promptSource } from "../helpers/sources.js";

useSimulatedTime();

const AB = listOf("a", "b");
const idempotent = { idempotent: true };

describe("the first list", () => {
  test("is requested by the first call, which does not wait for it", async () => {
    const source = controlledSource();
    const sim = simulate({ regions: source, replies: [ok()] });
    expect(source.requests).toHaveLength(0);
    expect(await sim.run()).toMatchObject({ ok: true, atMs: 10 });
    expect(source.requests).toHaveLength(1);
    await sim.run();
    expect(source.requests).toHaveLength(1);
  });

  test("makes the failover immediate if it is known when home fails", async () => {
    const sim = simulate({ regions: promptSource({ regions: AB, ttlMs: 60_000 }), replies: [refused(), ok()] });
    expect(await sim.run()).toMatchObject({ ok: true, value: "answer of b", atMs: 20 });
    expect(sim.eventsOf("regions_changed")).toMatchObject([{ regions: ["a", "b"] }]);
  });

  test("is waited for if home fails before it is known", async () => {
    const source = controlledSource();
    const sim = simulate({ regions: source, replies: [refused(), ok()] });
    setTimeout(() => source.answer(AB), 500);
    expect(await sim.run()).toMatchObject({ ok: true, value: "answer of b", atMs: 510 });
    expect(source.requests).toHaveLength(1);
  });

  test("is waited for at most 2 s, and at most the time that is left of the call", async () => {
    for (const [timeout, expected] of [
      [10_000, 2_000],
      [900, 900],
    ] as const) {
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date", "performance"] });
      const sim = simulate({ regions: controlledSource(), replies: [refused()], policy: { sameRegion: false } });
      const settled = await sim.run({ timeout });
      expect(settled).toMatchObject({ ok: false, error: sim.world.requests[0]?.error });
      expect(Math.abs(settled.atMs - expected)).toBeLessThanOrEqual(10);
    }
  });

  test("is waited for by ready(), whether the source answers or fails", async () => {
    const good = simulate({ regions: promptSource({ regions: AB, ttlMs: 0 }), replies: [] });
    await good.failover.ready();
    expect(good.failover.regions().map(({ id, home }) => [id, home])).toEqual([
      ["a", true],
      ["b", false],
    ]);
    const bad = simulate({ regions: promptSource(new Error("HTTP 500")), replies: [] });
    await bad.failover.ready();
    expect(bad.eventsOf("discovery_failed")).toMatchObject([{ source: "a prompt source", reason: "HTTP 500" }]);
    expect(bad.failover.regions().map(({ id }) => id)).toEqual(["a"]);
  });

  test("of fixed regions is known from the start", async () => {
    await simulate({ replies: [] }).failover.ready();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("an old list", () => {
  test("is used while a new one is loaded", async () => {
    const source = controlledSource();
    const sim = simulate({ regions: source, replies: [ok(), refused(), ok(), refused(), ok()] });
    const first = sim.run();
    await flush();
    source.answer(AB, 5_000);
    await first;
    vi.advanceTimersByTime(4_000);
    await sim.run();
    source.answer(listOf("a", "c"), 5_000);
    await flush();
    await sim.run();
    expect(sim.asked()).toEqual(["a", "a", "b", "a", "c"]);
    expect(source.requests).toHaveLength(2);
  });

  test("stays in use when the source is down, and an event says so", async () => {
    const source = promptSource({ regions: AB, ttlMs: 5_000 }, new Error("down"));
    const sim = simulate({ regions: source, replies: [ok(), refused(), ok()] });
    await sim.run();
    vi.advanceTimersByTime(5_000);
    expect(await sim.run()).toMatchObject({ ok: true, value: "answer of b" });
    expect(sim.eventsOf("discovery_failed")).toMatchObject([{ reason: "down" }]);
  });

  test("that changes while a call runs does not bring back a failed region under a new name", async () => {
    const source = controlledSource();
    const sim = simulate({
      regions: source,
      replies: [noAnswer(), ok()],
      policy: { ...idempotent, sameRegion: false },
    });
    const renamed = listOf("a").map(({ url }) => ({ id: "eu-west", url })) as unknown as ReturnType<typeof listOf>;
    setTimeout(() => source.answer(renamed), 50);
    expect(await sim.run()).toMatchObject({ ok: false });
    expect(sim.asked()).toEqual(["a"]);
  });

  test("is not requested again by calls that succeed", async () => {
    const source = promptSource({ regions: AB, ttlMs: 0 });
    const sim = simulate({ regions: source, replies: [ok()] });
    for (let i = 0; i < 50; i++) await sim.run();
    expect(source.asked).toBe(1);
  });
});

describe("many calls that fail together", () => {
  test("ask the source once", async () => {
    const source = controlledSource();
    const sim = simulate({ regions: source, replies: (_, { id }) => (id === "a" ? refused() : ok()) });
    setTimeout(() => source.answer(AB), 300);
    const all = await drive(Promise.all(Array.from({ length: 100 }, () => sim.start())));
    expect(all).toMatchObject({ ok: true, value: Array(100).fill("answer of b") });
    expect(source.requests).toHaveLength(1);
  });

  test("do not ask a source that is down again and again", async () => {
    const source = promptSource(new Error("down"));
    const sim = simulate({ regions: source, replies: [noAnswer()] });
    for (let i = 0; i < 100; i++) await sim.run();
    // 100 calls of 10 ms take a second, and the source is asked again only after 3 s.
    expect(source.asked).toBe(1);
  });

  test("a caller who aborts cancels only its own wait", async () => {
    const source = controlledSource();
    const sim = simulate({ regions: source, replies: (_, { id }) => (id === "a" ? refused() : ok()) });
    const controller = new AbortController();
    const leaving = drive(sim.start({ signal: controller.signal }));
    const staying = sim.start();
    setTimeout(() => controller.abort(), 100);
    expect(await leaving).toMatchObject({ ok: false, atMs: 100, error: { code: "canceled" } });
    expect(source.requests[0]?.aborted).toBe(false);
    source.answer(AB);
    expect(await drive(staying)).toMatchObject({ ok: true, value: "answer of b" });
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("a shared cache", () => {
  test("serves several Failovers with one request, and each emits the change", async () => {
    const source = controlledSource();
    const cache = new RegionCache();
    const sims = [1, 2, 3].map(() => simulate({ regions: source, cache, replies: [ok()] }));
    setTimeout(() => source.answer(AB), 10);
    await drive(Promise.all(sims.map((sim) => sim.failover.ready())));
    expect(source.requests).toHaveLength(1);
    for (const sim of sims) expect(sim.eventsOf("regions_changed")).toHaveLength(1);
  });

  test("is separate for each Failover by default", async () => {
    const source = promptSource({ regions: AB, ttlMs: 60_000 });
    for (let i = 0; i < 2; i++) await simulate({ regions: source, replies: [] }).failover.ready();
    expect(source.asked).toBe(2);
  });
});

describe("a custom source", () => {
  test.each([
    ["with invalid known regions", { key: "k", known: ["a"], load: async () => ({ regions: AB, ttlMs: 0 }) }],
    ["without known regions", { key: "k", load: async () => ({ regions: AB, ttlMs: 0 }) }],
  ])("%s is refused at construction", (_, source) => {
    expect(() => simulate({ regions: source as never, replies: [ok()] })).toThrow(/regions/);
  });

  test("that loads an empty list leaves the known regions in use", async () => {
    const sim = simulate({ regions: promptSource({ regions: [] as never, ttlMs: 0 }), replies: [ok()] });
    await sim.failover.ready();
    expect(await sim.run()).toMatchObject({ ok: true, value: "answer of a" });
  });
});

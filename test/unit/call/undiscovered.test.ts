/** A source that knows no region before it has answered, such as DNS: the first call must wait for it. */
import { describe, expect, test, vi } from "vitest";
import { failoverTrace } from "../../../src/call/trace.js";
import { RegionCache } from "../../../src/regions/cache.js";
import { drive, flush, ok, refused, simulate, useSimulatedTime } from "../helpers/simulation.js";
import { controlledSource, listOf, promptSource } from "../helpers/sources.js";

useSimulatedTime();

const AB = listOf("a", "b");
const knowingNothing = () => Object.assign(controlledSource(), { known: [] });

describe("the first call", () => {
  test("waits for the list, then goes to its first region", async () => {
    const source = knowingNothing();
    const sim = simulate({ regions: source, replies: [ok()] });
    expect(sim.failover.regions()).toEqual([]);
    expect(sim.failover.stats()).toEqual({ retryTokens: {}, methodRetryTokens: {} });
    setTimeout(() => source.answer(AB), 700);
    expect(await sim.run()).toMatchObject({ ok: true, value: "answer of a", atMs: 710 });
    expect(sim.failover.regions().map(({ id, home }) => [id, home])).toEqual([
      ["a", true],
      ["b", false],
    ]);
    expect(sim.eventsOf("regions_changed")).toMatchObject([{ regions: ["a", "b"] }]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test.each([
    ["2 s", {}, 2_000, "unavailable", "undiscovered"],
    // One ms more, so that the deadline has passed.
    ["its deadline", { timeout: 300 }, 301, "deadline_exceeded", "deadline"],
  ])("waits no longer than %s", async (_, call, atMs, code, refusedFor) => {
    const sim = simulate({ regions: knowingNothing(), replies: [ok()] });
    const settled = await sim.run(call);
    expect(settled).toMatchObject({ ok: false, atMs, error: { code } });
    const { error } = settled as { error: Error };
    expect(failoverTrace(error)).toMatchObject({ attempts: [], refused: refusedFor });
    if (code === "unavailable") expect(error.message).toMatch(/DialParticipant was not sent: no region is known yet/);
    expect(sim.asked()).toEqual([]);
    expect(sim.eventsOf("call")).toMatchObject([{ ok: false, code, attempts: 0 }]);
    // The request for the list does not belong to a call, and has its own limit of two seconds.
    await drive(sim.failover.ready());
    expect(vi.getTimerCount()).toBe(0);
  });

  test("stops waiting when its caller aborts, and the next call gets the list", async () => {
    const source = knowingNothing();
    const sim = simulate({ regions: source, replies: [ok()] });
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 50);
    expect(await sim.run({ signal: controller.signal })).toMatchObject({
      ok: false,
      atMs: 50,
      error: { code: "canceled" },
    });
    expect(source.requests[0]?.aborted).toBe(false);
    source.answer(AB);
    await flush();
    expect(await sim.run()).toMatchObject({ ok: true, value: "answer of a", atMs: 60 });
    expect(source.requests).toHaveLength(1);
  });

  test("fails when the source fails, and the next calls fail at once until the source may be asked again", async () => {
    const source = knowingNothing();
    const sim = simulate({ regions: source, replies: [ok()] });
    setTimeout(() => source.fail(new Error("SERVFAIL")), 20);
    expect(await sim.run()).toMatchObject({ ok: false, atMs: 20 });
    expect(await sim.run()).toMatchObject({ ok: false, atMs: 20 });
    expect(source.requests).toHaveLength(1);
    expect(sim.eventsOf("discovery_failed")).toMatchObject([{ reason: "SERVFAIL" }]);
    vi.advanceTimersByTime(3_600);
    const third = sim.start();
    await flush();
    source.answer(AB);
    expect(await drive(third)).toMatchObject({ ok: true, value: "answer of a" });
  });

  test("goes on with a stored list while the source is silent", async () => {
    const cache = new RegionCache({ store: { get: async () => "x", set() {} } });
    const source = Object.assign(knowingNothing(), { restore: () => AB });
    const sim = simulate({ regions: source, cache, replies: [refused(), ok()] });
    expect(await sim.run()).toMatchObject({ ok: true, value: "answer of b", atMs: 20 });
  });

  test("is not sent at all if it was aborted before", async () => {
    const source = knowingNothing();
    const sim = simulate({ regions: source, replies: [ok()] });
    await sim.fail({ signal: AbortSignal.abort() });
    expect(source.requests).toHaveLength(0);
  });

  test("shares the request with a hundred calls that wait for it", async () => {
    const source = knowingNothing();
    const sim = simulate({ regions: source, replies: [ok()] });
    setTimeout(() => source.answer(AB), 100);
    const all = await drive(Promise.all(Array.from({ length: 100 }, () => sim.start())));
    expect(all).toMatchObject({ ok: true, atMs: 110 });
    expect(source.requests).toHaveLength(1);
  });
});

describe("a source's order", () => {
  const near = listOf("far", "near").map((region, i) => ({ ...region, distance: 9 - i })) as never;
  const source = (order?: string) => ({ ...promptSource({ regions: near, ttlMs: 60_000 }), order: order as never });

  test.each([
    ["is used if the user sets none", "distance", undefined, "near"],
    ["gives way to the user's", "distance", "list", "far"],
    ["may be left out", undefined, undefined, "far"],
    ["may be left out, and the user's is used", undefined, "distance", "near"],
  ] as const)("%s", async (_, ofSource, ofUser, expected) => {
    const order = ofUser !== undefined && { order: ofUser };
    const sim = simulate({ regions: source(ofSource), replies: [ok()], ...order });
    await sim.failover.ready();
    expect(await sim.run()).toMatchObject({ value: `answer of ${expected}` });
  });

  test("is refused at construction if it is invalid", () => {
    expect(() => simulate({ regions: source("nearest"), replies: [] })).toThrow(/order must be "list"/);
  });
});

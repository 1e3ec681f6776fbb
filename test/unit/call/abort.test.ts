import { describe, expect, test, vi } from "vitest";
import { failoverTrace } from "../../../src/call/trace.js";
import { RegionCache } from "../../../src/regions/cache.js";
import type { RegionSource } from "../../../src/regions/source.js";
import { countListeners } from "../helpers/listeners.js";
import {
  drive,
  flush,
  hang,
  http,
  LocalError,
  noAnswer,
  ok,
  type Reply,
  regionNamed,
  type SimulationOptions,
  simulate,
  useSimulatedTime,
} from "../helpers/simulation.js";
import { listOf, promptSource } from "../helpers/sources.js";

useSimulatedTime();

const idempotent = { idempotent: true };

/** A caller who can abort, with a count of the listeners on the signal. */
function caller(leavesAfterMs?: number) {
  const controller = new AbortController();
  const listeners = countListeners(controller.signal);
  if (leavesAfterMs !== undefined) setTimeout(() => controller.abort(), leavesAfterMs);
  return { controller, signal: controller.signal, listeners };
}

const neverAnswers: RegionSource = {
  key: "a source that hangs",
  known: [regionNamed("a")],
  load: () => new Promise(() => {}),
};

describe("a caller who aborts", () => {
  const moments: [string, number, SimulationOptions, string[]][] = [
    ["during the first attempt", 50, { replies: [hang] }, ["a"]],
    ["during a replay", 400, { replies: [noAnswer(), hang], policy: idempotent }, ["a", "b"]],
    ["during the backoff", 100, { replies: [noAnswer(), ok()], policy: idempotent }, ["a"]],
    ["during a pushback", 700, { replies: [http(503, "1"), ok()], ids: ["a"], policy: idempotent }, ["a"]],
    ["during discovery", 300, { replies: [noAnswer(), ok()], regions: neverAnswers, policy: idempotent }, ["a"]],
    [
      "during discovery, with no other region known",
      300,
      { replies: [noAnswer(), ok()], regions: neverAnswers, policy: { ...idempotent, sameRegion: false } },
      ["a"],
    ],
  ];

  test.each(moments)("%s ends the call at once, and nothing more is started", async (_, atMs, options, asked) => {
    const sim = simulate(options);
    const { signal, listeners } = caller(atMs);
    const settled = await sim.run({ signal });
    expect(settled).toMatchObject({ ok: false, atMs, error: { constructor: LocalError, code: "canceled" } });
    expect(listeners()).toBe(0);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(sim.asked()).toEqual(asked);
    expect(vi.getTimerCount()).toBe(0);
  });

  test.each(moments)(
    "%s causes one call event, and a trace that says that the call was aborted",
    async (_, atMs, options) => {
      const sim = simulate(options);
      const { signal } = caller(atMs);
      const error = await sim.fail({ signal });
      expect(sim.eventsOf("call")).toMatchObject([{ ok: false, code: "canceled", elapsedMs: atMs }]);
      expect(failoverTrace(error)?.refused).toBe("aborted");
      expect(sim.eventsOf("replay_refused")).toEqual([]);
    },
  );

  test("before the call causes no attempt at all", async () => {
    const sim = simulate({ replies: [ok()] });
    const { controller, signal, listeners } = caller();
    const reason = new Error("too late");
    controller.abort(reason);
    expect(await sim.fail({ signal })).toMatchObject({ code: "canceled", cause: reason });
    expect(sim.asked()).toEqual([]);
    expect(listeners()).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  test.each(["a string", 7, undefined, new TypeError("a reason of a kind that p-retry treats in its own way")])(
    "with the reason %s still gets the RPC library's error",
    async (reason) => {
      const sim = simulate({ replies: [noAnswer(), ok()], policy: idempotent });
      const { controller, signal } = caller();
      setTimeout(() => controller.abort(reason), 100);
      expect(await sim.fail({ signal })).toMatchObject({ constructor: LocalError, code: "canceled" });
    },
  );
});

describe("a caller who aborts in a listener", () => {
  test("for failover gets no further attempt", async () => {
    const sim = simulate({ replies: [noAnswer(), ok()], policy: idempotent });
    const { controller, signal, listeners } = caller();
    sim.failover.on("failover", () => controller.abort());
    expect(await sim.fail({ signal })).toMatchObject({ code: "canceled" });
    expect(sim.asked()).toEqual(["a"]);
    expect(listeners()).toBe(0);
  });

  test("for retry gets no further attempt", async () => {
    const sim = simulate({ replies: [noAnswer(), ok()], ids: ["a"], policy: idempotent });
    const { controller, signal } = caller();
    sim.failover.on("retry", () => controller.abort());
    expect(await sim.fail({ signal })).toMatchObject({ code: "canceled" });
    expect(sim.asked()).toEqual(["a"]);
  });

  test("for a failed attempt gets no further attempt", async () => {
    const sim = simulate({ replies: [noAnswer(), ok()], policy: idempotent });
    const { controller, signal } = caller();
    sim.failover.on("attempt", () => controller.abort());
    expect(await sim.fail({ signal })).toMatchObject({ code: "canceled" });
    expect(sim.asked()).toEqual(["a"]);
  });

  test("for regions_changed gets no attempt, not even the first", async () => {
    const cache = new RegionCache();
    const source = promptSource({ regions: listOf("a", "b"), ttlMs: 60_000 });
    const sim = simulate({ regions: source, cache, replies: [ok(5_000)] });
    // Another Failover with the same cache loads the list, and this call is the first of its own Failover to see it.
    await simulate({ regions: source, cache, replies: [] }).failover.ready();
    const { controller, signal } = caller();
    sim.failover.on("regions_changed", () => controller.abort());
    expect(await sim.run({ signal })).toMatchObject({ ok: false, atMs: 0, error: { code: "canceled" } });
    expect(sim.asked()).toEqual([]);
  });

  test("for a replay that succeeded gets its value, and there is one call event", async () => {
    const sim = simulate({ replies: [noAnswer(), ok()], policy: idempotent });
    const { controller, signal } = caller();
    sim.failover.on("attempt", (event) => event.ok && controller.abort());
    const settled = await sim.run({ signal });
    expect(sim.eventsOf("call")).toHaveLength(1);
    expect(settled).toMatchObject({ ok: true, value: "answer of b" });
  });
});

describe("when a call settles", () => {
  const cases: [string, Reply[]][] = [
    ["with the first attempt", [ok()]],
    ["with a replay", [noAnswer(), ok()]],
    ["with a retry after a long wait", [http(503, "1"), http(503), http(503), ok()]],
    ["with an error", [noAnswer()]],
    ["with a timeout", [hang]],
  ];

  test.each(cases)("%s, neither a listener on the caller's signal nor a timer is left", async (_, replies) => {
    const sim = simulate({ replies, policy: { ...idempotent, maxAttempts: 5 } });
    const { signal, listeners } = caller();
    const settled = drive(sim.start({ signal }));
    expect(listeners()).toBe(1);
    await settled;
    expect(listeners()).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("a late answer of the transport is ignored", async () => {
    const sim = simulate({ replies: [] });
    let answer = (_: string) => {};
    let fail = (_: Error) => {};
    const send = () =>
      new Promise<string>((resolve, reject) => {
        answer = resolve;
        fail = reject;
      });
    expect((await sim.run({ send, timeout: 50 })).ok).toBe(false);
    answer("late");
    expect((await sim.run({ send, timeout: 50 })).ok).toBe(false);
    fail(new Error("late"));
    await flush();
    expect(sim.eventsOf("attempt")).toHaveLength(2);
    expect(sim.eventsOf("call")).toHaveLength(2);
  });

  test("one signal may serve many calls", async () => {
    const sim = simulate({ replies: [hang] });
    const { signal, listeners } = caller(20);
    const settled = await drive(Promise.allSettled(Array.from({ length: 50 }, () => sim.start({ signal }))));
    expect(settled).toMatchObject({ ok: true, atMs: 20 });
    expect(listeners()).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("one signal may serve many calls without the platform's warning of a leak", async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error) => warnings.push(warning);
    process.on("warning", onWarning);
    const sim = simulate({ replies: [ok()] });
    const { signal } = new AbortController();
    await drive(Promise.all(Array.from({ length: 50 }, () => sim.start({ signal }))));
    process.off("warning", onWarning);
    expect(warnings.map(({ message }) => message)).toEqual([]);
  });
});

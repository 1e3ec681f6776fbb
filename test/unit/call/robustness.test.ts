/** Sources and adapters with bugs of their own, which must not hang a call or hide what happened to it. */
import { expect, test, vi } from "vitest";
import { RegionCache } from "../../../src/regions/cache.js";
import type { RegionSource } from "../../../src/regions/source.js";
import { drive, hang, http, noAnswer, ok, regionNamed, simulate, useSimulatedTime } from "../helpers/simulation.js";
import { controlledSource, listOf } from "../helpers/sources.js";
import { switchboard } from "../helpers/switchboard.js";

useSimulatedTime();

const idempotent = { idempotent: true };

test("a TypeError inside the loop ends the call with that error, after one attempt", async () => {
  const bug = new TypeError("a bug");
  const broken: RegionSource = {
    key: "broken",
    known: [regionNamed("a")],
    load: async () => {
      throw new Error("no list");
    },
  };
  const cache = new RegionCache();
  let isBroken = false;
  const get = cache.get.bind(cache);
  vi.spyOn(cache, "get").mockImplementation((source) => {
    if (isBroken) throw bug;
    return get(source);
  });
  const other = simulate({ regions: broken, cache, replies: [noAnswer()], policy: idempotent });
  other.failover.on("attempt", () => {
    isBroken = true;
  });
  expect(await other.run()).toMatchObject({ ok: false, error: bug });
  expect(other.asked()).toEqual(["a"]);
  expect(vi.getTimerCount()).toBe(0);
});

test("a list that another Failover loads during a call is reported before the call goes to one of its regions", async () => {
  const source = controlledSource();
  const cache = new RegionCache();
  const first = simulate({ regions: source, cache, replies: [ok()] });
  const second = simulate({ regions: source, cache, replies: [noAnswer(50), ok()], policy: idempotent });
  await first.run();
  const call = second.start();
  source.answer(listOf("a", "b"));
  await vi.advanceTimersByTimeAsync(20);
  await drive(call);
  const types = second.events.map(({ type }) => type);
  expect(types.indexOf("regions_changed")).toBeGreaterThan(-1);
  expect(types.indexOf("regions_changed")).toBeLessThan(types.indexOf("failover"));
});

test("an adapter that cannot make its own error gets a plain one, and the call ends in time", async () => {
  const sim = simulate({ replies: [hang] });
  const createError = () => {
    throw new TypeError("a bug of the adapter");
  };
  const settled = await sim.run({ createError, timeout: 300 });
  expect(settled).toMatchObject({ ok: false, error: { message: expect.stringContaining("within 300 ms") } });
  expect(sim.failover.regions().every(({ inFlight }) => inFlight === 0)).toBe(true);
});

test("an adapter that says nothing about its error counts as one without an answer", async () => {
  const sim = simulate({ replies: [noAnswer(), ok()], policy: idempotent });
  expect(await sim.run({ inspect: () => undefined as never })).toMatchObject({ ok: true });
});

test("an abort signal that is null is refused by name", async () => {
  const sim = simulate({ replies: [ok()] });
  const error = await sim.fail({ signal: null as never });
  expect(error.message).toBe("twirp-failover: the call's abort must be an AbortSignal; got null");
});

test("a project that is pinned to other regions does not speak against the region that says so", async () => {
  const board = switchboard({ a: http(451) });
  await board.runAll(30);
  expect(board.status("a")).toMatchObject({ state: "healthy", failureShare: 0 });
});

test("what a source knows is used as it was checked", async () => {
  const source: RegionSource = {
    key: "slash",
    known: [{ id: "a", url: "https://a.example.com/twirp/" }],
    load: () => new Promise(() => {}),
  };
  const sim = simulate({ regions: source, replies: [ok()] });
  await sim.run();
  expect(sim.world.requests[0]?.region.url).toBe("https://a.example.com/twirp");
});

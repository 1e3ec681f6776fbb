/** A store is a convenience: what it cannot do costs a warning, and what it says is believed no more than the network. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { RegionCache } from "../../../src/regions/cache.js";
import { httpRegions } from "../../../src/regions/discovery/http.js";
import type { RegionStore } from "../../../src/regions/store.js";
import { useFetchStub } from "../helpers/fetch-stub.js";
import { refusalOf } from "../helpers/refusal.js";
import { drive, flush, ok, refused, simulate, useSimulatedTime } from "../helpers/simulation.js";
import { listOf, promptSource } from "../helpers/sources.js";

useSimulatedTime();

const HOME = "https://my.livekit.cloud/twirp";
const LIST = JSON.stringify({ regions: [{ region: "eu", url: "https://eu.livekit.cloud" }] });
const WEEK_MS = 7 * 24 * 3_600_000;

const unhandled: unknown[] = [];
const onUnhandled = (reason: unknown) => unhandled.push(reason);
const fetchStub = useFetchStub();
beforeEach(() => {
  process.on("unhandledRejection", onUnhandled);
  fetchStub.mockRejectedValue(new TypeError("fetch failed"));
});
afterEach(async () => {
  await flush();
  process.off("unhandledRejection", onUnhandled);
  expect(unhandled.splice(0)).toEqual([]);
});

const answering = (body: string) => fetchStub.mockImplementation(async () => new Response(body));
const storeOf = (get: () => unknown): RegionStore => ({ get, set() {} });

/** A Failover of a fresh process: the store is all it has, for home refuses from the first request on. */
function start(store: RegionStore, options: { home?: string } = {}) {
  const regions = httpRegions({ home: HOME, ...options });
  const replies = (_: number, { url }: { url: string }) => (url === HOME ? refused(0) : ok(0));
  return simulate({ regions, cache: new RegionCache({ store }), replies, health: false });
}

describe("an answer that names no region but what was known", () => {
  test.each([
    ["an empty list", JSON.stringify({ regions: [] })],
    ["a foreign one alone", JSON.stringify({ regions: [{ region: "x", url: "https://evil.com" }] })],
  ])("(%s) changes nothing, neither here nor in the store", async (_, answer) => {
    const kept = new Map<string, string>();
    const sim = start({ get: (key) => kept.get(key), set: (key, value) => kept.set(key, value) });
    answering(LIST);
    await sim.failover.ready();
    expect([...kept.values()]).toEqual([LIST]);
    vi.advanceTimersByTime(4_000);
    answering(answer);
    await sim.run();
    await flush();
    expect(sim.failover.regions().map(({ id }) => id)).toEqual(["my.livekit.cloud", "eu"]);
    expect(sim.eventsOf("discovery_failed")).toMatchObject([
      { reason: "the answer names no region that can be called" },
    ]);
    expect([...kept.values()]).toEqual([LIST]);
  });
});

describe("what is written", () => {
  test("is what changed, and after a day what did not", async () => {
    const set = vi.fn();
    const sim = start({ get: () => undefined, set });
    answering(LIST);
    for (const waitMs of [0, 4_000, 4_000, 24 * 3_600_000]) {
      vi.advanceTimersByTime(waitMs);
      await sim.run();
      await flush();
    }
    expect(fetchStub).toHaveBeenCalledTimes(4);
    expect(set).toHaveBeenCalledTimes(2);
  });
});

describe("what a store knows", () => {
  test.each([
    ["at once", () => LIST],
    ["by a promise", async () => LIST],
    ["after 249 ms", () => new Promise((resolve) => setTimeout(resolve, 249, LIST))],
  ])("(told %s) is there for the very first call, while home and its list are down", async (_, get) => {
    const sim = start(storeOf(get));
    expect(await sim.run()).toMatchObject({ ok: true, value: "answer of eu" });
    expect(sim.eventsOf("warning")).toEqual([]);
    expect(sim.failover.regions().map(({ id }) => id)).toEqual(["my.livekit.cloud", "eu"]);
  });

  test("is there while the list's own request hangs, which nobody waits for then", async () => {
    fetchStub.mockImplementation(() => new Promise(() => {}));
    expect(await start(storeOf(() => LIST)).run()).toMatchObject({ ok: true, atMs: 0 });
  });

  test("is asked for once, however many call", async () => {
    const get = vi.fn(() => LIST);
    const sim = start(storeOf(get));
    await drive(Promise.all(Array.from({ length: 100 }, () => sim.start())));
    await sim.run();
    expect(get.mock.calls).toEqual([[expect.stringMatching(/^twirp-failover:https:\/\/my\.livekit\.cloud\//)]]);
  });

  test("that comes late is used if nothing better is known", async () => {
    const sim = start(storeOf(() => new Promise((resolve) => setTimeout(resolve, 1_000, LIST))));
    expect(await sim.run({ policy: { sameRegion: false } })).toMatchObject({ ok: false });
    vi.advanceTimersByTime(1_000);
    await flush();
    expect(await sim.run()).toMatchObject({ ok: true, value: "answer of eu" });
  });

  test("that comes late does not replace what the source said meanwhile", async () => {
    answering(LIST.replaceAll("eu", "new"));
    const sim = start(storeOf(() => new Promise((resolve) => setTimeout(resolve, 1_000, LIST))));
    await drive(sim.failover.ready());
    vi.advanceTimersByTime(1_000);
    await flush();
    expect(sim.failover.regions().map(({ id }) => id)).toEqual(["my.livekit.cloud", "new"]);
  });

  test("is not current: the source is asked all the same, and its list takes the place", async () => {
    answering(LIST.replaceAll("eu", "new"));
    const sim = start(storeOf(() => LIST));
    await sim.failover.ready();
    await flush();
    expect(fetchStub).toHaveBeenCalledOnce();
    expect(sim.failover.regions().map(({ id }) => id)).toEqual(["my.livekit.cloud", "new"]);
  });
});

describe("a store that is broken", () => {
  const broken: [string, () => unknown, RegExp][] = [
    ["throws", () => expect.fail("a store's own words"), /could not be read: a store's own words$/],
    ["rejects", () => Promise.reject(new Error("gone")), /could not be read: gone$/],
    ["rejects with nothing", () => Promise.reject(), /could not be read: undefined$/],
    ["rejects with an essay", () => Promise.reject(new Error("x".repeat(9_000))), /^.{1,260}$/],
    ["hangs", () => new Promise(() => {}), /could not be read: no answer within 250 ms$/],
    ["has a number", () => 7, /it has 7$/],
    ["has an object", () => ({ regions: [] }), /it has an object$/],
    ["has bytes", () => new TextEncoder().encode(LIST), /it has an object$/],
    ["has HTML", () => "<html></html>", /could not be read: .*JSON/],
    ["has nothing but ''", () => "", /could not be read: .*JSON/],
    ["has 1 MB", () => LIST.padEnd(1_000_000), /it has ".{1,81}…"$|it has /],
    ["has JSON of another shape", () => '{"region":"eu"}', /could not be read: the answer has no list/],
    ["has null", () => "null", /could not be read: the answer has no list/],
  ];

  test.each(broken)("(it %s) costs a warning, and calls go on as without it", async (_, get, warning) => {
    answering(LIST);
    const sim = start(storeOf(get));
    expect(await sim.run()).toMatchObject({ ok: true, value: "answer of eu" });
    expect(sim.eventsOf("warning")).toMatchObject([{ message: expect.stringMatching(warning) }]);
    expect(sim.eventsOf("discovery_failed")).toEqual([]);
    expect(sim.events.every((event) => JSON.stringify(event).length < 1_000)).toBe(true);
  });

  test("whose list cannot be read holds up the request for another by 250 ms at the most", async () => {
    answering(LIST);
    expect(await start(storeOf(() => new Promise(() => {}))).run()).toMatchObject({ ok: true, atMs: 250 });
    expect(vi.getTimerCount()).toBe(0);
  });

  test.each([undefined, null])("that has %s has no list, which is no reason to warn", async (nothing) => {
    const sim = start(storeOf(() => nothing));
    await sim.fail();
    expect(sim.eventsOf("warning")).toEqual([]);
  });

  test("and lies is not believed: nothing is sent to a host that is not allowed", async () => {
    const lie = { regions: ["https://evil.com", "http://eu.livekit.cloud", "https://10.0.0.1"] };
    const regions = lie.regions.map((url, i) => ({ region: `r${i}`, url }));
    const sim = start(storeOf(() => JSON.stringify({ regions })));
    await sim.fail();
    expect(sim.world.requests.every(({ region }) => region.url === HOME)).toBe(true);
    expect(fetchStub.mock.calls.map(([url]) => String(url))).toEqual(["https://my.livekit.cloud/settings/regions"]);
    expect(sim.eventsOf("warning")).toHaveLength(3);
  });

  test.each<[string, RegionStore["set"]]>([
    ["throws", () => expect.fail("full")],
    ["rejects", () => Promise.reject(new Error("full"))],
    ["hangs", () => new Promise(() => {})],
  ])("(set %s) costs a warning at most, and the list is used", async (what, set) => {
    answering(LIST);
    const sim = start({ get: () => undefined, set });
    expect(await sim.run()).toMatchObject({ ok: true, value: "answer of eu" });
    const expected = what === "hangs" ? [] : [{ message: "the region store could not be written: full" }];
    expect(sim.eventsOf("warning")).toMatchObject(expected);
  });
});

describe("what is kept", () => {
  test("is the answer as it was, for a week, under a key that says whose it is", async () => {
    answering(LIST);
    const set = vi.fn();
    await start({ get: () => undefined, set }).failover.ready();
    expect(set.mock.calls).toEqual([[expect.stringMatching(/^twirp-failover:.*my\.livekit\.cloud/), LIST, WEEK_MS]]);
  });

  test("is nothing, when the answer is none", async () => {
    const set = vi.fn();
    answering("<html>");
    await start({ get: () => undefined, set }).failover.ready();
    expect(set).not.toHaveBeenCalled();
  });

  test("holds no token", async () => {
    answering(LIST);
    const set = vi.fn();
    const regions = httpRegions({ home: HOME, headers: { authorization: "Bearer s3cret" } });
    const cache = new RegionCache({ store: { get: () => undefined, set } });
    await simulate({ regions, cache, replies: [] }).failover.ready();
    expect(set).toHaveBeenCalledOnce();
    expect(JSON.stringify(set.mock.calls)).not.toContain("s3cret");
  });

  test("is nothing of a source that cannot restore, which is not looked for either", async () => {
    const store = { get: vi.fn(), set: vi.fn() };
    const source = promptSource({ regions: listOf("a", "b"), ttlMs: 0 });
    await simulate({ regions: source, cache: new RegionCache({ store }), replies: [] }).failover.ready();
    expect(store.get).not.toHaveBeenCalled();
    expect(store.set).not.toHaveBeenCalled();
  });

  test("is nothing of a source that cannot restore, though it has an answer", async () => {
    const store = { get: vi.fn(), set: vi.fn() };
    const source = promptSource({ regions: listOf("a", "b"), ttlMs: 0, answer: LIST });
    await simulate({ regions: source, cache: new RegionCache({ store }), replies: [] }).failover.ready();
    expect(store.set).not.toHaveBeenCalled();
  });
});

describe("a store that is none", () => {
  test.each([[null], [7], ["redis://"], [{}], [{ get() {} }], [{ get: 1, set: 2 }], [() => {}]])(
    "(%j) is refused at construction",
    (store) => {
      expect(refusalOf(() => new RegionCache({ store: store as never })).option).toBe("RegionCache's store");
    },
  );

  test("as a slip of the pen is refused, and so is one in the place of the options", () => {
    expect(refusalOf(() => new RegionCache({ stores: {} } as never)).message).toContain('did you mean "store"');
    for (const bad of [null, [], "x"]) refusalOf(() => new RegionCache(bad as never));
    expect(
      refusalOf(() => new RegionCache(new Map() as never) && new RegionCache({ store: new Set() as never })),
    ).toBeDefined();
  });
});

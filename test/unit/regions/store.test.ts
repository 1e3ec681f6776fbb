/** A store is optional: its failures only cause warnings, and its content is trusted no more than the network. */
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

/** A Failover in a new process, which has only the store because home refuses all requests. */
function start(store: RegionStore, options: { home?: string } = {}) {
  const regions = httpRegions({ home: HOME, ...options });
  const replies = (_: number, { url }: { url: string }) => (url === HOME ? refused(0) : ok(0));
  return simulate({ regions, cache: new RegionCache({ store }), replies, health: false });
}

describe("an answer without a usable region", () => {
  test.each([
    ["an empty list", JSON.stringify({ regions: [] })],
    ["only a foreign region", JSON.stringify({ regions: [{ region: "x", url: "https://evil.com" }] })],
  ])("(%s) changes neither the list nor the store", async (_, answer) => {
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
  test("is a changed answer at once, and an unchanged one after a day", async () => {
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

describe("a stored list", () => {
  test.each([
    ["at once", () => LIST],
    ["by a promise", async () => LIST],
    ["after 249 ms", () => new Promise((resolve) => setTimeout(resolve, 249, LIST))],
  ])("(returned %s) is used by the first call while home and its list are down", async (_, get) => {
    const sim = start(storeOf(get));
    expect(await sim.run()).toMatchObject({ ok: true, value: "answer of eu" });
    expect(sim.eventsOf("warning")).toEqual([]);
    expect(sim.failover.regions().map(({ id }) => id)).toEqual(["my.livekit.cloud", "eu"]);
  });

  test("is used while the request for the list hangs, and no call waits for that request", async () => {
    fetchStub.mockImplementation(() => new Promise(() => {}));
    expect(await start(storeOf(() => LIST)).run()).toMatchObject({ ok: true, atMs: 0 });
  });

  test("is read once, with any number of calls", async () => {
    const get = vi.fn(() => LIST);
    const sim = start(storeOf(get));
    await drive(Promise.all(Array.from({ length: 100 }, () => sim.start())));
    await sim.run();
    expect(get.mock.calls).toEqual([[expect.stringMatching(/^twirp-failover:https:\/\/my\.livekit\.cloud\//)]]);
  });

  test("that comes late is used if no list is known yet", async () => {
    const sim = start(storeOf(() => new Promise((resolve) => setTimeout(resolve, 1_000, LIST))));
    expect(await sim.run({ policy: { sameRegion: false } })).toMatchObject({ ok: false });
    vi.advanceTimersByTime(1_000);
    await flush();
    expect(await sim.run()).toMatchObject({ ok: true, value: "answer of eu" });
  });

  test("that comes late does not replace a list that the source has returned meanwhile", async () => {
    answering(LIST.replaceAll("eu", "new"));
    const sim = start(storeOf(() => new Promise((resolve) => setTimeout(resolve, 1_000, LIST))));
    await drive(sim.failover.ready());
    vi.advanceTimersByTime(1_000);
    await flush();
    expect(sim.failover.regions().map(({ id }) => id)).toEqual(["my.livekit.cloud", "new"]);
  });

  test("is not treated as current: the source is still asked, and its list replaces it", async () => {
    answering(LIST.replaceAll("eu", "new"));
    const sim = start(storeOf(() => LIST));
    await sim.failover.ready();
    await flush();
    expect(fetchStub).toHaveBeenCalledOnce();
    expect(sim.failover.regions().map(({ id }) => id)).toEqual(["my.livekit.cloud", "new"]);
  });
});

describe("a broken store", () => {
  const broken: [string, () => unknown, RegExp][] = [
    ["throws", () => expect.fail("a store's own words"), /could not be read: a store's own words$/],
    ["rejects", () => Promise.reject(new Error("gone")), /could not be read: gone$/],
    ["rejects with nothing", () => Promise.reject(), /could not be read: undefined$/],
    ["rejects with a very long message", () => Promise.reject(new Error("x".repeat(9_000))), /^.{1,260}$/],
    ["hangs", () => new Promise(() => {}), /could not be read: no answer within 250 ms$/],
    ["has a number", () => 7, /it has 7$/],
    ["has an object", () => ({ regions: [] }), /it has an object$/],
    ["has bytes", () => new TextEncoder().encode(LIST), /it has an object$/],
    ["has HTML", () => "<html></html>", /could not be read: .*JSON/],
    ["has an empty string", () => "", /could not be read: .*JSON/],
    ["has 1 MB", () => LIST.padEnd(1_000_000), /it has ".{1,81}…"$|it has /],
    ["has JSON of another shape", () => '{"region":"eu"}', /could not be read: the answer has no list/],
    ["has null", () => "null", /could not be read: the answer has no list/],
  ];

  test.each(broken)("(it %s) causes a warning, and calls go on as without a store", async (_, get, warning) => {
    answering(LIST);
    const sim = start(storeOf(get));
    expect(await sim.run()).toMatchObject({ ok: true, value: "answer of eu" });
    expect(sim.eventsOf("warning")).toMatchObject([{ message: expect.stringMatching(warning) }]);
    expect(sim.eventsOf("discovery_failed")).toEqual([]);
    expect(sim.events.every((event) => JSON.stringify(event).length < 1_000)).toBe(true);
  });

  test("that does not answer delays the request for the list by at most 250 ms", async () => {
    answering(LIST);
    expect(await start(storeOf(() => new Promise(() => {}))).run()).toMatchObject({ ok: true, atMs: 250 });
    expect(vi.getTimerCount()).toBe(0);
  });

  test.each([undefined, null])("that has %s has no list, and there is no warning", async (nothing) => {
    const sim = start(storeOf(() => nothing));
    await sim.fail();
    expect(sim.eventsOf("warning")).toEqual([]);
  });

  test("with a forged list is not trusted: nothing is sent to a host that is not allowed", async () => {
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
  ])("(set %s) causes at most a warning, and the list is used", async (what, set) => {
    answering(LIST);
    const sim = start({ get: () => undefined, set });
    expect(await sim.run()).toMatchObject({ ok: true, value: "answer of eu" });
    const expected = what === "hangs" ? [] : [{ message: "the region store could not be written: full" }];
    expect(sim.eventsOf("warning")).toMatchObject(expected);
  });
});

describe("the stored value", () => {
  test("is the unchanged answer, for a week, under a key that identifies the source", async () => {
    answering(LIST);
    const set = vi.fn();
    await start({ get: () => undefined, set }).failover.ready();
    expect(set.mock.calls).toEqual([[expect.stringMatching(/^twirp-failover:.*my\.livekit\.cloud/), LIST, WEEK_MS]]);
  });

  test("is not written when the answer is invalid", async () => {
    const set = vi.fn();
    answering("<html>");
    await start({ get: () => undefined, set }).failover.ready();
    expect(set).not.toHaveBeenCalled();
  });

  test("contains no token", async () => {
    answering(LIST);
    const set = vi.fn();
    const regions = httpRegions({ home: HOME, headers: { authorization: "Bearer s3cret" } });
    const cache = new RegionCache({ store: { get: () => undefined, set } });
    await simulate({ regions, cache, replies: [] }).failover.ready();
    expect(set).toHaveBeenCalledOnce();
    expect(JSON.stringify(set.mock.calls)).not.toContain("s3cret");
  });

  test("is neither read nor written for a source without restore", async () => {
    const store = { get: vi.fn(), set: vi.fn() };
    const source = promptSource({ regions: listOf("a", "b"), ttlMs: 0 });
    await simulate({ regions: source, cache: new RegionCache({ store }), replies: [] }).failover.ready();
    expect(store.get).not.toHaveBeenCalled();
    expect(store.set).not.toHaveBeenCalled();
  });

  test("is not written for a source without restore, even if it has an answer", async () => {
    const store = { get: vi.fn(), set: vi.fn() };
    const source = promptSource({ regions: listOf("a", "b"), ttlMs: 0, answer: LIST });
    await simulate({ regions: source, cache: new RegionCache({ store }), replies: [] }).failover.ready();
    expect(store.set).not.toHaveBeenCalled();
  });
});

describe("an invalid store", () => {
  test.each([[null], [7], ["redis://"], [{}], [{ get() {} }], [{ get: 1, set: 2 }], [() => {}]])(
    "(%j) is refused at construction",
    (store) => {
      expect(refusalOf(() => new RegionCache({ store: store as never })).option).toBe("RegionCache's store");
    },
  );

  test("is refused as a misspelt option, and a store in place of the options is refused too", () => {
    expect(refusalOf(() => new RegionCache({ stores: {} } as never)).message).toContain('did you mean "store"');
    for (const bad of [null, [], "x"]) refusalOf(() => new RegionCache(bad as never));
    expect(
      refusalOf(() => new RegionCache(new Map() as never) && new RegionCache({ store: new Set() as never })),
    ).toBeDefined();
  });
});

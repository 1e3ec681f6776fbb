import { describe, expect, test, vi } from "vitest";
import { DISCOVERY_TIMEOUT_MS, MIN_REFRESH_MS, RegionCache } from "../../../src/regions/cache.js";
import type { RegionSource } from "../../../src/regions/source.js";
import { drive, flush, useSimulatedTime } from "../helpers/simulation.js";
import { controlledSource, listOf, promptSource } from "../helpers/sources.js";

useSimulatedTime();

const ignoreWarnings = () => {};
const AB = listOf("a", "b");
const load = (cache: RegionCache, source: RegionSource) => drive(cache.load(source, ignoreWarnings));

describe("one request at a time", () => {
  test("serves all concurrent loads with one list", async () => {
    const cache = new RegionCache();
    const source = controlledSource();
    const all = Array.from({ length: 200 }, () => cache.load(source, ignoreWarnings));
    await flush();
    expect(source.requests).toHaveLength(1);
    source.answer(AB);
    await Promise.all(all);
    expect(cache.get(source)).toEqual(AB);
  });

  test("fails all concurrent loads, and the next load makes a new request", async () => {
    const cache = new RegionCache();
    const source = controlledSource();
    const all = Array.from({ length: 5 }, () => cache.load(source, ignoreWarnings));
    await flush();
    source.fail(new Error("down"));
    expect((await Promise.allSettled(all)).map(({ status }) => status)).toEqual(Array(5).fill("rejected"));
    void cache.load(source, ignoreWarnings);
    await flush();
    expect(source.requests).toHaveLength(2);
    source.answer(AB);
  });

  test("is shared by sources with the same key, and only by those", async () => {
    const cache = new RegionCache();
    const [one, same, other] = [controlledSource("x"), controlledSource("x"), controlledSource("y")];
    for (const source of [one, same, other]) void cache.load(source, ignoreWarnings);
    await flush();
    expect([one, same, other].map(({ requests }) => requests.length)).toEqual([1, 0, 1]);
    one.answer(AB);
    other.answer(listOf("z"));
    await flush();
    expect(cache.get(same)).toEqual(AB);
    expect(cache.get(other)).toEqual(listOf("z"));
  });
});

describe("the time until the source is asked again", () => {
  test.each([
    ["80 % of the source's TTL", 60_000, 48_000],
    ["but never below 3 s", 0, MIN_REFRESH_MS],
    ["nor below 3 s for a negative TTL", -1, MIN_REFRESH_MS],
    ["nor beyond what a timer can hold", Number.POSITIVE_INFINITY, 2 ** 31 - 1],
  ])("is %s", async (_, ttlMs, expected) => {
    const cache = new RegionCache();
    const source = promptSource({ regions: AB, ttlMs });
    expect(cache.isStale(source)).toBe(true);
    await load(cache, source);
    vi.advanceTimersByTime(expected - 1);
    expect(cache.isStale(source)).toBe(false);
    vi.advanceTimersByTime(1);
    expect(cache.isStale(source)).toBe(true);
  });

  test("does not remove the list when it is over", async () => {
    const cache = new RegionCache();
    const source = promptSource({ regions: AB, ttlMs: 1_000 });
    await load(cache, source);
    vi.advanceTimersByTime(3_600_000);
    expect(cache.get(source)).toEqual(AB);
  });
});

describe("an invalid list", () => {
  test.each([[[]], [undefined], ["a"], [[{ id: "a", url: "a.example.com" }]], [[...AB, ...AB]]])(
    "(%j) is an error, and the old list stays",
    async (regions) => {
      const cache = new RegionCache();
      const source = promptSource({ regions: AB, ttlMs: 0 }, { regions: regions as never, ttlMs: 0 });
      await load(cache, source);
      expect(await load(cache, source)).toMatchObject({ ok: false, error: { name: "InvalidOptionError" } });
      expect(cache.get(source)).toEqual(AB);
    },
  );
});

describe("a source that fails", () => {
  test("leaves the old list in use, and is asked again after 3 s", async () => {
    const cache = new RegionCache();
    const source = promptSource({ regions: AB, ttlMs: 5_000 }, new Error("down"));
    await load(cache, source);
    vi.advanceTimersByTime(5_000);
    expect(await load(cache, source)).toMatchObject({ ok: false, error: { message: "down" } });
    expect(cache.get(source)).toEqual(AB);
    expect(cache.isStale(source)).toBe(false);
    vi.advanceTimersByTime(MIN_REFRESH_MS * 1.2);
    expect(cache.isStale(source)).toBe(true);
  });

  test("may throw instead of rejecting", async () => {
    const source: RegionSource = {
      key: "k",
      known: AB,
      load() {
        throw new Error("at once");
      },
    };
    expect(await load(new RegionCache(), source)).toMatchObject({ ok: false, error: { message: "at once" } });
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("a source that does not answer", () => {
  test("is given up after 2 s, even if it ignores its signal", async () => {
    const cache = new RegionCache();
    const source = controlledSource();
    const settled = await load(cache, source);
    expect(settled).toMatchObject({ ok: false, atMs: DISCOVERY_TIMEOUT_MS });
    expect((settled as { error: Error }).error.message).toBe("no answer within 2000 ms");
    expect(source.requests[0]?.aborted).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("cannot change the list with a late answer", async () => {
    const cache = new RegionCache();
    const source = controlledSource();
    await load(cache, source);
    source.answer(AB);
    await flush();
    expect(cache.get(source)).toBeUndefined();
  });

  test("is not aborted before that, and leaves no timer when it answers", async () => {
    const cache = new RegionCache();
    const source = controlledSource();
    const loaded = cache.load(source, ignoreWarnings);
    vi.advanceTimersByTime(DISCOVERY_TIMEOUT_MS - 1);
    await flush();
    source.answer(AB);
    await loaded;
    expect(source.requests[0]?.aborted).toBe(false);
    expect(vi.getTimerCount()).toBe(0);
  });
});

/** What the user says of a region holds when the list comes in. */
import { describe, expect, test } from "vitest";
import { RegionCache } from "../../../../src/regions/cache.js";
import { type HttpRegionsOptions, httpRegions } from "../../../../src/regions/discovery/http.js";
import { useFetchStub } from "../../helpers/fetch-stub.js";
import { refusalOf } from "../../helpers/refusal.js";
import { simulate, useSimulatedTime } from "../../helpers/simulation.js";

useSimulatedTime();

const HOME = "https://my.livekit.cloud/twirp";
const EU = "https://eu.livekit.cloud/twirp";
const fetchStub = useFetchStub();

type Entry = { region: string; url: string; distance?: string };
const entry = (region: string, host: string, distance?: string): Entry => ({
  region,
  url: `https://${host}.livekit.cloud`,
  ...(distance !== undefined && { distance }),
});

/** The ids before and after the list came in. */
async function idsWith(options: HttpRegionsOptions, ...entries: readonly Entry[]) {
  fetchStub.mockImplementation(async () => new Response(JSON.stringify({ regions: entries })));
  const sim = simulate({ replies: [{ kind: "ok", afterMs: 1 }], regions: httpRegions(options) });
  const ids = () => sim.failover.regions().map(({ id }) => id);
  const before = ids();
  await sim.failover.ready();
  return { before, after: ids(), changes: sim.eventsOf("regions_changed"), warnings: sim.eventsOf("warning") };
}

describe("home", () => {
  test.each([HOME, new URL(HOME)])("keeps the id that it is given, whatever the list calls it", async (url) => {
    const { before, after, warnings } = await idsWith(
      { home: { id: "virginia", url } },
      entry("us-east", "my"),
      entry("eu-west", "eu"),
    );
    expect(before).toEqual(["virginia"]);
    expect(after).toEqual(["virginia", "eu-west"]);
    expect(warnings).toEqual([]);
  });

  test("keeps its id where the list does not name it", async () => {
    const { after } = await idsWith({ home: { id: "virginia", url: HOME } }, entry("eu-west", "eu"));
    expect(after).toEqual(["virginia", "eu-west"]);
  });

  test("gets the list's id where it is given none, alone or in an object", async () => {
    for (const home of [HOME, { url: HOME }]) {
      const { before, after } = await idsWith({ home }, entry("us-east", "my"), entry("eu-west", "eu"));
      expect([before, after]).toEqual([["my.livekit.cloud"], ["us-east", "eu-west"]]);
    }
  });

  test("with an id of its own changes the list's events no more than any other: one change, none for the name", async () => {
    const options = { home: { id: "virginia", url: HOME } };
    expect((await idsWith(options, entry("us-east", "my"))).changes).toEqual([]);
    const { changes } = await idsWith(options, entry("us-east", "my"), entry("eu-west", "eu"));
    expect(changes).toMatchObject([{ regions: ["virginia", "eu-west"] }]);
  });

  test("takes the id of home over that of a fallback for the same URL", async () => {
    const fallback = [{ id: "other", url: HOME, weight: 3 }, EU];
    const { before } = await idsWith({ home: { id: "virginia", url: HOME }, fallback });
    expect(before).toEqual(["virginia", "eu.livekit.cloud"]);
    expect((await idsWith({ home: HOME, fallback })).before).toEqual(["other", "eu.livekit.cloud"]);
  });
});

describe("a fallback", () => {
  const fallback = [{ id: "frankfurt", url: EU }];

  test("keeps the id that it is given when the list names its URL", async () => {
    const { before, after } = await idsWith({ home: HOME, fallback }, entry("us", "my"), entry("eu-west", "eu"));
    expect(before).toEqual(["my.livekit.cloud", "frankfurt"]);
    expect(after).toEqual(["us", "frankfurt"]);
  });

  test("keeps its weight and priority, which no list has, and takes the list's distance", async () => {
    fetchStub.mockImplementation(
      async () => new Response(JSON.stringify({ regions: [entry("eu-west", "eu", "7"), entry("ap", "ap", "3")] })),
    );
    const source = httpRegions({ home: HOME, fallback: [{ url: EU, weight: 5, priority: 2 }] });
    const { regions } = await source.load({ signal: new AbortController().signal, known: source.known, warn() {} });
    expect(regions).toMatchObject([
      { url: HOME },
      { id: "ap", distance: 3 },
      { id: "eu-west", url: EU, weight: 5, priority: 2, distance: 7 },
    ]);
  });

  test("keeps a distance of the user's own, in the order too", async () => {
    const { after } = await idsWith(
      { home: HOME, fallback: [{ id: "frankfurt", url: EU, distance: 1 }] },
      entry("ap", "ap", "3"),
      entry("eu", "eu", "7"),
    );
    expect(after).toEqual(["my.livekit.cloud", "frankfurt", "ap"]);
  });
});

describe("an id of the user's that the list gives to another region", () => {
  test.each([
    ["before", [entry("eu", "other", "1"), entry("eu-west", "eu", "2")]],
    ["after", [entry("eu-west", "eu", "1"), entry("eu", "other", "2")]],
  ])("stays the user's: the other, %s it, is named by its host, and not left out", async (_, entries) => {
    const { after, warnings } = await idsWith({ home: HOME, fallback: [{ id: "eu", url: EU }] }, ...entries);
    expect(after.toSorted()).toEqual(["eu", "my.livekit.cloud", "other.livekit.cloud"]);
    expect(warnings).toEqual([]);
  });

  test("is free for it where the user's own region is not in the list", async () => {
    const { after } = await idsWith({ home: HOME, fallback: [{ id: "eu", url: EU }] }, entry("eu", "other"));
    expect(after).toEqual(["my.livekit.cloud", "eu"]);
  });

  test("of home", async () => {
    const { after } = await idsWith({ home: { id: "us", url: HOME } }, entry("us", "us"), entry("eu", "eu"));
    expect(after).toEqual(["us", "us.livekit.cloud", "eu"]);
  });
});

describe("sources that differ in what the user calls their regions", () => {
  const keyOf = (options: Partial<HttpRegionsOptions>) => httpRegions({ home: HOME, ...options }).key;

  test("do not share a list", () => {
    const keys = [
      keyOf({}),
      keyOf({ home: { id: "a", url: HOME } }),
      keyOf({ home: { id: "b", url: HOME } }),
      keyOf({ home: { id: "my.livekit.cloud", url: HOME } }),
      keyOf({ fallback: [EU] }),
      keyOf({ fallback: [{ id: "eu.livekit.cloud", url: EU }] }),
      keyOf({ fallback: [{ id: "c", url: EU }] }),
    ];
    expect(new Set(keys).size).toBe(keys.length);
    expect(keyOf({ home: { url: new URL(HOME) } })).toBe(keyOf({}));
  });

  test("share a cache all the same, each with its own names", async () => {
    fetchStub.mockImplementation(
      async () => new Response(JSON.stringify({ regions: [entry("us", "my"), entry("eu", "eu")] })),
    );
    const cache = new RegionCache();
    const idsOf = async (home: HttpRegionsOptions["home"]) => {
      const sim = simulate({ replies: [{ kind: "ok", afterMs: 1 }], regions: httpRegions({ home }), cache });
      await sim.failover.ready();
      return sim.failover.regions().map(({ id }) => id);
    };
    expect(await idsOf({ id: "virginia", url: HOME })).toEqual(["virginia", "eu"]);
    expect(await idsOf(HOME)).toEqual(["us", "eu"]);
  });
});

describe("a home that cannot be meant", () => {
  test.each([
    [undefined, "httpRegions.home must be"],
    [{}, "httpRegions.home.url must be"],
    [{ url: "my.livekit.cloud" }, "httpRegions.home.url must be"],
    [{ url: HOME, id: "" }, "httpRegions.home.id must be a non-empty string"],
    [{ url: HOME, name: "us" }, 'unknown option "name" in httpRegions.home'],
    [[HOME], "httpRegions.home must be"],
  ])("%j is refused", (home, message) => {
    expect(refusalOf(() => httpRegions({ home: home as never })).message).toContain(message);
  });

  test("one with the id of a fallback is refused, in the words of these options", () => {
    const { message } = refusalOf(() =>
      httpRegions({ home: { id: "eu", url: HOME }, fallback: ["https://ap.livekit.cloud", { id: "eu", url: EU }] }),
    );
    expect(message).toBe(
      'twirp-failover: httpRegions.home and httpRegions.fallback[1] have the same id, "eu"; give each an id of its own',
    );
  });
});

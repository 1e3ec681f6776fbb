/** Which regions are asked for the list when home cannot answer. */
import { describe, expect, test, vi } from "vitest";
import { RegionCache } from "../../../../src/regions/cache.js";
import { type HttpRegionsOptions, httpRegions } from "../../../../src/regions/discovery/http.js";
import { checkRegions } from "../../../../src/regions/region.js";
import { useFetchStub } from "../../helpers/fetch-stub.js";
import { refusalOf } from "../../helpers/refusal.js";
import { drive, flush, simulate, useSimulatedTime } from "../../helpers/simulation.js";

useSimulatedTime();

const HOME = "https://my.livekit.cloud/twirp";
const PATH = "/settings/regions";
const fetchStub = useFetchStub();

const regionAt = (name: string) => ({ id: name, url: `https://${name}.livekit.cloud/twirp` });
const listed = (...names: string[]) =>
  JSON.stringify({ regions: names.map((name) => ({ region: name, url: `https://${name}.livekit.cloud` })) });

/** What each host does when it is asked. A host that is not listed refuses the connection. */
function hosts(behaviour: Readonly<Record<string, "hangs" | string>>) {
  fetchStub.mockImplementation(async (url) => {
    const behaves = behaviour[new URL(String(url)).hostname.split(".")[0] as string];
    if (behaves === "hangs") return new Promise(() => {});
    if (behaves === undefined) throw new TypeError("fetch failed");
    return new Response(behaves, { headers: { "cache-control": "max-age=60" } });
  });
}
const asked = () => fetchStub.mock.calls.map(([url]) => String(url));

function load(options: Partial<HttpRegionsOptions>, names: readonly string[]) {
  const source = httpRegions({ home: HOME, ...options });
  const known = checkRegions("known", ["my", ...names].map(regionAt));
  return source.load({ signal: new AbortController().signal, known, warn: () => {} });
}

describe("the other known regions", () => {
  test("are asked at once, on the same path and with the same headers, when home refuses", async () => {
    hosts({ eu: listed("eu", "us") });
    const loaded = await drive(load({ headers: { authorization: "Bearer t" } }, ["eu", "us"]));
    expect(asked()).toEqual([`https://my.livekit.cloud${PATH}`, `https://eu.livekit.cloud${PATH}`]);
    expect(fetchStub.mock.calls[1]?.[1]).toMatchObject({ headers: { authorization: "Bearer t" }, redirect: "manual" });
    expect(loaded).toMatchObject({ ok: true, atMs: 0, value: { ttlMs: 60_000 } });
    // Home stays home although another region answered and did not name it.
    expect((loaded as { value: { regions: unknown } }).value.regions).toMatchObject([{ url: HOME }, { id: "eu" }, {}]);
  });

  test.each([
    ["HTTP 500", async () => new Response("", { status: 500 })],
    ["HTTP 302", async () => new Response("", { status: 302 })],
    ["HTML", async () => new Response("<html>")],
    ["an object without a list", async () => new Response("{}")],
    ["too much", async () => new Response(" ".repeat(70_000))],
  ])("are asked at once when home answers with %s", async (_, answer) => {
    fetchStub.mockImplementationOnce(answer).mockImplementationOnce(async () => new Response(listed("eu")));
    expect(await drive(load({}, ["eu"]))).toMatchObject({ ok: true, atMs: 0 });
  });

  test("are asked one by one, every half second, while home hangs", async () => {
    hosts({ my: "hangs", eu: "hangs", us: listed("eu") });
    expect(await drive(load({}, ["eu", "us"]))).toMatchObject({ ok: true, atMs: 1_000 });
  });

  test("are at most three besides home", async () => {
    hosts({});
    expect(await drive(load({}, ["a", "b", "c", "d", "e"]))).toMatchObject({
      ok: false,
      error: { message: "fetch failed" },
    });
    expect(asked().map((url) => new URL(url).hostname.split(".")[0])).toEqual(["my", "a", "b", "c"]);
  });

  test("are asked with the url's query too", async () => {
    hosts({ eu: listed("eu") });
    await drive(load({ url: "https://my.livekit.cloud/list?project=7" }, ["eu"]));
    expect(asked()[1]).toBe("https://eu.livekit.cloud/list?project=7");
  });

  test.each([
    ["on a separate host", "https://regions.livekit.cloud/list"],
    ["on another port of home", "https://my.livekit.cloud:8443/list"],
    ["at home with another scheme", "http://my.livekit.cloud/list"],
    ["at a host that begins like home", "https://my.livekit.cloud.evil.com/list"],
  ])("are not asked if the list is %s, because they would not have it", async (_, url) => {
    hosts({ eu: listed("eu") });
    expect(await drive(load({ url }, ["eu"]))).toMatchObject({ ok: false });
    expect(asked()).toEqual([url]);
  });

  test("are those of the known list, without refused entries", async () => {
    hosts({ my: listed("eu").replace("]}", ',{"region":"x","url":"https://evil.com"}]}') });
    const cache = new RegionCache();
    const sim = simulate({ regions: httpRegions({ home: HOME }), cache, replies: [] });
    await sim.failover.ready();
    hosts({ eu: listed("eu", "us") });
    vi.advanceTimersByTime(60_000);
    await sim.failover.ready();
    await flush(); // A list was known, so there was nothing to wait for.
    expect(asked().map((url) => new URL(url).hostname)).toEqual([
      "my.livekit.cloud",
      "my.livekit.cloud",
      "eu.livekit.cloud",
    ]);
    expect(sim.failover.regions().map(({ url }) => url)).toEqual([HOME, regionAt("eu").url, regionAt("us").url]);
    expect(sim.failover.regions()[0]?.home).toBe(true);
  });
});

describe("fallback regions", () => {
  const fallback = ["https://eu.other.example/twirp", { id: "us", url: "https://us.livekit.cloud/twirp" }];
  const known = (given: Partial<HttpRegionsOptions>) => httpRegions({ home: HOME, ...given }).known;

  test("are known from the start, after home, with any allowedHosts", () => {
    expect(known({ fallback, allowedHosts: [] }).map(({ id }) => id)).toEqual([
      "my.livekit.cloud",
      "eu.other.example",
      "us",
    ]);
  });

  test("may name home, and give it a name", () => {
    const named = { id: "home", url: `${HOME}/` };
    expect(known({ fallback: ["https://eu.other.example/twirp", named] }).map(({ id }) => id)).toEqual([
      "home",
      "eu.other.example",
    ]);
  });

  test("are asked for the list when home refuses", async () => {
    hosts({ us: listed("de") });
    const sim = simulate({ regions: httpRegions({ home: HOME, fallback }), replies: [] });
    await sim.failover.ready();
    expect(sim.failover.regions().map(({ id }) => id)).toEqual(["my.livekit.cloud", "de"]);
  });

  test.each([
    ["no region", listed()],
    ["home alone", JSON.stringify({ regions: [{ region: "h", url: "https://my.livekit.cloud" }] })],
    ["only refused entries", JSON.stringify({ regions: [{ region: "h", url: "https://evil.com" }] })],
  ])("are used when an answer names %s", async (_, answer) => {
    hosts({ my: answer });
    const sim = simulate({ regions: httpRegions({ home: HOME, fallback }), replies: [] });
    await sim.failover.ready();
    expect(sim.failover.regions().map(({ id }) => id)).toEqual(["my.livekit.cloud", "eu.other.example", "us"]);
  });

  test.each([["x"], [["eu"]], [["https://eu.example/twirp", "https://eu.example/twirp/"]], [[{ id: "a" }]], [null]])(
    "(%j) are refused at construction if they are invalid",
    (bad) => {
      expect(refusalOf(() => known({ fallback: bad as never })).option).toMatch(/^httpRegions\.fallback/);
    },
  );

  test("of another Failover with the same cache are not used here", async () => {
    hosts({ my: listed() });
    const cache = new RegionCache();
    const first = simulate({ regions: httpRegions({ home: HOME, fallback }), cache, replies: [] });
    await first.failover.ready();
    const second = simulate({ regions: httpRegions({ home: HOME }), cache, replies: [] });
    await second.failover.ready();
    expect(second.failover.regions().map(({ id }) => id)).toEqual(["my.livekit.cloud"]);
  });
});

test("invalid headers from a function do not appear in the event, because they may be a token", async () => {
  vi.unstubAllGlobals();
  const headers = () => ({ authorization: "Bearer s3cret\nx: y" });
  const sim = simulate({ regions: httpRegions({ home: "http://127.0.0.1:1", headers }), replies: [] });
  await sim.failover.ready();
  expect(sim.eventsOf("discovery_failed")).toHaveLength(1);
  expect(JSON.stringify(sim.events)).not.toContain("s3cret");
});

import { describe, expect, test } from "vitest";
import { homeDomain } from "../../../../src/regions/discovery/home-domain.js";
import { at, entry, HOME, parse } from "../../helpers/region-answers.js";

describe("the order", () => {
  test("is home, then by distance, and a missing distance is 0", () => {
    const { ids, warnings } = parse({
      regions: [
        entry("far", at("far"), "9007199254740993"),
        entry("near", at("near"), 12),
        entry("nearer", at("nearer"), "3"),
        entry("here", at("here")),
      ],
    });
    expect(ids).toEqual(["my.livekit.cloud", "here", "nearer", "near", "far"]);
    expect(warnings).toEqual([]);
  });

  test("is the order of the list for equal distances", () => {
    const { ids } = parse({ regions: ["c", "b", "a"].map((id) => entry(id, at(id), "5")) });
    expect(ids.slice(1)).toEqual(["c", "b", "a"]);
  });

  test.each(["soon", -1, {}, "NaN"])("puts a region with the distance %j last", (distance) => {
    const { ids } = parse({ regions: [entry("odd", at("odd"), distance), entry("far", at("far"), 1e9)] });
    expect(ids.slice(1)).toEqual(["far", "odd"]);
  });

  test("compares distances as numbers, not as strings", () => {
    expect(parse({ regions: [entry("x", at("x"), "9"), entry("y", at("y"), "10")] }).ids.slice(1)).toEqual(["x", "y"]);
  });
});

describe("home", () => {
  test("is first even if the list does not name it", () => {
    expect(parse({ regions: [] }).list).toEqual([{ id: "my.livekit.cloud", url: HOME }]);
  });

  test("takes its name and distance from the list", () => {
    const { list } = parse({
      regions: [entry("near", at("near"), 1), entry("eu-west", "https://my.livekit.cloud", 7)],
    });
    expect(list).toEqual([
      { id: "eu-west", url: HOME, distance: 7 },
      { id: "near", url: "https://near.livekit.cloud/twirp", distance: 1 },
    ]);
  });

  test("gives the other regions its path prefix in place of their own paths", () => {
    const { list } = parse(
      { regions: [entry("b", `${at("b")}/elsewhere?x=1#y`)] },
      { home: "https://my.livekit.cloud/api/v2" },
    );
    expect(list[1]?.url).toBe("https://b.livekit.cloud/api/v2");
  });

  test("may have no path", () => {
    const { list } = parse({ regions: [entry("b", at("b"))] }, { home: "https://my.livekit.cloud" });
    expect(list[1]?.url).toBe("https://b.livekit.cloud");
  });
});

describe("the scheme", () => {
  test.each([
    ["wss://b.livekit.cloud", "https://b.livekit.cloud/twirp"],
    ["WSS://b.livekit.cloud", "https://b.livekit.cloud/twirp"],
    ["https://b.livekit.cloud:443", "https://b.livekit.cloud/twirp"],
  ])("%s is called at %s", (url, expected) => {
    expect(parse({ regions: [entry("b", url)] }).list[1]?.url).toBe(expected);
  });

  test.each([
    "http://b.livekit.cloud",
    "ws://b.livekit.cloud",
    "ftp://b.livekit.cloud",
    "javascript:alert(1)",
    "file:///b.livekit.cloud",
  ])("%s is refused because it is less secure than home's", (url) => {
    const { ids, warnings } = parse({ regions: [entry("b", url)] });
    expect(ids).toHaveLength(1);
    expect(warnings).toEqual([expect.stringContaining('"b" has the scheme')]);
  });

  test.each([
    ["ws://b.local", "http://b.local/twirp"],
    ["https://b.local", "https://b.local/twirp"],
  ])("for a home without TLS, %s is accepted", (url, expected) => {
    const { list } = parse({ regions: [entry("b", url)] }, { home: "http://a.local/twirp", allowedHosts: ["local"] });
    expect(list[1]?.url).toBe(expected);
  });
});

describe("an invalid entry", () => {
  const unfit: [string, unknown, string][] = [
    ["another host", entry("b", "https://evil.com"), "not in allowedHosts"],
    ["a host that only ends the same", entry("b", "https://evillivekit.cloud"), "not in allowedHosts"],
    ["a host that only begins the same", entry("b", "https://livekit.cloud.evil.com"), "not in allowedHosts"],
    ["the host in the credentials", entry("b", "https://my.livekit.cloud@evil.com"), "credentials"],
    ["a host with a trailing dot", entry("b", "https://b.livekit.cloud."), "not in allowedHosts"],
    ["an address", entry("b", "https://10.0.0.1"), "not in allowedHosts"],
    ["credentials", entry("b", "https://user:pass@b.livekit.cloud"), "credentials"],
    ["only a user", entry("b", "https://user@b.livekit.cloud"), "credentials"],
    ["no url", entry("b", undefined), "its url is undefined"],
    ["an invalid url", entry("b", "b.livekit.cloud"), "its url is"],
    ["a url that is a number", entry("b", 7), "its url is 7"],
    ["a url that is very long", entry("b", `${at("b")}/${"x".repeat(3_000)}`), "its url is"],
    ["no name", entry(undefined, at("b")), "its name is undefined"],
    ["an empty name", entry("", at("b")), 'its name is ""'],
    ["a name with a line break", entry("b\nforged log line", at("b")), "its name is"],
    ["a name that is very long", entry("b".repeat(65), at("b")), "its name is"],
    ["a string", "b", "it is not an object"],
    ["null", null, "it is not an object"],
    ["a list", [], "it is not an object"],
  ];

  test.each(unfit)("(%s) is left out with a warning, and the others stay", (_, bad, reason) => {
    const { ids, warnings } = parse({ regions: [bad, entry("good", at("good"))] });
    expect(ids).toEqual(["my.livekit.cloud", "good"]);
    expect(warnings).toEqual([expect.stringContaining(reason)]);
    expect(warnings[0]).not.toContain("pass");
    expect(warnings[0]?.length).toBeLessThan(250);
  });

  test("is not one whose host equals an allowed domain", () => {
    expect(parse({ regions: [entry("b", "https://livekit.cloud")] }).ids).toEqual(["my.livekit.cloud", "b"]);
  });
});

describe("duplicates", () => {
  test("by name: the nearest is kept", () => {
    const { list, warnings } = parse({ regions: [entry("b", at("far"), 9), entry("b", at("near"), 1)] });
    expect(list.map(({ url }) => url)).toEqual([HOME, "https://near.livekit.cloud/twirp"]);
    expect(warnings).toEqual([expect.stringContaining('"b" is there twice')]);
  });

  test("by url: the nearest is kept", () => {
    const { ids } = parse({ regions: [entry("x", at("b"), 9), entry("y", `${at("b")}/`, 1)] });
    expect(ids).toEqual(["my.livekit.cloud", "y"]);
  });

  test("of home's name: home is kept", () => {
    const { list } = parse({ regions: [entry("b", at("b")), entry("b", "https://my.livekit.cloud")] });
    expect(list).toEqual([{ id: "b", url: HOME, distance: 0 }]);
  });
});

test("at most 64 regions are used, including home", () => {
  const regions = Array.from({ length: 200 }, (_, i) => entry(`r${i}`, at(`r${i}`)));
  const { list, warnings } = parse({ regions });
  expect(list).toHaveLength(64);
  expect(list[0]).toEqual({ id: "my.livekit.cloud", url: HOME });
  expect(warnings).toEqual(["discovery named 200 regions; only the first 64 are used"]);
});

describe("an answer without a list is an error", () => {
  test.each([{}, [], null, 7, '"text"', { regions: {} }, { regions: "a" }, { Regions: [] }])("%j", (answer) => {
    expect(() => parse(answer)).toThrow("the answer has no list of regions");
  });

  test.each(["<!DOCTYPE html><html></html>", "", "{"])("%j", (text) => {
    expect(() => parse(text)).toThrow(SyntaxError);
  });
});

describe("the domain that is taken as home's own", () => {
  test.each([
    ["my.livekit.cloud", "livekit.cloud"],
    ["a.b.example.com", "b.example.com"],
    ["eu.example.com", "example.com"],
    ["eu.example.co.uk", "example.co.uk"],
    ["example.com", "example.com"],
    ["example.co.uk", "example.co.uk"],
    ["example.gouv.fr", "example.gouv.fr"],
    ["eu.example.gouv.fr", "example.gouv.fr"],
    ["my-app.vercel.app", "my-app.vercel.app"],
    ["eu.my-app.fly.dev", "eu.my-app.fly.dev"],
    ["example.com.au", "example.com.au"],
    ["localhost", "localhost"],
    ["rooms", "rooms"],
    ["127.0.0.1", "127.0.0.1"],
    ["10.1.2.3", "10.1.2.3"],
    ["[::1]", "[::1]"],
    ["[2001:db8::1]", "[2001:db8::1]"],
    ["rooms.local", "rooms.local"],
    ["rooms.default.svc.cluster.local", "default.svc.cluster.local"],
  ])("of %s is %s", (host, expected) => {
    expect(homeDomain(host)).toBe(expected);
  });
});

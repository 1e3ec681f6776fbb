import { describe, expect, test } from "vitest";
import { createFailover } from "../../src/failover.js";
import { httpRegions } from "../../src/regions/discovery/http.js";
import { messageOf, show } from "../../src/support/errors.js";
import { messageWithCause } from "../../src/support/platform-cause.js";
import { messageFor, refusalOf } from "./helpers/refusal.js";

const url = "https://eu.example.com/twirp";
const SECRET = "hunter2";

describe("regions", () => {
  test.each([
    "eu.example.com/twirp",
    "localhost:8080",
    "//eu.example.com",
    "ftp://eu.example.com",
    "",
    "https://",
    "/twirp",
  ])("%j is refused because it is not a full http(s) URL", (region) => {
    const message = messageFor({ regions: [url, region] });
    expect(message).toBe(
      `twirp-failover: regions[1] must be a full http(s) URL such as "https://eu.example.com/twirp"; got "${region}"`,
    );
  });

  test("the message about the url of a region object names it `regions[i].url`", () => {
    expect(messageFor({ regions: [{ id: "eu", url: "localhost:8080" }] })).toMatch(
      /regions\[0\]\.url must .* got "localhost:8080"$/,
    );
  });

  test.each(["https://eu.example.com/twirp?x=1", "https://eu.example.com/twirp#x"])(
    "%s is refused because no path can be appended",
    (region) => {
      expect(messageFor({ regions: [region] })).toContain("regions[0] must be a URL without a query or fragment");
    },
  );

  test("two regions with the same id are refused", () => {
    const regions = [
      { id: "eu", url },
      { id: "eu", url: "https://us.example.com/twirp" },
    ];
    expect(messageFor({ regions })).toBe(
      'twirp-failover: regions[0] and regions[1] have the same id, "eu"; give each an id of its own',
    );
  });

  test.each([`${url}/`, "https://EU.example.com:443/twirp"])(
    "two regions with the same url are refused, also in another spelling: %s",
    (other) => {
      const regions = [
        { id: "eu", url },
        { id: "us", url: other },
      ];
      expect(messageFor({ regions })).toBe(`twirp-failover: regions[0] and regions[1] have the same url, "${url}"`);
    },
  );

  test.each([
    ["an empty list", [], "an empty list"],
    ["more than 64", Array.from({ length: 65 }, (_, i) => `https://r${i}.example.com`), "a list of 65"],
    ["a string", url, `"${url}"`],
    ["nothing", undefined, "undefined"],
    ["null", null, "null"],
    ["an object that is not a source", { url }, "an object"],
  ])("%s is refused", (_, regions, shown) => {
    expect(messageFor({ regions })).toBe(`twirp-failover: regions must be a list of 1 to 64 regions; got ${shown}`);
  });

  test.each([null, 5, []])("%j is refused as a region", (region) => {
    expect(messageFor({ regions: [region] })).toContain("regions[0] must be an object");
  });

  test.each(["", 5, null])("%j is refused as an id", (id) => {
    expect(messageFor({ regions: [{ id, url }] })).toContain("regions[0].id must be a non-empty string");
  });

  test("an unknown option of a region is refused with a suggestion", () => {
    expect(messageFor({ regions: [{ id: "eu", urls: url }] })).toBe(
      'twirp-failover: unknown option "urls" in regions[0] (did you mean "url"?)',
    );
  });
});

describe("credentials in a URL", () => {
  const withCredentials = [
    `https://user:${SECRET}@eu.example.com/twirp`,
    `ftp://user:${SECRET}@eu.example.com/twirp`,
    `user:${SECRET}@eu.example.com/twirp`,
    `https://user:${SECRET}@eu.example.com:port/twirp`,
  ];

  test.each(withCredentials.map((region) => [region.replace(SECRET, "…"), region]))(
    "%s is refused and not printed",
    (_, region) => {
      const error = refusalOf(() => createFailover({ regions: [region] }));
      expect(error.message).toContain("regions[0]");
      expect(error.message).not.toContain(SECRET);
    },
  );

  test.each(withCredentials.map((home) => [home.replace(SECRET, "…"), home]))(
    "%s is not printed by httpRegions either",
    (_, home) => {
      expect(refusalOf(() => httpRegions({ home })).message).not.toContain(SECRET);
      expect(refusalOf(() => httpRegions({ home: url, url: home })).message).not.toContain(SECRET);
    },
  );
});

describe("retryThrottling", () => {
  test.each([
    [{ maxTokens: 0 }, "retryThrottling.maxTokens must be a number from 1 to 1000; got 0"],
    [{ maxTokens: 1_001 }, "retryThrottling.maxTokens must be a number from 1 to 1000; got 1001"],
    [{ maxTokens: Number.NaN }, "retryThrottling.maxTokens must be a number from 1 to 1000; got NaN"],
    [{ tokenRatio: 0 }, "retryThrottling.tokenRatio must be above 0; got 0"],
    [{ tokenRatio: -1 }, "retryThrottling.tokenRatio must be a number from 0 to 1000; got -1"],
    [{ tokenRatio: "0.1" }, 'retryThrottling.tokenRatio must be a number from 0 to 1000; got "0.1"'],
    [true, "retryThrottling must be an object; got true"],
    [null, "retryThrottling must be an object; got null"],
  ])("%j is refused", (retryThrottling, expected) => {
    expect(messageFor({ retryThrottling })).toBe(`twirp-failover: ${expected}`);
  });

  test("an unknown option is refused with a suggestion", () => {
    expect(messageFor({ retryThrottling: { maxToken: 5 } })).toBe(
      'twirp-failover: unknown option "maxToken" in retryThrottling (did you mean "maxTokens"?)',
    );
  });
});

describe("createFailover", () => {
  test.each([
    ["region", "regions"],
    ["polices", "policies"],
    ["retryThrottle", "retryThrottling"],
  ])("the unknown option %s is refused with the suggestion %s", (typo, meant) => {
    expect(messageFor({ [typo]: [] })).toBe(
      `twirp-failover: unknown option "${typo}" in createFailover() (did you mean "${meant}"?)`,
    );
  });

  test("an unknown option that is not similar to any option is refused with a list of all options", () => {
    expect(messageFor({ xyz: [] })).toBe(
      'twirp-failover: unknown option "xyz" in createFailover(); it takes regions, policies, cache, order, health, retryThrottling',
    );
  });

  test.each([undefined, null, [], url])("%j is refused as options", (options) => {
    const error = refusalOf(() => createFailover(options as never));
    expect(error.message).toContain("createFailover's options must be an object");
  });

  test("a cache that is not a RegionCache is refused", () => {
    const regions = { key: "k", known: [{ id: "eu", url }], load: async () => ({ regions: [], ttlMs: 0 }) };
    expect(messageFor({ regions, cache: new Map() })).toContain("cache must be a RegionCache; got an object");
  });
});

describe("values in messages", () => {
  test.each([
    ["x".repeat(500), `"${"x".repeat(80)}…"`],
    [() => 1, "a function"],
    [[], "an empty list"],
    [[1, 2], "a list of 2"],
    [{ toString: () => expect.fail("it must not be called") }, "an object"],
    [Symbol("s"), "Symbol(s)"],
    [10n, "10"],
    [-0, "0"],
  ])("%o is shown briefly and safely", (value, shown) => {
    expect(show(value)).toBe(shown);
  });

  test("any thrown value has a message", () => {
    const odd = Object.assign(new Error(), { message: { of: "its own" } });
    const hostile = Object.defineProperty(new Error(), "message", {
      get: () => {
        throw new Error("never");
      },
    });
    const uncaused = Object.defineProperty(
      new Error("no"),
      "cause",
      Object.getOwnPropertyDescriptor(hostile, "message") ?? {},
    );
    expect(messageWithCause(uncaused)).toBe("no");
    expect([odd, hostile].map(messageOf)).toEqual(["an object", "an error that cannot be read"]);
    expect([new Error("no"), "text", undefined, { message: "x" }].map(messageOf)).toEqual([
      "no",
      '"text"',
      "undefined",
      "an object",
    ]);
  });
});

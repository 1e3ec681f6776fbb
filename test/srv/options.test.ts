import { srvRegions } from "twirp-failover/srv";
import { describe, expect, test } from "vitest";
import { refusalOf } from "../unit/helpers/refusal.js";

const NAME = "_twirp._tcp.example.com";

/** The option that the message names, and values that are refused. */
const BAD: Record<string, readonly unknown[]> = {
  name: [
    undefined,
    null,
    5,
    "",
    ".",
    "_twirp._tcp",
    "a..b",
    "https://example.com",
    "example.com:53",
    "exa mple.com",
    `${"a".repeat(64)}.com`,
    `${"abc.".repeat(70)}com`,
  ],
  protocol: ["http", "ftp:", "", 5],
  prefix: ["twirp", "/twirp?x=1", "/twirp#x", 5],
  resolver: ["", "dns.example.com", ["10.0.0.2", "x"], 5, [5], {}],
  ttlMs: [0, 2_999, -1, Number.NaN, Number.POSITIVE_INFINITY, "30000"],
  allowedHosts: ["example.com", 5, {}],
  fallback: [5, {}, true, "", "https://eu.example.com", [5], ["eu.example.com"]],
};

describe("srvRegions", () => {
  test.each(Object.entries(BAD).flatMap(([option, values]) => values.map((value) => [option, value] as const)))(
    "refuses an invalid %s: %o",
    (option, value) => {
      const refused = refusalOf(() => srvRegions({ name: NAME, [option]: value } as never));
      expect(refused.option).toMatch(new RegExp(`^srvRegions\\.${option}(\\[\\d\\])?$`));
      expect(refused.message).toContain(`srvRegions.${option}`);
      const item = /\[(\d)\]$/.exec(refused.option)?.[1];
      expect(refused.value).toEqual(item === undefined ? value : (value as unknown[])[Number(item)]);
    },
  );

  test.each([
    ["allowedHosts", ["https://example.com"], "srvRegions.allowedHosts[0]"],
    ["allowedHosts", ["example.com", "a b"], "srvRegions.allowedHosts[1]"],
    ["fallback", [{ id: "a", url: "ftp://a" }], "srvRegions.fallback[0].url"],
  ])("names the invalid item of %s", (option, value, expected) => {
    expect(refusalOf(() => srvRegions({ name: NAME, [option]: value } as never)).option).toBe(expected);
  });

  test("refuses an unknown option with a suggestion", () => {
    const refused = refusalOf(() => srvRegions({ name: NAME, resolvers: ["10.0.0.2"] } as never));
    expect(refused.message).toContain('did you mean "resolver"?');
  });

  test.each([undefined, null, "example.com", []])("refuses %o in place of its options", (options) => {
    expect(refusalOf(() => srvRegions(options as never)).option).toBe("srvRegions's options");
  });

  test("accepts valid options, and sends no query", () => {
    const source = srvRegions({
      name: "_Twirp._tcp.Example.com.",
      protocol: "http:",
      prefix: "",
      resolver: ["10.0.0.2", "127.0.0.1:5353", "[::1]:53"],
      ttlMs: 3_000,
      allowedHosts: ["example.com", "example.net:8443"],
      fallback: ["https://eu.example.net/twirp", { id: "us", url: "http://10.0.0.9/twirp", weight: 2 }],
    });
    expect(source.order).toBe("weight");
    expect(source.known.map(({ id }) => id)).toEqual(["eu.example.net", "us"]);
    expect(source.key).toContain(NAME);
  });

  test("gives two sources different keys if they would make different lists of the same records", () => {
    const keys = [
      {},
      { protocol: "http:" },
      { prefix: "" },
      { allowedHosts: ["example.net"] },
      { resolver: "10.0.0.2" },
      { name: "_other._tcp.example.com" },
    ].map((given) => srvRegions({ name: NAME, ...given } as never).key);
    expect(new Set(keys).size).toBe(keys.length);
    expect(srvRegions({ name: `${NAME.toUpperCase()}.` }).key).toBe(keys[0]);
  });
});

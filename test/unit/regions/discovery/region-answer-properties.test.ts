/** For any answer, the result is an error or a list of regions to which the caller's credentials may be sent. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkRegions, type RegionList } from "../../../../src/regions/region.js";
import { parse, type Rules } from "../../helpers/region-answers.js";

const RUNS = 2_000;

/** Homes with their allowed hosts as regular expressions, which do not depend on the code under test. */
const HOMES: readonly (Rules & { home: string; host: RegExp; protocol: RegExp; port: RegExp })[] = [
  {
    home: "https://my.livekit.cloud/twirp",
    host: /^(.*\.)?livekit\.cloud$/,
    protocol: /^https:$/,
    port: /^$/,
  },
  { home: "http://a.local:8080", host: /^(.*\.)?a\.local$/, protocol: /^https?:$/, port: /^(8080)?$/ },
  {
    home: "https://example.com.",
    allowedHosts: ["example.com:8443", "other.example"],
    host: /^(.*\.)?(example\.com|other\.example)$/,
    protocol: /^https:$/,
    port: /^(8443)?$/,
  },
  { home: "http://127.0.0.1:3000/a/b", host: /^127\.0\.0\.1$/, protocol: /^https?:$/, port: /^\d*$/ },
];

const label = fc.constantFrom("b", "c", "eu", "xn--b", "a_b", "my", "a", "1", "i\u0307", "\u0456", "\uff0e", "");
const host = fc
  .oneof(
    fc.tuple(
      label,
      fc.constantFrom(".", "", "-", "@", "/", "\\", "\t", "%2e", "\u3002"),
      fc.constantFrom("livekit.cloud", "livekit.cloud.", "a.local", "example.com", "other.example", "evil.com"),
    ),
    fc
      .constantFrom("127.0.0.1", "[::1]", "localhost", "0x7f000001", "10.0.0.1", "169.254.169.254", "127.1")
      .map((ip) => [ip]),
  )
  .map((parts) => parts.join(""));
const plain = fc
  .tuple(
    fc.constantFrom("https://", "wss://"),
    fc.constantFrom("eu.livekit.cloud", "us.livekit.cloud", "eu.a.local", "a.local", "eu.other.example", "127.0.0.1"),
  )
  .map((parts) => parts.join(""));
const odd = fc
  .tuple(
    fc.constantFrom("https://", "https://", "wss://", "http://", "ws://", "https:", "//", "ftp://", "HTTPS:\\\\"),
    fc.constantFrom("", "", "", "user@", "user:pass@", ":@"),
    host,
    fc.constantFrom("", "", "", ":443", ":80", ":8080", ":8443", ":0", ":99999", "."),
    fc.constantFrom("", "", "/", "/twirp", "/x?y#z", "#", "?x", "/../.."),
  )
  .map((parts) => parts.join(""));
const url = fc.oneof(plain, odd);
const junk = fc.oneof(fc.jsonValue(), fc.string(), fc.double(), fc.constantFrom(null, undefined, [], {}));
const mostly = <T>(value: fc.Arbitrary<T>) => fc.oneof({ arbitrary: value, weight: 9 }, { arbitrary: junk, weight: 1 });
const entry = fc.record(
  {
    region: mostly(fc.oneof(fc.constantFrom("eu", "us", "x"), fc.string({ minLength: 1, maxLength: 70 }))),
    url: mostly(url),
    distance: mostly(fc.oneof(fc.integer(), fc.double(), fc.bigInt().map(String), fc.string())),
  },
  { requiredKeys: [] },
);
const nearlyValid = fc.record({ regions: mostly(fc.array(mostly(entry), { maxLength: 100 })) }).map(asText);
const cutShort = fc.tuple(nearlyValid, fc.nat(200)).map(([text, end]) => text.slice(0, end));
const answer = fc.oneof(
  { arbitrary: nearlyValid, weight: 6 },
  { arbitrary: fc.json(), weight: 1 },
  { arbitrary: fc.string(), weight: 1 },
  { arbitrary: cutShort, weight: 1 },
);

function asText(value: unknown): string {
  return JSON.stringify(value, (_, item) => (typeof item === "bigint" ? String(item) : item));
}

/** Checks what must hold for each list, independently of the code under test. */
function expectFit(list: RegionList, rules: (typeof HOMES)[number]): void {
  const { home, host, protocol, port } = rules;
  expect(list.length).toBeLessThanOrEqual(64);
  expect(list[0].url).toBe(home);
  expect(new Set(list.map(({ id }) => id)).size).toBe(list.length);
  expect(new Set(list.map((region) => region.url)).size).toBe(list.length);
  for (const { id, url: text, distance = 0 } of list) {
    const region = new URL(text);
    expect(id).toMatch(/^[\x21-\x7e]{1,64}$/);
    expect(distance >= 0 && Number.isFinite(distance), `the distance ${distance}`).toBe(true);
    expect(`${region.username}${region.password}${region.search}${region.hash}`).toBe("");
    expect(region.pathname.replace(/\/$/, "")).toBe(new URL(home).pathname.replace(/\/$/, ""));
    if (text === home) continue;
    expect(region.hostname).toMatch(host);
    expect(region.protocol).toMatch(protocol);
    expect(region.port).toMatch(port);
  }
  // So a Failover accepts the list.
  expect(checkRegions("it", list)).toHaveLength(list.length);
}

const expectSafe = (text: string, rules: (typeof HOMES)[number]) => {
  let read: ReturnType<typeof parse>;
  try {
    read = parse(text, rules);
  } catch (error) {
    expect(error).toBeInstanceOf(Error);
    return undefined;
  }
  expectFit(read.list, rules);
  expect(read.warnings.length).toBeLessThanOrEqual(66);
  for (const warning of read.warnings) expect(warning).not.toContain("pass@");
  return read;
};

describe.each(HOMES)("any answer, read for $home", (rules) => {
  test("gives a safe list or an error", () => {
    fc.assert(
      fc.property(answer, (text) => void expectSafe(text, rules)),
      { numRuns: RUNS },
    );
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  test("many of the generated answers name regions, and many are refused", () => {
    const seen = { used: 0, refused: 0, errors: 0 };
    for (const text of fc.sample(answer, { numRuns: 500, seed: 1 })) {
      const read = expectSafe(text, rules);
      if (read === undefined) seen.errors++;
      else {
        if (read.list.length > 1) seen.used++;
        if (read.warnings.length > 0) seen.refused++;
      }
    }
    expect(Math.min(seen.used, seen.refused, seen.errors), JSON.stringify(seen)).toBeGreaterThan(20);
  });
});

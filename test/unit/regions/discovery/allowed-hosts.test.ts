import { describe, expect, test } from "vitest";
import { createFailover } from "../../../../src/failover.js";
import { httpRegions } from "../../../../src/regions/discovery/http.js";
import { refusalOf } from "../../helpers/refusal.js";
import { at, entry, parse } from "../../helpers/region-answers.js";

const HOME = "https://my.livekit.cloud/twirp";
const named = (allowedHosts: unknown, home = HOME) => httpRegions({ home, allowedHosts: allowedHosts as string[] });
const urlsOf = (url: string, allowedHosts: readonly string[], home = HOME) =>
  parse({ regions: [entry("b", url)] }, { allowedHosts, home }).urls.slice(1);

describe("an allowed host", () => {
  const rows: [string, string, string[]][] = [
    ["example.com", "https://example.com", ["https://example.com/twirp"]],
    ["example.com", "https://a.b.example.com", ["https://a.b.example.com/twirp"]],
    ["example.com", "https://example.com:443", ["https://example.com/twirp"]],
    ["example.com", "https://example.com:8443", []],
    ["example.com", "https://notexample.com", []],
    ["EXAMPLE.com", "https://example.com", ["https://example.com/twirp"]],
    ["example.com:8443", "https://eu.example.com:8443", ["https://eu.example.com:8443/twirp"]],
    ["example.com:8443", "https://eu.example.com", []],
    ["example.com:8443", "https://eu.example.com:9443", []],
    ["example.com:443", "https://eu.example.com", ["https://eu.example.com/twirp"]],
    ["bücher.example", "https://xn--bcher-kva.example", ["https://xn--bcher-kva.example/twirp"]],
    ["xn--bcher-kva.example", "https://eu.Bücher.example", ["https://eu.xn--bcher-kva.example/twirp"]],
    ["bücher.example", "https://bucher.example", []],
    ["10.0.0.1", "https://10.0.0.1", ["https://10.0.0.1/twirp"]],
    ["10.0.0.1:8443", "https://10.0.0.1:8443", ["https://10.0.0.1:8443/twirp"]],
    ["[2001:db8::1]:8443", "https://[2001:DB8::1]:8443", ["https://[2001:db8::1]:8443/twirp"]],
    ["my_rooms.example", "https://eu.my_rooms.example", ["https://eu.my_rooms.example/twirp"]],
  ];
  test.each(rows)("as %s: %s becomes %j", (host, url, expected) => {
    expect(urlsOf(url, [host])).toEqual(expected);
  });

  // In Node 20 and 22, once `URL.canParse` is optimised, it rejects every URL with a letter such as ü.
  test("with a letter such as ü is still allowed after ten thousand checks", () => {
    const refused = Array.from({ length: 10_000 }, () => urlsOf("https://eu.bücher.example", ["bücher.example"]));
    expect(refused.filter((urls) => urls.length === 0)).toHaveLength(0);
  });

  test("given without a port allows only the default port, and with a port only that port", () => {
    const both = ["example.com", "example.com:8443"];
    for (const port of ["", ":8443"]) expect(urlsOf(`https://eu.example.com${port}`, both)).toHaveLength(1);
    expect(urlsOf("https://eu.example.com:9443", both)).toEqual([]);
  });

  test("given without a port also allows home's port", () => {
    expect(urlsOf("https://eu.example.com:9443", ["example.com"], "https://us.example.com:9443/twirp")).toHaveLength(1);
    expect(urlsOf("https://eu.example.com", ["example.com"], "https://us.example.com:9443/twirp")).toHaveLength(1);
  });

  test("is allowed on any port if home and the host are on the same machine, and only then", () => {
    expect(urlsOf("http://127.0.0.1:7881", ["127.0.0.1"], "http://127.0.0.1:7880/twirp")).toHaveLength(1);
    expect(urlsOf("http://127.0.0.2:7881", ["127.0.0.1"], "http://127.0.0.1:7880/twirp")).toEqual([]);
    expect(urlsOf("http://127.0.0.1:7881", ["127.0.0.1"], "http://10.0.0.1:7880/twirp")).toEqual([]);
    expect(urlsOf("http://10.0.0.1:7881", ["10.0.0.1"], "http://10.0.0.1:7880/twirp")).toEqual([]);
  });

  test("does not exist if the list is empty", () => {
    expect(urlsOf(at("eu"), [])).toEqual([]);
  });

  test("changes the key, so that two Failovers with different rules do not share a list", () => {
    const keys = [undefined, [], ["a.com"], ["a.com:1"], ["a.com", "b.com"]].map((hosts) => named(hosts).key);
    expect(new Set(keys).size).toBe(keys.length);
    expect(named(["A.com"]).key).toBe(named(["a.com"]).key);
  });
});

describe("an invalid host", () => {
  const BAD: unknown[] = [
    ["https://example.com"],
    ["example.com/twirp"],
    ["user@example.com"],
    ["user:pass@example.com"],
    ["example.com?x"],
    ["example.com#x"],
    ["*.example.com"],
    [".example.com"],
    ["example.com."],
    ["example..com"],
    ["exa mple.com"],
    ["example.com:99999"],
    ["example.com:port"],
    ["example.com:-1"],
    ["example.com:*"],
    ["2001:db8::1"],
    ["[2001:db8::1"],
    ["300.1.1.1"],
    [""],
    [" "],
    [":8443"],
    ["a.com", null],
    [undefined],
    [7],
    [["a.com"]],
    [{}],
    [/example/],
    "example.com",
    7,
    true,
    {},
    new Set(["example.com"]),
  ];
  test.each(BAD.map((given) => [given]))("%j is refused at construction", (given) => {
    const { option } = refusalOf(() => named(given));
    const at = Array.isArray(given) ? given.length - 1 : undefined;
    expect(option).toBe(at === undefined ? "httpRegions.allowedHosts" : `httpRegions.allowedHosts[${at}]`);
  });
});

describe("home's own domain, if allowedHosts is left out", () => {
  test.each([
    ["https://my.livekit.cloud./twirp", "https://eu.livekit.cloud", true],
    ["https://my.livekit.cloud./twirp", "https://eu.livekit.cloud.", false],
    ["https://my.livekit.cloud/twirp", "https://eu.livekit.cloud.", false],
    ["https://MY.LiveKit.cloud/twirp", "https://eu.livekit.cloud", true],
    ["https://example.co.uk/twirp", "https://other.co.uk", false],
    ["https://example.com/twirp", "https://other.com", false],
    ["https://10.1.2.3/twirp", "https://10.1.2.4", false],
    ["https://2.3.4.5/twirp", "https://9.3.4.5", false],
    ["https://[::1]/twirp", "https://[::2]", false],
    ["https://localhost/twirp", "https://eu.localhost", true],
  ])("home %s: is %s allowed? %s", (home, url, allowed) => {
    expect(parse({ regions: [entry("b", url)] }, { home }).ids).toHaveLength(allowed ? 2 : 1);
  });

  // A dot at the end of a name is legal. It means that the name is fully qualified.
  test.each(["https://example.com./twirp", "https://localhost./twirp", "http://rooms.:8080"])(
    "home %s is accepted, and no error names an option that was left out",
    (home) => {
      expect(createFailover({ regions: httpRegions({ home }) }).regions()).toHaveLength(1);
    },
  );
});

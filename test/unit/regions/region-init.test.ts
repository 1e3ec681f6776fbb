import { expect, test } from "vitest";
import { createFailover } from "../../../src/failover.js";
import { httpRegions } from "../../../src/regions/discovery/http.js";
import { refusalOf } from "../helpers/refusal.js";

const regionsOf = (...regions: Parameters<typeof createFailover>[0]["regions"] & readonly unknown[]) =>
  createFailover({ regions: regions as never })
    .regions()
    .map(({ id, url }) => ({ id, url }));

test("a region may be a string, a URL, or an object with either; without an id its host names it", () => {
  expect(
    regionsOf(
      "https://a.example.com/twirp/",
      new URL("https://b.example.com:8443/twirp"),
      { url: "https://c.example.com/twirp" },
      { id: "d", url: new URL("https://d.example.com") },
    ),
  ).toEqual([
    { id: "a.example.com", url: "https://a.example.com/twirp" },
    { id: "b.example.com:8443", url: "https://b.example.com:8443/twirp" },
    { id: "c.example.com", url: "https://c.example.com/twirp" },
    { id: "d", url: "https://d.example.com" },
  ]);
});

test("options that are undefined count as left out", () => {
  const region = { id: undefined, url: "https://a.example.com", weight: undefined, priority: undefined };
  expect(regionsOf(region)).toEqual([{ id: "a.example.com", url: "https://a.example.com" }]);
});

test("a URL object is checked like a string, and its credentials are not printed", () => {
  const { message } = refusalOf(() => regionsOf(new URL("https://user:s3cret@a.example.com/twirp")));
  expect(message).toBe('twirp-failover: regions[0] must be a URL without credentials; got "https://…@a.example.com"');
  expect(refusalOf(() => regionsOf(new URL("ftp://a.example.com"))).message).toContain(
    "regions[0] must be a full http",
  );
});

test("httpRegions takes URL objects for home, url and fallback", () => {
  const source = httpRegions({
    home: new URL("https://my.example.com/twirp"),
    url: new URL("https://my.example.com/regions"),
    fallback: [new URL("https://eu.my.example.com/twirp")],
  });
  expect(source.known.map(({ id }) => id)).toEqual(["my.example.com", "eu.my.example.com"]);
  expect(source.name).toBe("https://my.example.com/regions");
});

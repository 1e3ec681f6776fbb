/** Answers that no honest server gives. The valid parts are used, the rest is left out, and nothing breaks. */
import { describe, expect, test } from "vitest";
import { at, entry, HOME, parse } from "../../helpers/region-answers.js";

const GOOD = entry("good", at("good"), "5");
const GOOD_IDS = ["my.livekit.cloud", "good"];

describe("text that is not a list of regions", () => {
  const texts: [string, string][] = [
    ["empty", ""],
    ["white space", " \n "],
    ["HTML", "<!DOCTYPE html><title>Sign in</title>"],
    ["JSON with single quotes", "{'regions': []}"],
    ["two documents", '{"regions":[]}{"regions":[]}'],
    ["JSON that breaks off", '{"regions":[{"region":"b","url":"https://b.livekit.cloud"}'],
    ["60 KiB of open brackets", "[".repeat(60 * 1024)],
    ["60 KiB of open objects", '{"regions":'.repeat(5_000)],
    ["30 KiB of brackets, closed again", `${"[".repeat(30_000)}${"]".repeat(30_000)}`],
    ["a number that is too large", "1e400"],
    ["a key in another case", '{"Regions":[]}'],
    ["a prototype that has it", '{"__proto__":{"regions":[]}}'],
    ["a constructor that has it", '{"constructor":{"prototype":{"regions":[]}}}'],
    ["a list inside a list", '[{"regions":[]}]'],
    ["a list that only looks like one", '{"regions":{"length":1,"0":{"region":"b","url":"https://b.livekit.cloud"}}}'],
  ];

  test.each(texts)("(%s) is an error with a one-line message", (_, text) => {
    let error: unknown;
    try {
      parse(text);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(Error);
    expect((error as Error).message.length).toBeLessThan(200);
  });
});

describe("wrong types", () => {
  const wrong: [string, unknown][] = [
    ["null", null],
    ["a boolean", true],
    ["a number", 5],
    ["text", "https://b.livekit.cloud"],
    ["an empty object", {}],
    ["an empty list", []],
    ["a list of the right values", ["b", at("b"), "1"]],
    ["a name that is a number", entry(7, at("b"))],
    ["a name that is an object", entry({ toString: "b" }, at("b"))],
    ["a name that is a list", entry(["b"], at("b"))],
    ["a name in another script", entry("b\u0435ta", at("b"))],
    ["a name with a space", entry("b b", at("b"))],
    ["a name with a control character", entry("b\u001b[31m", at("b"))],
    ["a name with a zero byte", entry("b\0", at("b"))],
    ["a name that was invalid UTF-8", entry("b\ufffd", at("b"))],
    ["a url that is a list", entry("b", [at("b")])],
    ["a url that is an object", entry("b", { href: at("b") })],
    ["a url that is null", entry("b", null)],
    ["a url that is true", entry("b", true)],
    ["keys in another case", { Region: "b", Url: at("b") }],
    ["keys in the prototype", JSON.parse(`{"__proto__":{"region":"b","url":"${at("b")}"}}`)],
    ["a host that is invalid UTF-8", entry("b", "https://b\ufffd.livekit.cloud")],
    ["a host of 300 characters that is not allowed", entry("b", `https://${"x".repeat(300)}.com`)],
  ];

  test.each(wrong)("(%s) affect only this entry", (_, bad) => {
    const text = JSON.stringify({ regions: [bad, GOOD, bad] });
    const { ids, warnings } = parse(text);
    expect(ids).toEqual(GOOD_IDS);
    expect(warnings).toHaveLength(2);
    for (const warning of warnings) {
      expect(warning).toMatch(/^discovery: a region was left out: [\x20-\x7e\ufffd\u0435…]{1,230}$/);
    }
  });
});

describe("the distance", () => {
  const FARTHEST = Number.MAX_SAFE_INTEGER;
  const rows: [string, number][] = [
    ["7", 7],
    ['"7"', 7],
    ["0.5", 0.5],
    ["0", 0],
    ['"0"', 0],
    ['"007"', 7],
    ["null", FARTHEST],
    ["true", FARTHEST],
    ["-1", FARTHEST],
    ['"-1"', FARTHEST],
    ["1e400", FARTHEST],
    ["-1e400", FARTHEST],
    ["1e300", FARTHEST],
    ['"1e3"', FARTHEST],
    ['"0x10"', FARTHEST],
    ['"Infinity"', FARTHEST],
    ['""', FARTHEST],
    ['" 7"', FARTHEST],
    ['"9223372036854775807"', FARTHEST],
    ['"99999999999999999999999999999"', FARTHEST],
    ["[7]", FARTHEST],
    ['{"valueOf":7}', FARTHEST],
    [`${"[".repeat(10_000)}${"]".repeat(10_000)}`, FARTHEST],
  ];

  test.each(rows)("%s is read as %d", (json, expected) => {
    const { list, warnings } = parse(`{"regions":[{"region":"b","url":"${at("b")}","distance":${json}}]}`);
    expect(list[1]?.distance).toBe(expected);
    expect(warnings).toEqual([]);
  });

  test("is 0 if it is left out", () => {
    expect(parse({ regions: [entry("b", at("b"))] }).list[1]?.distance).toBe(0);
  });
});

describe("the url", () => {
  const accepted: [string, string][] = [
    ["https://EU.LiveKit.Cloud", "https://eu.livekit.cloud/twirp"],
    [" https://eu.livekit.cloud ", "https://eu.livekit.cloud/twirp"],
    ["https:\\\\eu.livekit.cloud\\..\\x", "https://eu.livekit.cloud/twirp"],
    ["https://e\tu.livekit.cloud", "https://eu.livekit.cloud/twirp"],
    ["https://eu.livekit.cloud/../../etc?x#y", "https://eu.livekit.cloud/twirp"],
    ["https://ｅｕ.livekit.cloud", "https://eu.livekit.cloud/twirp"],
    ["https://evil.com.livekit.cloud", "https://evil.com.livekit.cloud/twirp"],
    ["https:eu.livekit.cloud", "https://eu.livekit.cloud/twirp"],
  ];
  test.each(accepted)(
    "%j is called at %s, because the host is allowed and the path is always home's",
    (url, expected) => {
      expect(parse({ regions: [entry("b", url)] }).urls).toEqual([HOME, expected]);
    },
  );
});

describe("too many entries", () => {
  test("of 10,000 regions 64 are used, with one warning", () => {
    const regions = Array.from({ length: 10_000 }, (_, i) => entry(`r${i}`, at(`r${i}`), String(i)));
    const { list, warnings } = parse({ regions });
    expect(list).toHaveLength(64);
    expect(warnings).toEqual(["discovery named 10000 regions; only the first 64 are used"]);
  });

  test("10,000 invalid regions do not cause a flood of warnings", () => {
    const { ids, warnings } = parse({ regions: Array(10_000).fill(null) });
    expect(ids).toEqual(["my.livekit.cloud"]);
    expect(warnings.length).toBeLessThanOrEqual(65);
  });

  test("the same region a hundred times is used once", () => {
    const { ids } = parse({ regions: Array(60).fill(GOOD) });
    expect(ids).toEqual(GOOD_IDS);
  });

  test("if a key appears twice, the last one counts, for the check and for the use", () => {
    const text = `{"regions":[{"region":"b","url":"${at("b")}","url":"https://evil.com"}]}`;
    expect(parse(text).ids).toEqual(["my.livekit.cloud"]);
    expect(parse(`{"regions":[{"region":"b","url":"https://evil.com","url":"${at("b")}"}]}`).urls[1]).toBe(
      "https://b.livekit.cloud/twirp",
    );
    expect(parse(`{"regions":[null],"regions":[]}`).warnings).toEqual([]);
  });
});

test("no key of an answer changes Object.prototype", () => {
  const evil = '{"polluted":true,"region":"b","url":"https://evil.com"}';
  const keys = ["__proto__", "constructor", "prototype"].map((key) => `"${key}":${evil}`).join(",");
  const { ids } = parse(`{${keys},"regions":[{${keys}},{${keys},"region":"good","url":"${at("good")}"}]}`);
  expect(ids).toEqual(GOOD_IDS);
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  expect(Object.keys(Object.prototype)).toEqual([]);
});

test.each([
  "https://hunter2@b.livekit.cloud",
  "https://u:hunter2@evil.com",
  "https://u:hunter2@ho st",
  "ftp://u:hunter2@b",
])("a warning about %s does not print the credentials", (url) => {
  const { warnings } = parse({ regions: [entry("b", url)] });
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).not.toContain("hunter2");
});

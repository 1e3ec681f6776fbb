import { beforeEach, describe, expect, test, vi } from "vitest";
import { type HttpRegionsOptions, httpRegions } from "../../../../src/regions/discovery/http.js";
import type { LoadedRegions, LoadRequest } from "../../../../src/regions/source.js";
import { useFetchStub } from "../../helpers/fetch-stub.js";
import { refusalOf } from "../../helpers/refusal.js";
import { simulate, useSimulatedTime } from "../../helpers/simulation.js";

const HOME = "https://my.livekit.cloud/twirp";
const LIST = JSON.stringify({ regions: [{ region: "eu", url: "wss://eu.livekit.cloud", distance: "7" }] });

const fetchStub = useFetchStub();

const answering = (body: BodyInit | null, init: ResponseInit = {}) =>
  fetchStub.mockImplementation(async () => new Response(body, init));

const warnings: string[] = [];
beforeEach(() => {
  warnings.length = 0;
});

const request = (given: Partial<LoadRequest>): LoadRequest => ({
  signal: new AbortController().signal,
  known: [],
  warn() {},
  ...given,
});

function load(options: Partial<HttpRegionsOptions> = {}): Promise<LoadedRegions> {
  const source = httpRegions({ home: HOME, ...options });
  return source.load(request({ warn: (message) => warnings.push(message) }));
}

const requestOf = (call: number) => {
  const [url, init] = fetchStub.mock.calls[call] as [string, RequestInit];
  return { url, init, headers: init.headers as Record<string, string> };
};

describe("the request", () => {
  test("goes to /settings/regions on home's origin, and does not follow redirects", async () => {
    answering(LIST);
    await load();
    const { url, init, headers } = requestOf(0);
    expect(url).toBe("https://my.livekit.cloud/settings/regions");
    expect(init.redirect).toBe("manual");
    expect(init.method ?? "GET").toBe("GET");
    expect(headers).toEqual({ accept: "application/json" });
  });

  test("goes to the given url", async () => {
    answering(LIST);
    await load({ url: "https://regions.example.com/list?project=1" });
    expect(requestOf(0).url).toBe("https://regions.example.com/list?project=1");
  });

  test("is named in events without its query, because that may contain a token", () => {
    const { name } = httpRegions({ home: HOME, url: "https://regions.example.com/list?token=secret" });
    expect(name).toBe("https://regions.example.com/list");
  });

  test("has the given headers", async () => {
    answering(LIST);
    await load({ headers: { authorization: "Bearer t" } });
    expect(requestOf(0).headers).toEqual({ accept: "application/json", authorization: "Bearer t" });
  });

  test("has headers that a function makes for each request", async () => {
    answering(LIST);
    let n = 0;
    const source = httpRegions({ home: HOME, headers: async () => ({ authorization: `Bearer ${++n}` }) });
    for (let i = 0; i < 2; i++) await source.load(request({}));
    expect([0, 1].map((call) => requestOf(call).headers.authorization)).toEqual(["Bearer 1", "Bearer 2"]);
  });

  test("is not sent with invalid headers, and the error does not quote them", async () => {
    const error = await load({ headers: () => ({ authorization: "Bearer secret\nx" }) }).catch((error) => error);
    expect(error.message).toMatch(/httpRegions\.headers must be an object of valid HTTP headers/);
    expect(error.message).not.toContain("secret");
    expect(fetchStub).not.toHaveBeenCalled();
  });

  test("is not sent when the headers function fails", async () => {
    const headers = () => {
      throw new Error("no token");
    };
    await expect(load({ headers })).rejects.toThrow("no token");
    expect(fetchStub).not.toHaveBeenCalled();
  });

  test("is aborted by the signal", async () => {
    answering(LIST);
    const controller = new AbortController();
    fetchStub.mockImplementation(() => new Promise(() => {}));
    void httpRegions({ home: HOME }).load(request({ signal: controller.signal }));
    await new Promise(setImmediate);
    expect(requestOf(0).init.signal?.aborted).toBe(false);
    controller.abort();
    expect(requestOf(0).init.signal?.aborted).toBe(true);
  });

  test("is not sent before it is needed", () => {
    const source = httpRegions({ home: HOME });
    expect(source.known).toEqual([{ id: "my.livekit.cloud", url: HOME }]);
    expect(fetchStub).not.toHaveBeenCalled();
  });
});

describe("the TTL", () => {
  test.each([
    [undefined, 0],
    ["max-age=60", 60_000],
    ["private, max-age=300, must-revalidate", 300_000],
    ["MAX-AGE=5", 5_000],
    ['max-age="10"', 10_000],
    ["max-age=0", 0],
    ["s-maxage=9", 0],
    ["s-maxage=9, max-age=4", 4_000],
    ["max-age=60, no-cache", 0],
    ["no-store, max-age=60", 0],
    ["max-age=-1", 0],
    ["max-age=soon", 0],
    ["public", 0],
    ["max-age=31536000", 31_536_000_000],
  ])("of Cache-Control: %s is %i ms", async (cacheControl, expected) => {
    answering(LIST, cacheControl === undefined ? {} : { headers: { "cache-control": cacheControl } });
    expect((await load()).ttlMs).toBe(expected);
  });
});

describe("the answer", () => {
  test("becomes the list, with home first", async () => {
    answering(LIST);
    expect((await load()).regions).toEqual([
      { id: "my.livekit.cloud", url: HOME },
      { id: "eu", url: "https://eu.livekit.cloud/twirp", distance: 7 },
    ]);
  });

  test.each([301, 302, 307, 401, 404, 451, 500, 503])(
    "HTTP %i is an error, and its body is not read",
    async (status) => {
      const cancel = vi.fn();
      fetchStub.mockImplementation(async () => new Response(new ReadableStream({ cancel }), { status }));
      await expect(load()).rejects.toThrow(`HTTP ${status}`);
      expect(cancel).toHaveBeenCalledOnce();
      expect(fetchStub).toHaveBeenCalledOnce();
    },
  );

  test("that is HTML is an error", async () => {
    answering("<!DOCTYPE html><title>Sign in to the Wi-Fi</title>");
    await expect(load()).rejects.toThrow(SyntaxError);
  });

  test("that is empty is an error", async () => {
    answering(null);
    await expect(load()).rejects.toThrow(SyntaxError);
  });

  test("of 64 KiB is read", async () => {
    answering(LIST.padEnd(64 * 1024, " "));
    expect((await load()).regions).toHaveLength(2);
  });

  test("of more than 64 KiB is an error", async () => {
    answering(LIST.padEnd(64 * 1024 + 1, " "));
    await expect(load()).rejects.toThrow("the answer is larger than 65536 bytes");
  });

  test("without an end is not read further than the limit", async () => {
    let pulled = 0;
    const cancel = vi.fn();
    const endless = new ReadableStream({
      pull(controller) {
        pulled++;
        controller.enqueue(new Uint8Array(10_000));
      },
      cancel,
    });
    fetchStub.mockImplementation(async () => new Response(endless));
    await expect(load()).rejects.toThrow("larger than 65536 bytes");
    expect(pulled).toBeLessThan(12);
    expect(cancel).toHaveBeenCalledOnce();
  });

  test("may arrive with a character split in two", async () => {
    const bytes = new TextEncoder().encode(JSON.stringify({ regions: [], note: "Köln" }));
    const body = new ReadableStream({
      start(controller) {
        for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
        controller.close();
      },
    });
    fetchStub.mockImplementation(async () => new Response(body));
    expect((await load()).regions).toHaveLength(1);
  });

  test("is checked against the allowed hosts", async () => {
    const list = {
      regions: ["eu.livekit.cloud", "us.example.com"].map((host) => ({ region: host, url: `https://${host}` })),
    };
    answering(JSON.stringify(list));
    expect((await load()).regions.map(({ id }) => id)).toEqual(["my.livekit.cloud", "eu.livekit.cloud"]);
    expect(warnings).toEqual([expect.stringContaining("us.example.com")]);
    const { regions } = await load({ allowedHosts: ["EXAMPLE.com"] });
    expect(regions.map(({ id }) => id)).toEqual(["my.livekit.cloud", "us.example.com"]);
  });
});

describe("an invalid option", () => {
  const rows: [string, object, RegExp][] = [
    ["no home", { home: undefined }, /httpRegions\.home must be a full http\(s\) URL.* got undefined/],
    ["a home without a scheme", { home: "my.livekit.cloud" }, /httpRegions\.home .* got "my\.livekit\.cloud"/],
    [
      "a url without a scheme",
      { url: "/settings" },
      /httpRegions\.url must be a full http\(s\) URL .* got "\/settings"/,
    ],
    [
      "an unknown option",
      { allowedHost: [] },
      /unknown option "allowedHost" in httpRegions\(\) \(did you mean "allowedHosts"\?\)/,
    ],
    [
      "an allowed host that is a URL",
      { allowedHosts: ["https://x.com"] },
      /allowedHosts\[0\] .* got "https:\/\/x\.com"/,
    ],
    [
      "an allowed host with a wildcard",
      { allowedHosts: ["x.com", "*.x.com"] },
      /allowedHosts\[1\] .* got "\*\.x\.com"/,
    ],
    ["an allowed host that is empty", { allowedHosts: [""] }, /allowedHosts\[0\] .* got ""/],
    ["allowed hosts that are not a list", { allowedHosts: "x.com" }, /allowedHosts must be a list.*got "x\.com"/],
    ["headers that are not an object", { headers: 5 }, /httpRegions\.headers must be an object of valid HTTP headers/],
    [
      "an invalid header name",
      { headers: { "a b": "c" } },
      /httpRegions\.headers must be an object of valid HTTP headers/,
    ],
  ];
  test.each(rows)("(%s) is refused at construction", (_, bad, expected) => {
    expect(refusalOf(() => httpRegions({ home: HOME, ...bad })).message).toMatch(expected);
  });

  test("that is a header with an invalid value is not printed, because it may be a token", () => {
    const error = refusalOf(() => httpRegions({ home: HOME, headers: { authorization: "Bearer s3cret\nx: y" } }));
    expect(error.message).not.toContain("s3cret");
  });

  test("that is a token in place of the headers is not printed", () => {
    const error = refusalOf(() => httpRegions({ home: HOME, headers: "Bearer s3cret" as never }));
    expect(error.message).not.toContain("s3cret");
  });
});

describe("with a Failover", () => {
  useSimulatedTime();

  test("a refused entry causes a warning, and a failed request causes an event", async () => {
    answering(JSON.stringify({ regions: [{ region: "x", url: "https://evil.com" }] }));
    const sim = simulate({ regions: httpRegions({ home: HOME }), replies: [] });
    await sim.failover.ready();
    expect(sim.eventsOf("warning")).toMatchObject([{ message: expect.stringContaining("evil.com") }]);

    answering("", { status: 500 });
    const other = simulate({ regions: httpRegions({ home: HOME }), replies: [] });
    await other.failover.ready();
    expect(other.eventsOf("discovery_failed")).toMatchObject([{ reason: "HTTP 500" }]);
  });
});

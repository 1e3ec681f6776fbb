/** Hostile answers to discovery: reading them takes limited time and limited memory. */
import type { ServerResponse } from "node:http";
import { pipeline, Readable } from "node:stream";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { entryOf, serveList } from "../support/discovery.js";
import * as faults from "../support/faults.js";
import { METHODS, newRequestId, useWire } from "../support/wire.js";

const MIB = 1024 * 1024;
/** At most 64 KiB are read. Node's streams and zlib hold a little more in between. */
const MOST_MEMORY = 24 * MIB;

const zeros = Buffer.alloc(192 * MIB, "[");
let gzipped: Buffer;
let gzippedTwice: Buffer;
let brotli: Buffer;
beforeAll(() => {
  gzipped = gzipSync(zeros, { level: 1 });
  gzippedTwice = gzipSync(gzipped);
  brotli = brotliCompressSync(zeros.subarray(0, 64 * MIB), { params: { 1: 1 } });
});

/** The peak of the additional memory that the process uses during `work`, sampled every 5 ms. */
async function memoryOf(work: () => Promise<unknown>): Promise<number> {
  const used = () => process.memoryUsage.rss();
  const before = used();
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, used());
  }, 5);
  try {
    await work();
  } finally {
    clearInterval(timer);
  }
  return Math.max(most, used()) - before;
}

const encoded = (encoding: string, body: () => Buffer) => (res: ServerResponse) => {
  res.writeHead(200, { "content-encoding": encoding, connection: "close" }).end(body());
};

const HUGE: [string, (res: ServerResponse) => void][] = [
  ["1 MB", (res) => void res.writeHead(200, { connection: "close" }).end(" ".repeat(MIB))],
  ["10,000 regions", (res) => void res.writeHead(200, { connection: "close" }).end(manyRegions(10_000))],
  ["192 MiB in gzip", encoded("gzip", () => gzipped)],
  ["192 MiB in gzip in gzip", encoded("gzip, gzip", () => gzippedTwice)],
  ["64 MiB in brotli", encoded("br", () => brotli)],
  ["without an end", pour],
];

function manyRegions(count: number): string {
  const regions = Array.from({ length: count }, (_, i) => ({ region: `r${i}`, url: `http://127.0.0.1:${1000 + i}` }));
  return JSON.stringify({ regions });
}

function pour(res: ServerResponse): void {
  const piece = Buffer.alloc(64 * 1024, " ");
  const endless = new Readable({ read: () => void endless.push(piece) });
  pipeline(endless, res, () => {});
}

describe("a body that is too large", () => {
  const wire = useWire();

  test.each(HUGE)("(%s) is given up early", async (_, write) => {
    const home = await wire().region("home");
    let closed: Promise<unknown> | undefined;
    serveList(home, ({ req, res }) => {
      closed = new Promise((resolve) => req.socket.once("close", resolve));
      write(res);
    });
    const client = wire().discovering(false, { home: home.url });
    const begun = performance.now();
    expect(await memoryOf(() => client.failover.ready())).toBeLessThan(MOST_MEMORY);
    expect(performance.now() - begun).toBeLessThan(1_500);
    expect(client.eventsOf("discovery_failed")).toMatchObject([{ reason: "the answer is larger than 65536 bytes" }]);
    expect(await METHODS.mutation(client.rooms, newRequestId())).toBe("home");
    await closed; // The connection is not kept open to read the rest.
  });

  test("that fits is read completely, with any compression", async () => {
    const [home, second] = [await wire().region("home"), await wire().region("second")];
    const text = JSON.stringify({ regions: [entryOf(second)], note: "x".repeat(60_000) });
    serveList(home, ({ res }) => encoded("gzip", () => gzipSync(text))(res));
    const client = wire().discovering(false, { home: home.url });
    await client.failover.ready();
    expect(client.failover.regions()).toHaveLength(2);
  });
});

describe("a body that does not end", () => {
  const wire = useWire();
  const timers = new Set<NodeJS.Timeout>();
  afterAll(() => {
    for (const timer of timers) clearInterval(timer);
  });

  const SLOW: [string, (res: ServerResponse) => void][] = [
    ["arrives byte by byte", (res) => void timers.add(setInterval(() => void res.write(" "), 20))],
    ["stops after its first half", (res) => void res.write('{"regions":[')],
    ["stops after the headers", (res) => res.flushHeaders()],
  ];

  test.each(SLOW)("(%s) is given up after 2 s, and does not delay a call", async (_, write) => {
    const [home, second] = [await wire().region("home"), await wire().region("second")];
    const list = serveList(home, ({ res }) => {
      res.writeHead(200, { "cache-control": "max-age=3600" });
      write(res);
    });
    const client = wire().discovering(false, { home: home.url, fallback: [{ id: "second", url: second.url }] });
    const begun = performance.now();
    home.always(faults.http(429));
    // A fallback is known, so the call has no reason to wait.
    expect(await METHODS.mutation(client.rooms, newRequestId())).toBe("second");
    expect(performance.now() - begun).toBeLessThan(450);
    await client.failover.ready();
    expect(performance.now() - begun).toBeGreaterThan(1_950);
    expect(performance.now() - begun).toBeLessThan(2_600);
    expect(list.requests).toHaveLength(1);
    expect(client.eventsOf("discovery_failed")).toMatchObject([{ reason: "no answer within 2000 ms" }]);
  });
});

describe("a body that breaks off", () => {
  const wire = useWire();

  test.each([
    ["in the middle of its list", '{"regions":[{"region":"second","url":"http://127'],
    ["after a complete list", '{"regions":[]}'],
  ])("%s does not count as an answer", async (_, text) => {
    const home = await wire().region("home");
    serveList(home, ({ res }) => {
      res.writeHead(200, { "content-length": "1000" });
      res.write(text, () => res.destroy());
    });
    const client = wire().discovering(false, { home: home.url });
    await client.failover.ready();
    expect(client.eventsOf("discovery_failed")).toHaveLength(1);
    expect(client.eventsOf("regions_changed")).toEqual([]);
  });
});

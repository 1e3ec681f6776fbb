/** A real server that answers with what breaks a line of the log, wherever its bytes can get in. */
import { createServer, type RequestListener, type Server } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from "node:net";
import { createFailover, type FailoverEvent, failoverTrace, httpRegions, describe as tell } from "twirp-failover";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CLIENTS } from "../support/clients.js";
import * as faults from "../support/faults.js";
import { errorOf, newRequestId, useWire } from "../support/wire.js";

const UNFIT = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

/** A forged entry, a cleared screen, a C1 introducer, a mirrored text, invisible letters, and two more kinds of line ends. */
const EVIL = "x\n2026-01-01 region eu is back\r\x1b[2J\x9b31m\u202egnp\u200b\u2028\u2029\x85\x07";

function expectLines(events: readonly FailoverEvent[]): string[] {
  const lines = events.map(tell);
  for (const line of lines) {
    expect(UNFIT.test(line), JSON.stringify(line)).toBe(false);
    expect(line.length).toBeLessThanOrEqual(2_000);
  }
  return lines;
}

describe("a server of region lists", () => {
  let server: Server;
  let home: string;
  let answer: RequestListener;
  beforeEach(async () => {
    server = createServer((req, res) => answer(req, res));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    home = `http://127.0.0.1:${(server.address() as AddressInfo).port}/twirp`;
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  async function eventsOf(body: string): Promise<FailoverEvent[]> {
    answer = (_, res) => void res.writeHead(200, { connection: "close" }).end(body);
    const failover = createFailover({ regions: httpRegions({ home }) });
    const events: FailoverEvent[] = [];
    failover.on("*", (event) => events.push(event));
    await failover.ready();
    return events;
  }

  test.each([
    ["text that is no JSON", EVIL],
    ["text that is no JSON, and long", EVIL.repeat(500)],
    ["JSON that breaks off", `{"regions":[{"region":"${EVIL}`],
  ])("that sends %s", async (_, body) => {
    const events = await eventsOf(body);
    expect(events.map(({ type }) => type)).toEqual(["discovery_failed"]);
    expectLines(events);
  });

  test.each([
    ["a name", { region: EVIL, url: "https://eu.example.com" }],
    ["a url", { region: "eu", url: EVIL }],
    ["the host of a url", { region: "eu", url: "https://evil.example\u200b.com" }],
    ["the path of a url", { region: "eu\x9b", url: "https://evil.example/\x1b[2J" }],
    ["the scheme of a url", { region: "eu", url: "javascript:\u202ealert(1)" }],
    ["both", { region: "\u202eeu\x9b", url: "\x9b\u2028" }],
  ])("that names a region with it in %s", async (_, entry) => {
    const events = await eventsOf(JSON.stringify({ regions: [entry] }));
    expect(events.map(({ type }) => type)).toEqual(["warning"]);
    expectLines(events);
    // For logs that take the message as it is.
    for (const event of events) expect(UNFIT.test((event as { message: string }).message)).toBe(false);
  });
});

describe.each(CLIENTS)("a server, $name, $format,", (kind) => {
  const wire = useWire();

  test.each([
    [
      "the code, the message and the meta of an error",
      { code: EVIL, msg: EVIL, meta: { retry_after: EVIL, [EVIL]: EVIL } },
    ],
    [
      "the message and the meta of an error",
      { code: "unavailable", msg: EVIL, meta: { retry_after: EVIL, cause: EVIL } },
    ],
    ["the message of an error, as long as it may be", { code: "unavailable", msg: EVIL.repeat(1_000), meta: {} }],
  ])("that puts it into %s", async (_, body) => {
    const { home, second, client } = await wire().pair(kind, { policy: { sameRegion: false } });
    // Latin-1, as bytes: a control sequence introducer, and a line end of other systems.
    const headers = { "retry-after": "\x9b31m \x85", connection: "close" };
    for (const region of [home, second]) region.always(faults.json(503, body, headers));
    const error = await errorOf(client.read(newRequestId()));
    const lines = expectLines(client.events);
    expect(lines.some((line) => line.includes("failed over home → second"))).toBe(true);
    expect(client.eventsOf("warning").length).toBeGreaterThan(0);
    const line = tell(failoverTrace(error));
    expect(UNFIT.test(line)).toBe(false);
    expect(line).toContain("home");
  });
});

describe("a server that speaks no HTTP", () => {
  let server: TcpServer;
  let origin: string;
  beforeEach(async () => {
    server = createTcpServer((socket) => {
      socket.on("error", () => {});
      socket.end(`HTTP/1.1 ${EVIL}`);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(() => void server.close());
  const wire = useWire();

  test.each(CLIENTS)("tells its cause in one line: $name, $format", async (kind) => {
    const client = wire().connect(kind, [{ id: "home", url: `${origin}/twirp` }], { policy: { maxAttempts: 1 } });
    const error = await errorOf(client.read(newRequestId()));
    expectLines(client.events);
    expect(tell(failoverTrace(error))).toMatch(
      /^acme\.rooms\.v1\.RoomService\/GetRoom failed in home \(unavailable: \w+, \d+ ms\); not replayed: max_attempts$/,
    );
  });
});

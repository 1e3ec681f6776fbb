/**
 * A complete answer of Twirp's own that the client cannot decode: its server is newer. The region has answered, so it is
 * well, the method ran, and another region would answer the same.
 */
import { RpcError } from "@protobuf-ts/runtime-rpc";
import { createFailover, failoverTrace, type Outcome } from "twirp-failover";
import { httpCall, TwirpHttp } from "twirp-failover/adapter";
import { TwirpError } from "twirp-ts";
import { describe, expect, test } from "vitest";
import { Room } from "../../proto/gen/rooms.js";
import type { Exchange, Fault } from "../support/region.js";
import { CALLS, CLIENTS as TWIRP_TS, twirpTsPair } from "../support/twirp-ts.js";
import { errorOf, METHODS, newRequestId, outcomesOf, QUICK, useWire } from "../support/wire.js";

type Body = string | Uint8Array;

const typeOf = ({ req }: Exchange) => ({ "content-type": req.headers["content-type"] });

/** The handler ran, and its answer is complete. */
const answers = (json: Body, binary: Body): Fault => ({
  after: (exchange) => {
    const { "content-type": type } = typeOf(exchange);
    exchange.res.writeHead(200, typeOf(exchange)).end(type === "application/json" ? json : binary);
  },
});
const inChunks = (json: Body, binary: Body): Fault => ({
  after: (exchange) => {
    const { "content-type": type } = typeOf(exchange);
    exchange.res.writeHead(200, typeOf(exchange)).flushHeaders();
    exchange.res.end(type === "application/json" ? json : binary);
  },
});
/** Its end is that of the connection, so nobody can see whether all of it came. */
const untilClosed = (json: Body, binary: Body): Fault => ({
  after: (exchange) => {
    const { "content-type": type } = typeOf(exchange);
    exchange.req.socket.write(`HTTP/1.1 200 OK\r\ncontent-type: ${type}\r\nconnection: close\r\n\r\n`);
    exchange.req.socket.end(type === "application/json" ? json : binary);
  },
});

const NEWER_JSON = '{"name":"lobby","servedBy":"home","capacity":7}';
/** A name that is not UTF-8. */
const NEWER_BINARY = new Uint8Array([0x0a, 0x02, 0xff, 0xfe]);
/** A length that is longer than what follows. */
const HALF_BINARY = new Uint8Array([0x0a, 0x7f, 0x6c, 0x6f, 0x62]);

const DECODED: Outcome = { code: "internal", origin: "client", execution: "done", httpStatus: 200 };
const LOST: Outcome = { code: "dataloss", origin: "transport", execution: "unknown", httpStatus: 200 };

describe.each([
  { format: "binary", sendJson: false, said: /UTF-8|encoded data/i },
  { format: "JSON", sendJson: true, said: "Found unknown field while reading acme.rooms.v1.Room from JSON format" },
])("an answer that protobuf-ts cannot decode, $format", ({ sendJson, said }) => {
  const wire = useWire();

  test.each([
    ["in one piece", answers(NEWER_JSON, NEWER_BINARY)],
    ["in chunks", inChunks(NEWER_JSON, NEWER_BINARY)],
  ])("%s: the decoder's error reaches the caller, and there is no replay", async (_, fault) => {
    const { home, second, client } = await wire().pair(sendJson);
    home.always(fault);
    const id = newRequestId();
    const error = await errorOf(METHODS.read(client.rooms, id));
    expect(error).toBeInstanceOf(RpcError);
    expect(error).toMatchObject({ code: "internal", message: expect.stringMatching(said) });
    expect(outcomesOf(error)).toEqual([DECODED]);
    expect(failoverTrace(error)?.refused).toBe("answered");
    expect([home.saw(id), second.saw(id)]).toEqual([
      { received: 1, executed: 1 },
      { received: 0, executed: 0 },
    ]);
  });

  test("however often, home is well for everyone else", async () => {
    const { home, client, failover } = await wire().pair(sendJson);
    home.always(answers(NEWER_JSON, NEWER_BINARY));
    for (let i = 0; i < 12; i++) await errorOf(METHODS.read(client.rooms, newRequestId()));
    expect(failover.regions()[0]).toMatchObject({ id: "home", state: "healthy", failureShare: 0 });
    home.always({});
    expect(await METHODS.mutation(client.rooms, newRequestId())).toBe("home");
  });

  test.each([
    ["whose end is that of its connection", untilClosed('{"name":"lob', HALF_BINARY)],
    ["that breaks off", { after: ({ req, res }: Exchange) => halfOf(req, res) }],
  ])("one %s may be half of an answer: a read gets its own elsewhere", async (_, fault) => {
    const { home, client } = await wire().pair(sendJson);
    home.always(fault);
    expect(await METHODS.read(client.rooms, newRequestId())).toBe("second");
    expect(client.eventsOf("attempt")[0]).toMatchObject(LOST);
  });

  if (sendJson) {
    test.each(["[]", "null", '"text"', '{"name":"lob', ""])("%j is no message at all", async (body) => {
      const { home, client } = await wire().pair(sendJson, { policy: { replay: false } });
      home.always(answers(body, ""));
      expect(outcomesOf(await errorOf(METHODS.read(client.rooms, newRequestId())))).toEqual([LOST]);
    });
  }
});

function halfOf(req: Exchange["req"], res: Exchange["res"]): void {
  res.writeHead(200, { "content-type": req.headers["content-type"], "content-length": "1000" });
  res.write(req.headers["content-type"] === "application/json" ? '{"name":"lob' : HALF_BINARY, () => res.destroy());
}

describe("an answer that a client of twirp-ts cannot decode", () => {
  const wire = useWire();

  test.each(TWIRP_TS)("is the generated client's own error, $format", async ({ Client, format }) => {
    const { home, second, client, failover } = await twirpTsPair(wire(), Client);
    home.always(answers('{"name":7}', NEWER_BINARY));
    for (let i = 0; i < 4; i++) {
      const error = await errorOf(CALLS.read(client, newRequestId()));
      expect(error, format).not.toBeInstanceOf(TwirpError);
    }
    expect([home.saw().received, second.saw().received]).toEqual([4, 0]);
    expect(failover.regions()[0]).toMatchObject({ state: "healthy", failureShare: 0 });
  });
});

describe("an answer that an adapter's read cannot decode", () => {
  const wire = useWire();

  class LibraryError extends Error {
    constructor(
      readonly code: string,
      message: string,
      cause: unknown,
    ) {
      super(message, { cause });
    }
  }

  async function callWith(fault: Fault, format: "JSON" | "binary") {
    const home = await wire().region("home");
    const second = await wire().region("second");
    home.always(fault);
    const failover = createFailover({
      regions: [home, second].map(({ id, url }) => ({ id, url })),
      policies: { "*": { ...QUICK, idempotent: true } },
    });
    const json = format === "JSON";
    const call = httpCall(new TwirpHttp({}), {
      service: "acme.rooms.v1.RoomService",
      method: "GetRoom",
      contentType: json ? "application/json" : "application/protobuf",
      body: json ? "{}" : new Uint8Array(),
      read: (bytes) => ({
        room: json ? Room.fromJsonString(new TextDecoder().decode(bytes)) : Room.fromBinary(bytes),
      }),
      toError: ({ code, message, cause }) => new LibraryError(code, message, cause),
    });
    return { call: failover.run(call), failover, second };
  }

  test.each([
    ["JSON", "in one piece", answers(NEWER_JSON, "")],
    ["JSON", "until the connection is closed: it is whole, or it were no JSON", untilClosed(NEWER_JSON, "")],
    ["binary", "in one piece", answers("", NEWER_BINARY)],
    ["binary", "in chunks", inChunks("", NEWER_BINARY)],
  ] as const)("%s, %s: the caller gets the decoder's error, and the region is well", async (format, _, fault) => {
    const { call, failover, second } = await callWith(fault, format);
    const error = await errorOf(call);
    expect(error).toBeInstanceOf(LibraryError);
    expect(error).toMatchObject({ code: "internal", cause: expect.any(Error) });
    expect((error as Error).message).toBe(`the answer cannot be decoded: ${((error as Error).cause as Error).message}`);
    expect(outcomesOf(error)).toEqual([DECODED]);
    expect(second.saw().received).toBe(0);
    expect(failover.regions()[0]).toMatchObject({ state: "healthy", failureShare: 0 });
  });

  test.each([
    ["JSON", "half of a message", answers('{"name":"lob', "")],
    ["JSON", "no message", answers("[]", "")],
    ["binary", "one whose end is that of its connection", untilClosed("", HALF_BINARY)],
  ] as const)("%s, %s: a read gets its answer elsewhere", async (format, _, fault) => {
    const { call } = await callWith(fault, format);
    expect((await call).room.servedBy).toBe("second");
  });
});

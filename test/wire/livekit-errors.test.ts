/** Errors stay as the SDK's users know them: each answer is also given to a stock client, and the errors are compared. */
import { createRequire } from "node:module";
import { ServerError, SipCallError, TwirpError } from "livekit-server-sdk";
import { failoverTrace } from "twirp-failover";
import { attachFailover } from "twirp-failover/livekit";
import { beforeEach, describe, expect, test, vi } from "vitest";
import * as faults from "../support/faults.js";
import { failoverTo, KEY, type SdkClients, SECRET, sdkClients, useLivekit } from "../support/livekit.js";
import type { Fault } from "../support/region.js";
import { errorOf } from "../support/wire.js";

const livekit = useLivekit();
const require = createRequire(import.meta.url);

// The stock client logs answers that it cannot read.
beforeEach(() => {
  const debug = vi.spyOn(console, "debug").mockImplementation(() => {});
  return () => debug.mockRestore();
});

/** Everything in an error that a user can see. */
const shown = (error: unknown) => {
  const { name, message, status, code, metadata, cause } = error as ServerError & { cause?: { code?: string } };
  return { class: (error as object).constructor, name, message, status, code, metadata, cause: cause?.code };
};

/** The errors of a stock client and of an attached client for the same answer. */
async function both(fault: Fault, call: (clients: SdkClients) => Promise<unknown>, sdk?: { requestTimeout: number }) {
  const home = await livekit().region("home");
  home.always(fault);
  const stock = sdkClients(home.origin, sdk);
  const attached = sdkClients(home.origin, sdk);
  const failover = failoverTo(home, { policies: { "*": { replay: false } } });
  for (const client of Object.values(attached)) attachFailover(client, failover);
  return { stock: await errorOf(call(stock)), attached: await errorOf(call(attached)) };
}

const listRooms = ({ rooms }: SdkClients) => rooms.listRooms();

const ANSWERS: Record<string, Fault> = {
  "an internal error": faults.json(500, { code: "internal", msg: "boom", meta: { cause: "db" } }),
  "a not_found": faults.json(404, { code: "not_found", msg: "no such room" }),
  "a code that Twirp does not know": faults.json(418, { code: "teapot", msg: "short and stout" }),
  "an error without a message": faults.json(400, { code: "malformed" }),
  "an error that is not a Twirp error": faults.json(500, { error: "boom" }),
  "an error with members of wrong types": faults.json(500, { code: 7, msg: { a: 1 }, meta: "m" }),
  "JSON that is not an object": faults.http(500, { "content-type": "application/json" }, "null"),
  "JSON with a charset": faults.http(
    503,
    { "content-type": "application/json; charset=utf-8" },
    '{"code":"unavailable"}',
  ),
  "invalid JSON": faults.http(500, { "content-type": "application/json" }, '{"code":"inter'),
  "a proxy's page": faults.html(502),
  "a proxy's 503 without a body": faults.http(503),
  "a 429": faults.http(429, { "retry-after": "1" }, "slow down"),
  "a 451": faults.pinned,
  "an unusual reason phrase": {
    instead: ({ res }) => void res.writeHead(503, "Gone Fishing", { "content-type": "text/plain" }).end("back soon"),
  },
  "an error that breaks off": {
    instead: ({ res }) => {
      res.writeHead(500, { "content-type": "text/plain", "content-length": "100" });
      res.write("half", () => res.destroy());
    },
  },
};

describe("a ServerError", () => {
  test.each(Object.entries(ANSWERS))("equals the stock client's for %s", async (_, fault) => {
    const { stock, attached } = await both(fault, listRooms);
    expect(stock).toBeInstanceOf(ServerError);
    expect(shown(attached)).toEqual(shown(stock));
    expect(attached).toBeInstanceOf(TwirpError);
    expect(failoverTrace(attached)?.attempts).toMatchObject([{ error: attached }]);
  });

  test("becomes a SipCallError, which is the last error of its trace", async () => {
    const meta = { sip_status_code: "486", sip_status: "Busy Here", region: "us" };
    const { stock, attached } = await both(
      faults.json(429, { code: "resource_exhausted", msg: "busy", meta }),
      ({ sip }) => sip.createSipParticipant("ST_1", "+15550100", "lobby"),
    );
    expect(stock).toBeInstanceOf(SipCallError);
    expect(shown(attached)).toEqual(shown(stock));
    expect((attached as SipCallError).sipStatusCode).toBe(486);
  });
});

describe("without an answer, the error is fetch's own", () => {
  test.each([
    ["a reset", faults.resets],
    ["a connection that is closed", faults.hangsUp],
    ["a good answer that breaks off", faults.truncates],
  ])("after %s", async (_, fault) => {
    const { stock, attached } = await both(fault, listRooms);
    expect(stock).toBeInstanceOf(TypeError);
    expect(shown(attached)).toEqual(shown(stock));
  });

  test("after a connection that was refused", async () => {
    const home = await livekit().region("home");
    const stock = sdkClients(home.origin);
    const attached = sdkClients(home.origin);
    attachFailover(attached.rooms, failoverTo(home, { policies: { "*": { replay: false } } }));
    await home.close();
    const errors = [await errorOf(listRooms(stock)), await errorOf(listRooms(attached))];
    expect(shown(errors[1])).toEqual(shown(errors[0]));
    expect(shown(errors[1])).toMatchObject({ name: "TypeError", message: "fetch failed", cause: "ECONNREFUSED" });
  });

  test("after a timeout, except for its message", async () => {
    const { stock, attached } = await both(faults.hangs, listRooms, { requestTimeout: 0.2 });
    const { message, ...rest } = shown(stock);
    expect(shown(attached)).toMatchObject(rest);
    expect(attached).toBeInstanceOf(DOMException);
    expect(shown(attached).message).toMatch(/^livekit\.RoomService\/ListRooms got no answer from .* within 200 ms/);
  });
});

describe("errors that differ from the SDK's because those are not helpful", () => {
  test.each([
    ["a page with status 200", faults.answersWithPage],
    ["an empty answer", faults.http(200, { "content-type": "application/json" })],
    ["half of an answer", faults.http(200, { "content-type": "application/json" }, '{"rooms":[')],
  ])("%s is a ServerError", async (_, fault) => {
    const { stock, attached } = await both(fault, listRooms);
    expect(stock).toBeInstanceOf(SyntaxError);
    expect(attached).toBeInstanceOf(ServerError);
    expect(attached).toMatchObject({ status: 200, code: "dataloss" });
  });

  test("the error for an answer that is not JSON says why", async () => {
    const { attached } = await both(faults.http(200, { "content-type": "application/json" }, "nonsense"), listRooms);
    expect((attached as Error).message).toMatch(/^the answer cannot be read: .*JSON/);
  });

  test("a token that cannot be sent is not quoted", async () => {
    const home = await livekit().region("home");
    const { rooms } = sdkClients(home.origin);
    attachFailover(rooms, failoverTo(home));
    (rooms as unknown as { authHeader: () => Promise<object> }).authHeader = async () => ({
      Authorization: "hunter2\n€",
    });
    const error = await errorOf(rooms.listRooms());
    expect(error).toBeInstanceOf(TypeError);
    expect(String(error)).not.toContain("hunter2");
    expect(home.received).toEqual([]);
  });
});

describe("a client from require()", () => {
  type Sdk = typeof import("livekit-server-sdk");
  const sdk = require("livekit-server-sdk") as Sdk;

  test("is refused without its copy of the SDK, and not changed", async () => {
    const home = await livekit().region("home");
    const rooms = new sdk.RoomServiceClient(home.origin, KEY, SECRET);
    const { rpc } = rooms as unknown as { rpc: unknown };
    expect(() => attachFailover(rooms, failoverTo(home))).toThrow(/same copy of livekit-server-sdk .*require\(/);
    expect((rooms as unknown as { rpc: unknown }).rpc).toBe(rpc);
  });

  test("gets errors of its own copy of the SDK if that is passed", async () => {
    expect(sdk.ServerError).not.toBe(ServerError);
    const home = await livekit().region("home");
    home.always(faults.json(404, { code: "not_found", msg: "no", meta: { sip_status_code: "404" } }));
    const sip = attachFailover(new sdk.SipClient(home.origin, KEY, SECRET), failoverTo(home), { sdk });
    const error = await errorOf(sip.createSipParticipant("ST_1", "+15550100", "lobby"));
    expect(error).toBeInstanceOf(sdk.SipCallError);
  });
});

/** `attachFailover`: which clients it accepts, with which Failovers, and how it sets timeouts. */
import { LiveKitAPI, RoomServiceClient } from "livekit-server-sdk";
import { createFailover, InvalidOptionError } from "twirp-failover";
import { type AttachOptions, attachFailover, livekitPolicies } from "twirp-failover/livekit";
import { describe, expect, test } from "vitest";
import * as faults from "../support/faults.js";
import { failoverTo, KEY, SECRET, sdkClients, useLivekit } from "../support/livekit.js";
import { refusedUrl } from "../support/region.js";
import { errorOf } from "../support/wire.js";

const livekit = useLivekit();

const rpcOf = (client: object) => (client as { rpc?: unknown }).rpc;

/** Clients on a Failover that only collects the timeout of each call. */
function timeoutsOf(origin: string, sdk?: { requestTimeout?: number }) {
  const timeouts: (number | Date | undefined)[] = [];
  const real = createFailover({ regions: [`${origin}/twirp`], policies: livekitPolicies });
  const clients = sdkClients(origin, sdk);
  for (const client of Object.values(clients)) {
    attachFailover(client, {
      ...real,
      run: async (call) => {
        timeouts.push(call.timeout);
        return {} as never;
      },
    });
  }
  return { clients, timeouts };
}

describe("attachFailover", () => {
  test("returns the client", async () => {
    const home = await livekit().region("home");
    const { rooms } = sdkClients(home.origin);
    expect(attachFailover(rooms, failoverTo(home))).toBe(rooms);
  });

  test("accepts a LiveKitAPI and attaches all its clients", async () => {
    const home = await livekit().region("home");
    const second = await livekit().region("second");
    home.list({ region: "second", url: second.origin });
    home.always(faults.pinned);
    const failover = failoverTo(home);
    await failover.ready();
    const api = attachFailover(new LiveKitAPI({ host: home.origin, apiKey: KEY, secret: SECRET }), failover);
    await api.room.listRooms();
    await api.egress.listEgress();
    await api.ingress.listIngress();
    await api.sip.listSipInboundTrunk();
    await api.agentDispatch.listDispatch("lobby");
    await api.connector.disconnectWhatsAppCall("1", "key");
    expect(second.executed).toHaveLength(6);
    expect(new Set(second.executed).size).toBe(6);
  });

  test("called again moves the client to the new Failover", async () => {
    const home = await livekit().region("home");
    const { rooms } = sdkClients(home.origin);
    let older = 0;
    const first = failoverTo(home);
    first.on("call", () => older++);
    let newer = 0;
    const next = failoverTo(home);
    next.on("call", () => newer++);
    attachFailover(attachFailover(rooms, first), next);
    await rooms.listRooms();
    expect([older, newer, home.received.length]).toEqual([0, 1, 1]);
  });

  test.each([
    ["nothing", undefined],
    ["null", null],
    ["a string", "rooms"],
    ["an empty object", {}],
    ["a client of something else", { rpc: { call() {} } }],
    ["a client without a timeout", { rpc: { request() {}, host: "http://127.0.0.1", pkg: "livekit" } }],
    [
      "an object that looks like a client",
      { rpc: { request() {}, host: "http://127.0.0.1", pkg: "livekit", requestTimeout: 10 } },
    ],
    [
      "an object that contains clients and something else",
      { rooms: new RoomServiceClient("http://127.0.0.1", KEY, SECRET), other: 1 },
    ],
  ])("refuses %s, and does not change it", async (_, client) => {
    const failover = createFailover({ regions: ["http://127.0.0.1/twirp"] });
    const before = client && rpcOf(client as object);
    expect(() => attachFailover(client as object, failover)).toThrow(InvalidOptionError);
    expect(() => attachFailover(client as object, failover)).toThrow(/attachFailover's client must be/);
    expect(client && rpcOf(client as object)).toBe(before);
  });

  test("refuses a client of another host, because its token would be sent to the wrong host", async () => {
    const [home, other] = [await livekit().region("home"), await livekit().region("other")];
    const { rooms } = sdkClients(other.origin);
    const before = rpcOf(rooms);
    expect(() => attachFailover(rooms, failoverTo(home))).toThrow(
      /client's host must be one of the failover's regions/,
    );
    expect(rpcOf(rooms)).toBe(before);
  });

  test("refuses a frozen client, because its rpc cannot be replaced", async () => {
    const home = await livekit().region("home");
    const rooms = Object.freeze(sdkClients(home.origin).rooms);
    expect(() => attachFailover(rooms, failoverTo(home))).toThrow(InvalidOptionError);
    expect(() => attachFailover(rooms, failoverTo(home))).toThrow(/client must be a client that is not frozen/);
  });

  test("refuses a LiveKitAPI that contains a frozen client, before the rpc of any other is replaced", async () => {
    const home = await livekit().region("home");
    const api = new LiveKitAPI({ host: home.origin, apiKey: KEY, secret: SECRET });
    const before = rpcOf(api.room);
    Object.freeze(api.connector);
    expect(() => attachFailover(api, failoverTo(home))).toThrow(/not frozen/);
    expect(rpcOf(api.room)).toBe(before);
  });

  test("says so if the Failover knows no region yet", () => {
    const real = createFailover({ regions: ["http://127.0.0.1/twirp"] });
    const { rooms } = sdkClients("http://127.0.0.1");
    expect(() => attachFailover(rooms, { ...real, regions: () => [] })).toThrow(
      /client's host must be one of the failover's regions; got "127\.0\.0\.1"; the Failover knows no region yet; await failover\.ready\(\) first$/,
    );
  });

  test("refuses a LiveKitAPI of another host too", async () => {
    const [home, other] = [await livekit().region("home"), await livekit().region("other")];
    const api = new LiveKitAPI({ host: home.origin, apiKey: KEY, secret: SECRET });
    const before = rpcOf(api.room);
    Object.assign(api, { _connector: sdkClients(other.origin).connector });
    expect(() => attachFailover(api, failoverTo(home))).toThrow(InvalidOptionError);
    expect(rpcOf(api.room)).toBe(before);
  });

  test("accepts a client with a ws URL or a trailing slash", async () => {
    const home = await livekit().region("home");
    for (const url of [home.origin.replace("http", "ws"), `${home.origin}/`]) {
      await attachFailover(new RoomServiceClient(url, KEY, SECRET), failoverTo(home)).listRooms();
    }
    expect(home.received).toHaveLength(2);
  });

  test.each([
    [{ proofOfSendin: false }, /unknown option "proofOfSendin" in attachFailover\(\) \(did you mean "proofOfSending"/],
    [{ proofOfSending: 1 }, /proofOfSending must be true or false/],
    [{ fetch: "fetch" }, /fetch must be a function/],
    [{ sdk: null }, /attachFailover's sdk must be livekit-server-sdk 2\.17 or later/],
    [{ sdk: { RoomServiceClient } }, /attachFailover's sdk must be livekit-server-sdk 2\.17 or later/],
  ])("refuses the options %j", async (options, message) => {
    const home = await livekit().region("home");
    const { rooms } = sdkClients(home.origin);
    expect(() => attachFailover(rooms, failoverTo(home), options as AttachOptions)).toThrow(message);
  });

  test("refuses a value that is not a Failover", () => {
    const { rooms } = sdkClients("http://127.0.0.1");
    expect(() => attachFailover(rooms, {} as never)).toThrow(/attachFailover's failover must be/);
  });

  test("sends the requests with the given fetch", async () => {
    const home = await livekit().region("home");
    const { rooms } = sdkClients(home.origin);
    const urls: unknown[] = [];
    attachFailover(rooms, failoverTo(home), {
      fetch: (url, init) => {
        urls.push(url);
        return fetch(url, init);
      },
    });
    await rooms.listRooms();
    expect(urls).toEqual([`${home.origin}/twirp/livekit.RoomService/ListRooms`]);
  });
});

describe("the timeout of a call", () => {
  const dial = (opts?: object) => ["ST_1", "+15550100", "lobby", opts] as const;

  test("is the policy's if the SDK sets none", async () => {
    const { clients, timeouts } = timeoutsOf("http://127.0.0.1");
    await clients.rooms.listRooms();
    await clients.sip.createSipParticipant(...dial());
    expect(timeouts).toEqual([undefined, undefined]);
  });

  test("is the timeout that the SDK's method asks for, so that it outlasts the ringing", async () => {
    const { clients, timeouts } = timeoutsOf("http://127.0.0.1", { requestTimeout: 3 });
    await clients.sip.createSipParticipant(...dial({ waitUntilAnswered: true }));
    await clients.sip.createSipParticipant(...dial({ waitUntilAnswered: true, ringingTimeout: 80 }));
    await clients.sip.createSipParticipant(...dial({ timeout: 7 }));
    await clients.sip.transferSipParticipant("lobby", "caller", "tel:+15550100", {});
    expect(timeouts).toEqual([32_000, 82_000, 7_000, 32_000]);
  });

  const WHATSAPP = {
    whatsappPhoneNumberId: "1",
    whatsappToPhoneNumber: "+15550100",
    whatsappApiKey: "key",
    whatsappCloudApiVersion: "23.0",
    whatsappCallId: "1",
    sdp: undefined as never,
  };

  test.each([
    // If the SDK asks for nothing, the policy's 32 s suffice for a short ringing, and the user's timeout may be longer.
    [{}, undefined, undefined],
    [{ ringingTimeout: 30 }, undefined, undefined],
    [{ ringingTimeout: 60 }, undefined, 62_000],
    [{ ringingTimeout: 60 }, 3, 62_000],
    [{ ringingTimeout: 10 }, 3, 12_000],
    [{ ringingTimeout: 60 }, 90, 90_000],
    [{ ringingTimeout: 60 }, 0, Number.POSITIVE_INFINITY],
    [{}, 3, 3_000],
  ])("of dialWhatsAppCall with %j and a requestTimeout of %j is %j", async (options, requestTimeout, expected) => {
    const { clients, timeouts } = timeoutsOf(
      "http://127.0.0.1",
      requestTimeout === undefined ? {} : { requestTimeout },
    );
    await clients.connector.dialWhatsAppCall({ ...WHATSAPP, ...options });
    expect(timeouts).toEqual([expected]);
  });

  test.each([
    [{ waitUntilAnswered: true }, 32_000],
    [{ waitUntilAnswered: true, timeout: 5 }, 32_000],
    [{ waitUntilAnswered: true, timeout: 40 }, 40_000],
    [{ timeout: 5 }, 5_000],
    [{}, undefined],
  ])("of acceptWhatsAppCall with %j is %j", async (options, expected) => {
    const { clients, timeouts } = timeoutsOf("http://127.0.0.1");
    await clients.connector.acceptWhatsAppCall({ ...WHATSAPP, ...options });
    expect(timeouts).toEqual([expected]);
  });

  test("is not longer if the answer does not wait for the ringing", async () => {
    const { clients, timeouts } = timeoutsOf("http://127.0.0.1");
    await clients.sip.createSipParticipant(...dial({ ringingTimeout: 60 }));
    await clients.sip.createSipParticipant(...dial({ ringingTimeout: 60, timeout: 7 }));
    expect(timeouts).toEqual([undefined, 7_000]);
  });

  test("is the client's requestTimeout unless that is the SDK's default", async () => {
    for (const [requestTimeout, expected] of [
      [3, 3_000],
      [10, undefined],
      [60, 60_000],
      [0, Number.POSITIVE_INFINITY],
    ] as const) {
      const { clients, timeouts } = timeoutsOf("http://127.0.0.1", { requestTimeout });
      await clients.sip.createSipParticipant(...dial());
      expect(timeouts).toEqual([expected]);
    }
  });

  test("ends the call", async () => {
    const { home, second, clients } = await livekit().bed({}, { requestTimeout: 0.2 });
    home.always(faults.hangs);
    const startedAt = performance.now();
    const error = await errorOf(clients.sip.createSipParticipant(...dial()));
    expect(error).toMatchObject({ name: "TimeoutError" });
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    expect(second.received).toEqual([]);
  });

  test("of 0 means no timeout: the call waits for the answer", async () => {
    const { home, clients } = await livekit().bed({ policies: { "*": { timeoutMs: 50 } } }, { requestTimeout: 0 });
    home.always(faults.answersAfter(200));
    await clients.rooms.listRooms();
    expect(home.executed).toHaveLength(1);
  });

  test("is long enough for a phone to ring even if the policy for all methods is shorter", async () => {
    const { home, clients } = await livekit().bed({ policies: { "*": { timeoutMs: 50 } } });
    home.always(faults.answersAfter(300));
    await errorOf(clients.egress.startWebEgress("https://example.com", {})); // Its timeout is 50 ms.
    await clients.sip.createSipParticipant(...dial()); // LiveKit's table gives it 32 s.
    await clients.sip.createSipParticipant(...dial({ waitUntilAnswered: true }));
    expect(home.executed).toContain("livekit.SIP/CreateSIPParticipant");
  });

  test("is not halved while a phone rings, although the call may be replayed", async () => {
    const sip = { "livekit.SIP/CreateSIPParticipant": { timeoutMs: 2_000 } };
    const { home, second, clients } = await livekit().bed({ requestIdIsKey: true, policies: sip });
    home.always(faults.answersAfter(1_100));
    await clients.sip.createSipParticipant(...dial());
    expect([home.executed.length, second.received.length]).toEqual([1, 0]);
  });

  test("is halved per attempt for idempotent methods, so that a region that hangs leaves time for another", async () => {
    const { home, second, clients } = await livekit().bed({}, { requestTimeout: 2 });
    await clients.rooms.listRooms(); // It is known to be quick.
    home.always(faults.hangs);
    await clients.rooms.listRooms();
    expect(second.executed).toHaveLength(1);
  });
});

describe("all regions down", () => {
  test("rejects with fetch's error after each was tried", async () => {
    const urls = [await refusedUrl(), await refusedUrl()];
    const failover = createFailover({ regions: urls, policies: livekitPolicies });
    const rooms = attachFailover(new RoomServiceClient(new URL(urls[0] as string).origin, KEY, SECRET), failover);
    expect(await errorOf(rooms.createRoom({ name: "lobby" }))).toMatchObject({
      name: "TypeError",
      message: "fetch failed",
    });
  });

  test('and ejected, rejects without an attempt with whenAllEjected: "fail", and the error says why', async () => {
    const { home, second, clients } = await livekit().bed({
      health: { whenAllEjected: "fail", consecutiveFailures: 1, minimumCalls: 1 },
    });
    await home.close();
    await second.close();
    await errorOf(clients.rooms.listRooms());
    const error = await errorOf(clients.rooms.listRooms());
    expect(error).toBeInstanceOf(TypeError);
    expect((error as Error).message).toContain("every region is ejected");
  });
});

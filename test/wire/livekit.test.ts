/** The SDK's clients on a Failover: where their calls go and how often they run, according to the servers' records. */
import { failoverTrace } from "twirp-failover";
import { describe, expect, test } from "vitest";
import * as faults from "../support/faults.js";
import { CALLS, type SdkClients, useLivekit } from "../support/livekit.js";
import { errorOf } from "../support/wire.js";

const livekit = useLivekit();

const internal = faults.json(500, { code: "internal", msg: "the handler says internal" });

/** The only request that the region got. */
const only = <T>(items: readonly T[]): T => {
  expect(items).toHaveLength(1);
  return items[0] as T;
};

describe.each(CALLS)("$method", ({ method, twice, call }) => {
  const name = `livekit.${method}`;

  test("goes home in the same form as from the SDK", async () => {
    const { home, second, clients } = await livekit().bed();
    await call(clients);
    expect(home.executed).toEqual([name]);
    expect(second.received).toEqual([]);
    const { headers } = only(home.received);
    expect(headers["content-type"]).toBe("application/json");
    expect(headers.authorization).toMatch(/^Bearer ey\w+\./);
  });

  test("goes to another region when home refuses connections", async () => {
    const { home, second, clients, events } = await livekit().bed();
    await home.close();
    await call(clients);
    expect(second.executed).toEqual([name]);
    expect(events.filter(({ type }) => type === "failover")).toMatchObject([{ from: "home", execution: "none" }]);
  });

  test.each([
    ["an internal error after it ran", faults.ran(internal)],
    ["a proxy's 502", faults.ran(faults.html(502))],
    ["a reset", faults.ran(faults.resets)],
    ["an answer that breaks off", faults.truncates],
  ])(`${twice ? "is sent again" : "is not sent again"} after %s`, async (_, fault) => {
    const { home, second, clients } = await livekit().bed();
    home.always(fault);
    if (twice) {
      await call(clients);
      expect([...home.executed, ...second.executed]).toEqual([name, name]);
    } else {
      const error = await errorOf(call(clients));
      expect(failoverTrace(error)?.refused).toBe("not_idempotent");
      expect([...home.executed, ...second.executed]).toEqual([name]);
      expect(second.received).toEqual([]);
    }
  });

  test("goes to another region after a 451, with the same token and the same request id", async () => {
    const { home, second, clients } = await livekit().bed();
    home.always(faults.pinned);
    await call(clients);
    expect(home.executed).toEqual([]);
    expect(second.executed).toEqual([name]);
    const [first, next] = [only(home.received), only(second.received)];
    expect(next.body).toEqual(first.body);
    expect(next.headers.authorization).toBe(first.headers.authorization);
    expect(next.headers["x-livekit-request-id"]).toBe(first.headers["x-livekit-request-id"]);
    expect(first.headers["x-livekit-request-id"]).toMatch(/^[0-9a-f]{32}$/);
  });
});

describe("the request id", () => {
  test("is new for each call", async () => {
    const { home, clients } = await livekit().bed();
    await clients.rooms.listRooms();
    await clients.rooms.listRooms();
    const ids = home.received.map(({ headers }) => headers["x-livekit-request-id"]);
    expect(new Set(ids).size).toBe(2);
  });

  test.each(CALLS)("makes $method replayable with requestIdIsKey", async ({ method, call }) => {
    const { home, second, clients } = await livekit().bed({ requestIdIsKey: true });
    home.always(faults.ran(internal));
    await call(clients);
    expect(second.executed).toEqual([`livekit.${method}`]);
    const [first, next] = [only(home.received), only(second.received)];
    expect(next.headers["x-livekit-request-id"]).toBe(first.headers["x-livekit-request-id"]);
    expect(first.headers["x-livekit-request-id"]).toMatch(/^[0-9a-f]{32}$/);
  });
});

describe("Retry-After", () => {
  test("keeps other calls away from the region, and does not delay this call's failover", async () => {
    const { home, second, clients, failover } = await livekit().bed();
    home.always(faults.http(503, { "retry-after": "20" }));
    await clients.rooms.listRooms();
    await clients.rooms.listRooms();
    expect(home.received).toHaveLength(1);
    expect(second.received).toHaveLength(2);
    expect(failover.regions()[0]).toMatchObject({ state: "ejected" });
  });
});

describe("createRoom", () => {
  test.each([
    ["a name", {}],
    ["a preset, which may bring a recording and agents", { roomPreset: "recorded" }],
    ["a recording", { egress: {} }],
    ["agents", { agents: [{ agentName: "a" }] }],
  ])("with %s is not sent again after it may have run", async (_, extra) => {
    const { home, second, clients } = await livekit().bed();
    home.always(faults.ran(internal));
    const error = await errorOf(clients.rooms.createRoom({ name: "lobby", ...extra } as never));
    expect(failoverTrace(error)?.refused).toBe("not_idempotent");
    expect([home.executed.length, second.received.length]).toEqual([1, 0]);
  });

  test("goes to another region when home refuses connections", async () => {
    const { home, second, clients } = await livekit().bed();
    await home.close();
    await clients.rooms.createRoom({ name: "lobby" });
    expect(second.executed).toEqual(["livekit.RoomService/CreateRoom"]);
  });

  test("is sent again if the user's policy says that it may run twice", async () => {
    const policies = { "livekit.RoomService/CreateRoom": { idempotent: true } };
    const { home, second, clients } = await livekit().bed({ policies });
    home.always(faults.ran(internal));
    await clients.rooms.createRoom({ name: "lobby" });
    expect([home.executed.length, second.executed.length]).toEqual([1, 1]);
  });
});

describe("a region that accepts dialling calls and hangs", () => {
  const ends = async (clients: SdkClients) => {
    for (let i = 0; i < 3; i++) await errorOf(clients.sip.createSipParticipant("ST_1", "+15550100", "lobby"));
  };

  test("is not ejected when the calls reach their deadlines", async () => {
    const { home, second, clients, failover } = await livekit().bed({}, { requestTimeout: 0.1 });
    home.always(faults.hangs);
    await ends(clients);
    expect(failover.regions()[0]).toMatchObject({ state: "healthy" });
    expect(second.received).toEqual([]);
  });

  test("is ejected if an attempt has less time than the call", async () => {
    const policies = { "livekit.SIP/CreateSIPParticipant": { perAttemptTimeoutMs: 100 } };
    const { home, second, clients, failover } = await livekit().bed({ policies });
    home.always(faults.hangs);
    await ends(clients);
    expect(failover.regions()[0]).toMatchObject({ state: "ejected" });
    expect(second.received).toEqual([]);
    await clients.sip.createSipParticipant("ST_1", "+15550100", "lobby");
    expect(second.executed).toEqual(["livekit.SIP/CreateSIPParticipant"]);
  });
});

describe("a phone that is busy", () => {
  const busy = (code: string, status: number) =>
    faults.ran(
      faults.json(status, { code, msg: "sip status 486", meta: { sip_status_code: "486", sip_status: "Busy" } }),
    );

  test.each([
    ["unavailable", 503],
    ["resource_exhausted", 429],
  ])("does not count against the region, as %s", async (code, status) => {
    const { home, second, clients, failover } = await livekit().bed();
    home.always(busy(code, status));
    for (let i = 0; i < 20; i++) await errorOf(clients.sip.createSipParticipant("ST_1", "+15550100", "lobby"));
    expect(failover.regions()[0]).toMatchObject({ state: "healthy", failureShare: 0 });
    expect([home.executed.length, second.received.length]).toEqual([20, 0]);
  });

  test("is not dialled again, although the request id is a key", async () => {
    const { home, second, clients } = await livekit().bed({ requestIdIsKey: true });
    home.always(busy("unavailable", 503));
    await errorOf(clients.sip.createSipParticipant("ST_1", "+15550100", "lobby"));
    expect([home.executed.length, second.received.length]).toEqual([1, 0]);
  });
});

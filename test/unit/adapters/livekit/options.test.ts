import { describe, expect, test } from "vitest";
import { type LivekitFailoverOptions, livekitFailover } from "../../../../src/adapters/livekit/index.js";
import type { AttemptRequest } from "../../../../src/call/rpc-call.js";
import type { Failover } from "../../../../src/failover.js";
import type { MethodPolicy } from "../../../../src/policy/policy.js";
import { refusalOf } from "../../helpers/refusal.js";
import { drive, useSimulatedTime } from "../../helpers/simulation.js";

useSimulatedTime();

const SECRET = "hunter2";
const url = "wss://my.livekit.cloud";
const token = "ey.a.b";

const messageFor = (options: object): string =>
  refusalOf(() => livekitFailover({ url, token, ...options } as LivekitFailoverOptions)).message;

describe("livekitFailover's url", () => {
  test.each([
    ["wss://my.livekit.cloud", "https://my.livekit.cloud/twirp"],
    ["WSS://my.livekit.cloud/", "https://my.livekit.cloud/twirp"],
    ["ws://localhost:7880", "http://localhost:7880/twirp"],
    ["https://livekit.example.com", "https://livekit.example.com/twirp"],
    ["http://127.0.0.1:7880", "http://127.0.0.1:7880/twirp"],
  ])("%s gives the home %s", (given, home) => {
    expect(livekitFailover({ url: given, token }).regions()).toMatchObject([{ url: home, home: true }]);
  });

  test.each([
    undefined,
    7,
    "",
    "my.livekit.cloud",
    "localhost:7880",
    "ftp://my.livekit.cloud",
    "wss://my.livekit.cloud/rtc",
    "wss://my.livekit.cloud/?x=1",
    "wss://my.livekit.cloud#x",
  ])("%j is refused", (given) => {
    expect(messageFor({ url: given })).toMatch(
      /^twirp-failover: livekitFailover\.url must be the ws\(s\) or http\(s\) URL of a server.*; got /,
    );
  });

  test.each([`wss://me:${SECRET}@my.livekit.cloud`, `wss://my.livekit.cloud/?access_token=${SECRET}`])(
    "is not printed if it may contain a secret: %s",
    (given) => {
      expect(messageFor({ url: given })).not.toContain(SECRET);
    },
  );
});

describe("livekitFailover's token and headers", () => {
  test("exclude each other, and one of them is required", () => {
    expect(messageFor({ token: undefined })).toMatch(
      /livekitFailover\(\) takes either token or headers; neither was given$/,
    );
    expect(messageFor({ headers: {} })).toMatch(/livekitFailover\(\) takes either token or headers; both were given$/);
  });

  test.each(["", `Bearer ${SECRET}`, `${SECRET}\n`, 7, null, {}])("a token %j is refused and not printed", (given) => {
    const message = messageFor({ token: given });
    expect(message).toMatch(/livekitFailover\.token must be a JWT/);
    expect(message).not.toContain(SECRET);
  });

  test.each([{ authorization: `${SECRET}\n€` }, "authorization", 7, null])(
    "headers %j are refused and not printed",
    (given) => {
      const message = messageFor({ token: undefined, headers: given });
      expect(message).toMatch(/livekitFailover\.headers must be an object of valid HTTP headers/);
      expect(message).not.toContain(SECRET);
    },
  );
});

describe("livekitFailover's other options", () => {
  test("are refused if their name is unknown", () => {
    expect(messageFor({ allowedHost: [] })).toMatch(
      /unknown option "allowedHost" in livekitFailover\(\) \(did you mean "allowedHosts"/,
    );
    expect(messageFor({ regions: ["https://eu.example.com"] })).toMatch(
      /unknown option "regions" in livekitFailover\(\)/,
    );
  });

  test.each([
    [{ requestIdIsKey: "yes" }, /livekitFailover\.requestIdIsKey must be true or false/],
    [{ allowedHosts: ["https://x"] }, /allowedHosts\[0\] must be a host name/],
    [{ order: "nearest" }, /order must be/],
    [{ health: { consecutiveFailure: 1 } }, /did you mean "consecutiveFailures"/],
    [{ policies: [] }, /policies must be an object/],
    [{ policies: { "livekit.SIP": {} } }, /policies\["livekit.SIP"\] has a key that names no method/],
    [
      { policies: { "livekit.SIP/CreateSIPParticipant": { timeout: 1 } } },
      /CreateSIPParticipant.*did you mean "timeoutMs"/,
    ],
    [
      { policies: { "livekit.SIP/CreateSIPParticipant": true } },
      /policies\["livekit\.SIP\/CreateSIPParticipant"\] must be an object/,
    ],
  ])("%j are refused", (options, message) => {
    expect(messageFor(options)).toMatch(message);
  });

  test("count as left out if they are undefined", () => {
    const undefineds = { headers: undefined, allowedHosts: undefined, policies: undefined, order: undefined };
    expect(() => livekitFailover({ url, token, ...undefineds } as never)).not.toThrow();
  });
});

/** Counts the attempts of a method when every attempt fails, and collects their headers. */
async function tries(failover: Failover, service: string, method: string) {
  const attempts: AttemptRequest[] = [];
  const call = failover.run({
    service,
    method,
    send: async (attempt) => {
      attempts.push(attempt);
      throw new Error("lost");
    },
    inspect: () => ({ kind: "none" }),
    createError: (_, message) => new Error(message),
  });
  await drive(call);
  return { count: attempts.length, headers: attempts[0]?.headers };
}

describe("livekitFailover's policies", () => {
  const quick: MethodPolicy = { initialBackoffMs: 1, maxBackoffMs: 1 };
  // No request is made for a list, because the list counts as known.
  const failoverWith = (options: Partial<LivekitFailoverOptions> = {}) => {
    const real = globalThis.fetch;
    globalThis.fetch = async () => new Response("{}", { status: 404 });
    const failover = livekitFailover({ url, token, ...options, policies: { "*": quick, ...options.policies } });
    const restore = () => {
      globalThis.fetch = real;
    };
    return { failover, restore };
  };
  const countOf = async (service: string, method: string, options: Partial<LivekitFailoverOptions> = {}) => {
    const { failover, restore } = failoverWith(options);
    try {
      await failover.ready();
      return (await tries(failover, service, method)).count;
    } finally {
      restore();
    }
  };

  test("are LiveKit's", async () => {
    expect(await countOf("livekit.RoomService", "ListRooms")).toBe(3);
    expect(await countOf("livekit.SIP", "CreateSIPParticipant")).toBe(1);
    expect(await countOf("livekit.Novelty", "DoSomething")).toBe(1);
  });

  test("are overridden by the user's, option by option", async () => {
    const policies = {
      "livekit.RoomService/ListRooms": { maxAttempts: 2 },
      "livekit.RoomService/SendData": { idempotent: true },
    };
    expect(await countOf("livekit.RoomService", "ListRooms", { policies })).toBe(2);
    expect(await countOf("livekit.RoomService", "SendData", { policies })).toBe(3);
  });

  test("are kept if the user's option is undefined", async () => {
    const policies = {
      "livekit.RoomService/ListRooms": { idempotent: undefined },
      "livekit.SIP/ListSIPTrunk": undefined,
    };
    expect(await countOf("livekit.RoomService", "ListRooms", { policies } as never)).toBe(3);
    expect(await countOf("livekit.SIP", "ListSIPTrunk", { policies } as never)).toBe(3);
  });

  test("with requestIdIsKey allow replays of every method except those that the user excludes", async () => {
    const policies = { "livekit.SIP/CreateSIPParticipant": { idempotencyKey: false } };
    const options = { requestIdIsKey: true, policies };
    expect(await countOf("livekit.Egress", "StartWebEgress", options)).toBe(3);
    expect(await countOf("livekit.SIP", "CreateSIPParticipant", options)).toBe(1);
  });

  test("with requestIdIsKey send the id with any kind of client", async () => {
    const { failover, restore } = failoverWith({ requestIdIsKey: true });
    try {
      const { headers } = await tries(failover, "livekit.Egress", "StartWebEgress");
      expect(headers).toEqual({ "X-Livekit-Request-Id": expect.stringMatching(/^[0-9a-f]{32}$/) });
    } finally {
      restore();
    }
  });
});

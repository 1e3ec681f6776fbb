/** Options of twirp-ts clients: for all calls, for a group of calls and for one call. */
import { createFailover, type Failover, failoverTrace, InvalidOptionError } from "twirp-failover";
import { type CallOptions, type FailoverRpcOptions, failoverRpc } from "twirp-failover/twirp-ts";
import { TwirpError, TwirpErrorCode } from "twirp-ts";
import { describe, expect, test } from "vitest";
import * as faults from "../support/faults.js";
import { CALLS, CLIENTS, twirpTsPair } from "../support/twirp-ts.js";
import { errorOf, newRequestId, outcomesOf, useWire } from "../support/wire.js";

const tokens = () => {
  let made = 0;
  return () => ({ authorization: `token-${++made}` });
};

describe.each(CLIENTS)("headers, twirp-ts, $format", ({ Client, contentType }) => {
  const wire = useWire();

  test("from an object are sent with every attempt, and the content type is the client's", async () => {
    const headers = { "X-App": "a", "Content-Type": "text/plain", accept: "text/plain" };
    const { home, second, client } = await twirpTsPair(wire(), Client, { headers });
    home.always(faults.html(503));
    expect(await CALLS.read(client, newRequestId())).toBe("second");
    const sent = [...home.received, ...second.received].map(({ headers }) => headers);
    expect(sent).toMatchObject(Array(2).fill({ "x-app": "a", "content-type": contentType, accept: contentType }));
  });

  test("may come from a Headers object or a function", async () => {
    for (const headers of [new Headers({ "X-App": "a" }), () => new Headers({ "X-App": "a" })]) {
      const { home, client } = await twirpTsPair(wire(), Client, { headers: headers as never });
      await CALLS.read(client, newRequestId());
      expect(home.received[0]?.headers).toMatchObject({ "x-app": "a" });
    }
  });

  test("may be left out", async () => {
    const { client } = await twirpTsPair(wire(), Client, { headers: () => undefined as never });
    expect(await CALLS.mutation(client, newRequestId())).toBe("home");
  });

  test("that are not ready in time are the client's failure: nothing was sent, and no region is ejected", async () => {
    const { home, second, client, failover } = await twirpTsPair(wire(), Client, {
      headers: () => new Promise<never>(() => {}),
      policy: { perAttemptTimeoutMs: 20 },
    });
    for (const call of Array(5).fill(CALLS.read)) {
      const error = await errorOf(call(client, newRequestId()));
      expect(error).toMatchObject({ code: "deadline_exceeded", msg: expect.stringContaining("could not be sent") });
      expect(outcomesOf(error)).toMatchObject([{ origin: "client", execution: "none" }]);
    }
    expect(failover.regions().map(({ state }) => state)).toEqual(["healthy", "healthy"]);
    expect([home.saw().received, second.saw().received]).toEqual([0, 0]);
  });

  test.each([
    ["function", tokens],
    [
      "slow function",
      () => {
        const token = tokens();
        return async () => {
          await new Promise(setImmediate);
          return token();
        };
      },
    ],
  ])("from a %s are made for each attempt", async (_, make) => {
    const { home, second, client } = await twirpTsPair(wire(), Client, { headers: make() });
    home.always(faults.html(503));
    expect(await CALLS.read(client, newRequestId())).toBe("second");
    expect(home.received.map(({ headers }) => headers.authorization)).toEqual(["token-1"]);
    expect(second.received.map(({ headers }) => headers.authorization)).toEqual(["token-2"]);
  });

  const broken = new Error("the vault is closed");
  test.each([
    [
      "throws",
      () => {
        throw broken;
      },
    ],
    ["rejects", () => Promise.reject(broken)],
  ])("from a function that %s are not sent, and the caller gets its error", async (_, headers) => {
    const { home, second, client } = await twirpTsPair(wire(), Client, { headers });
    const error = await errorOf(CALLS.read(client, newRequestId()));
    expect(error).toBe(broken);
    expect(outcomesOf(error)).toEqual([{ code: "internal", origin: "client", execution: "none" }]);
    expect(failoverTrace(error)?.refused).toBe("unsendable");
    expect([home.saw().received, second.saw().received]).toEqual([0, 0]);
  });

  test("from a function are not printed if they are invalid", async () => {
    const { home, client } = await twirpTsPair(wire(), Client, {
      headers: () => ({ authorization: "secret\n" + "x" }),
    });
    const error = await errorOf(CALLS.read(client, newRequestId()));
    expect(error).toBeInstanceOf(TwirpError);
    expect(error).toMatchObject({
      code: TwirpErrorCode.Internal,
      msg: "the call's headers are not valid HTTP headers",
    });
    expect(outcomesOf(error)).toMatchObject([{ origin: "client" }]);
    expect(home.saw().received).toBe(0);
  });

  test("from a function that returns after the call has ended are not sent", async () => {
    let release = () => {};
    const held = new Promise<Record<string, string>>((resolve) => {
      release = () => resolve({});
    });
    let sent = 0;
    const fetch: typeof globalThis.fetch = (input, init) => {
      sent++;
      return globalThis.fetch(input, { ...init, signal: null });
    };
    const { rpc, home } = await twirpTsPair(wire(), Client, { headers: () => held, fetch });
    const call = CALLS.read(new Client(rpc.with({ timeoutMs: 30 })), newRequestId());
    expect(await errorOf(call)).toMatchObject({ code: TwirpErrorCode.DeadlineExceeded });
    release();
    await new Promise(setImmediate);
    expect([sent, home.saw().received]).toEqual([0, 0]);
  });

  test("the idempotency key is the same in every attempt, and the caller's own is kept", async () => {
    const { home, second, rpc, client } = await twirpTsPair(wire(), Client, {
      policies: { "acme.rooms.v1.RoomService/DialParticipant": { idempotencyKey: true } },
    });
    home.always(faults.ran(faults.resets));
    expect(await CALLS.mutation(client, newRequestId())).toBe("second");
    const keyed = new Client(rpc.with({ headers: { "Idempotency-Key": "mine" } }));
    expect(await CALLS.mutation(keyed, newRequestId())).toBe("second");
    const keys = [home, second].map(({ received }) => received.map(({ headers }) => headers["idempotency-key"]));
    expect(keys[0]).toEqual(keys[1]);
    expect(keys[0]).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/), "mine"]);
  });
});

describe.each(CLIENTS)("with, twirp-ts, $format", ({ Client }) => {
  const wire = useWire();

  test("a signal ends the call at once, and nothing is left open", async () => {
    const { home, second, rpc } = await twirpTsPair(wire(), Client);
    home.always(faults.hangs);
    const controller = new AbortController();
    const signal = wire().leaks.watch(controller.signal);
    const call = CALLS.read(new Client(rpc.with({ signal })), newRequestId());
    await home.arrived(1);
    const reason = new Error("the user left");
    controller.abort(reason);
    const error = await errorOf(call);
    expect(error).toBeInstanceOf(TwirpError);
    expect(error).toMatchObject({ code: TwirpErrorCode.Canceled });
    expect((error as TwirpError).cause()).toBe(reason);
    expect(second.saw().received).toBe(0);
  });

  test("a signal that has already aborted prevents sending", async () => {
    const { home, rpc } = await twirpTsPair(wire(), Client);
    const error = await errorOf(CALLS.read(new Client(rpc.with({ signal: AbortSignal.abort() })), newRequestId()));
    expect(error).toMatchObject({ code: TwirpErrorCode.Canceled });
    expect(home.saw().received).toBe(0);
  });

  test("timeoutMs limits the whole call, and overrides the policy's", async () => {
    const { home, second, rpc } = await twirpTsPair(wire(), Client);
    for (const region of [home, second]) region.always(faults.hangs);
    const startedAt = performance.now();
    const error = await errorOf(CALLS.read(new Client(rpc.with({ timeoutMs: 150 })), newRequestId()));
    expect(error).toMatchObject({ code: TwirpErrorCode.DeadlineExceeded });
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });

  test.each([0, -5])("a deadline that is over (%d ms) fails the call without sending it", async (timeoutMs) => {
    const { home, rpc } = await twirpTsPair(wire(), Client);
    const error = await errorOf(CALLS.read(new Client(rpc.with({ timeoutMs })), newRequestId()));
    expect(error).toMatchObject({ code: TwirpErrorCode.DeadlineExceeded });
    expect(home.saw().received).toBe(0);
  });

  test("headers are added to the earlier ones by name, and the last one wins", async () => {
    const { home, client, rpc } = await twirpTsPair(wire(), Client, { headers: { "X-A": "1", "x-b": "1" } });
    const one = rpc.with({ headers: { "x-a": "2", "X-C": "2" } });
    const two = one.with({ headers: async () => ({ "x-c": "3" }) });
    for (const each of [two, one, rpc]) await CALLS.read(new Client(each), newRequestId());
    await CALLS.read(client, newRequestId());
    const sent = home.received.map(({ headers }) => ["x-a", "x-b", "x-c"].map((name) => headers[name]));
    expect(sent).toEqual([
      ["2", "1", "3"],
      ["2", "1", "2"],
      ["1", "1", undefined],
      ["1", "1", undefined],
    ]);
  });

  test("failover: false makes one attempt, and does not change the rpc itself", async () => {
    const { home, rpc, client } = await twirpTsPair(wire(), Client);
    home.always(faults.html(503));
    const error = await errorOf(CALLS.read(new Client(rpc.with({ failover: false })), newRequestId()));
    expect(failoverTrace(error)?.refused).toBe("disabled");
    expect(await CALLS.read(client, newRequestId())).toBe("second");
  });

  test("a policy overrides the method's, and is merged with the policy of a later with", async () => {
    const { home, second, rpc } = await twirpTsPair(wire(), Client);
    home.always(faults.ran(faults.html(503)));
    const once = rpc.with({ failover: { idempotent: true } });
    expect(await CALLS.mutation(new Client(once), newRequestId())).toBe("second");
    expect(await CALLS.mutation(new Client(once.with({ timeoutMs: 9_000 })), newRequestId())).toBe("second");
    expect(await CALLS.mutation(new Client(once.with({ failover: { maxAttempts: 2 } })), newRequestId())).toBe(
      "second",
    );
    await errorOf(CALLS.mutation(new Client(once.with({ failover: false })), newRequestId()));
    expect(second.saw().received).toBe(3);
    // Replays that were turned off stay off until they are turned on.
    const off = rpc.with({ failover: false }).with({ failover: { idempotent: true } });
    expect(failoverTrace(await errorOf(CALLS.mutation(new Client(off), newRequestId())))?.refused).toBe("disabled");
    const on = off.with({ failover: { replay: true } });
    expect(await CALLS.mutation(new Client(on), newRequestId())).toBe("second");
  });

  test("a policy keeps its timeouts if failover is turned off later", async () => {
    const { home, rpc } = await twirpTsPair(wire(), Client);
    home.always(faults.hangs);
    const client = new Client(rpc.with({ failover: { timeoutMs: 200 } }).with({ failover: false }));
    expect(await errorOf(CALLS.read(client, newRequestId()))).toMatchObject({ code: "deadline_exceeded" });
  });

  test("undefined options change nothing", async () => {
    const { home, rpc } = await twirpTsPair(wire(), Client);
    home.always(faults.html(503));
    const nothing = { signal: undefined, timeoutMs: undefined, headers: undefined, failover: undefined };
    const client = new Client(rpc.with({ failover: false }).with(nothing));
    expect(failoverTrace(await errorOf(CALLS.read(client, newRequestId())))?.refused).toBe("disabled");
  });
});

const failover = createFailover({ regions: ["http://127.0.0.1:9/twirp"] });

/** The refused option, and the error's message. */
function refused(act: () => unknown): { option: string; message: string } {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidOptionError);
    return error as InvalidOptionError;
  }
  throw new Error("it was expected to be refused");
}

describe("bad options, twirp-ts", () => {
  test.each([undefined, null, {}, "failover"])("%j is refused as a Failover", (given) => {
    const { message } = refused(() => failoverRpc(given as unknown as Failover));
    expect(message).toContain("what createFailover() returned");
  });

  const fetch = globalThis.fetch;
  const rpc = () => ({ request: async () => ({}) });
  test.each([
    [null, "failoverRpc's options"],
    [{ baseUrl: "https://a" }, "failoverRpc().baseUrl"],
    [{ fetch: "node-fetch" }, "fetch"],
    [{ maxResponseBytes: 0 }, "maxResponseBytes"],
    [{ proofOfSending: 1 }, "proofOfSending"],
    [{ headers: "Bearer secret" }, "headers"],
    [{ headers: null }, "headers"],
    [{ headers: { authorization: "secret\nx" } }, "headers"],
    [{ rpc: rpc() }, "rpc"],
    [{ rpc: null }, "rpc"],
    [{ rpc, fetch }, "failoverRpc().fetch"],
    [{ rpc, maxResponseBytes: 5 }, "failoverRpc().maxResponseBytes"],
    [{ rpc, headers: { authorization: "secret" } }, "failoverRpc().headers"],
    [{ rpc, proofOfSending: false }, "failoverRpc().proofOfSending"],
  ])("%j is refused by failoverRpc", (options, option) => {
    const error = refused(() => failoverRpc(failover, options as FailoverRpcOptions));
    expect(error.option).toBe(option);
    expect(error.message).not.toContain("secret");
  });

  test.each([
    [null, "with's options"],
    [{ timeout: 5 }, "with().timeout"],
    [{ signal: new AbortController() }, "with.signal"],
    [{ signal: null }, "with.signal"],
    [{ timeoutMs: "5" }, "with.timeoutMs"],
    [{ timeoutMs: Number.NaN }, "with.timeoutMs"],
    [{ headers: "Bearer secret" }, "with.headers"],
    [{ failover: true }, "with.failover"],
    [{ failover: null }, "with.failover"],
    [{ failover: { maxAttempts: 0 } }, "with.failover.maxAttempts"],
    [{ failover: { retries: 1 } }, "with.failover.retries"],
  ])("with(%j) is refused at once", (options, option) => {
    const error = refused(() => failoverRpc(failover).with(options as CallOptions));
    expect(error.option).toBe(option);
    expect(error.message).not.toContain("secret");
  });
});

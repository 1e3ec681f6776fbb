/** What an attempt consists of: other interceptors, and the user's options, which must not be changed. */
import {
  type MethodInfo,
  RpcError,
  type RpcInterceptor,
  type RpcOptions,
  type RpcTransport,
  stackIntercept,
  UnaryCall,
} from "@protobuf-ts/runtime-rpc";
import { createFailover, type Failover, failoverTrace, InvalidOptionError } from "twirp-failover";
import { failoverInterceptor, type InterceptorOptions } from "twirp-failover/protobuf-ts";
import { beforeAll, describe, expect, test } from "vitest";
import { realDispatcher } from "../support/dispatcher.js";
import * as faults from "../support/faults.js";
import { errorOf, FORMATS, METHODS, newRequestId, outcomesOf, useWire } from "../support/wire.js";

/** Counts its calls and adds a new token to each, as an interceptor that refreshes tokens does. */
function auth(): { interceptor: RpcInterceptor; calls: () => number } {
  let calls = 0;
  const interceptor: RpcInterceptor = {
    interceptUnary(next, method, input, options) {
      options.meta ??= {};
      options.meta.Authorization = `token-${++calls}`;
      return next(method, input, options);
    },
  };
  return { interceptor, calls: () => calls };
}

function deepFreeze<T>(value: T): T {
  const plain = Array.isArray(value) || Object.getPrototypeOf(value ?? 0) === Object.prototype;
  if (!plain) return value;
  for (const member of Object.values(value as object)) deepFreeze(member);
  return Object.freeze(value);
}

describe.each(FORMATS)("interceptors and options, $format", ({ sendJson }) => {
  const wire = useWire();

  test("an interceptor below ours runs for every attempt, one above it once", async () => {
    const below = auth();
    const above = auth();
    const { home, second, client } = await wire().pair(sendJson, {
      above: [above.interceptor],
      below: [below.interceptor],
    });
    home.always(faults.html(503));
    expect(await METHODS.read(client.rooms, newRequestId())).toBe("second");
    expect([above.calls(), below.calls()]).toEqual([1, 2]);
    expect(home.received.map(({ headers }) => headers.authorization)).toEqual(["token-1"]);
    expect(second.received.map(({ headers }) => headers.authorization)).toEqual(["token-2"]);
  });

  test("an interceptor above ours sees one result, the call's", async () => {
    const results: unknown[] = [];
    const logger: RpcInterceptor = {
      interceptUnary(next, method, input, options) {
        const call = next(method, input, options);
        call.then(
          ({ response }) => results.push(response),
          (error: unknown) => results.push(error),
        );
        return call;
      },
    };
    const { home, client } = await wire().pair(sendJson, { above: [logger] });
    home.always(faults.resets);
    await METHODS.read(client.rooms, newRequestId());
    const error = await errorOf(METHODS.mutation(client.rooms, newRequestId()));
    expect(results).toEqual([expect.objectContaining({ servedBy: "second" }), error]);
  });

  test("neither the call's options nor the transport's are changed", async () => {
    const below = auth();
    const transport = deepFreeze({ sendJson, meta: { "x-app": "a" }, fetchInit: { keepalive: false } });
    const { home, second, client } = await wire().pair(sendJson, { transport, below: [below.interceptor] });
    const abort = wire().leaks.watch(new AbortController().signal);
    const options = deepFreeze({ meta: { "x-call": "c" }, abort, timeout: 3_000, failover: { maxAttempts: 2 } });
    home.always(faults.html(503));
    // The second one has no options, so that the transport's default options are passed down themselves.
    expect(await METHODS.update(client.rooms, newRequestId(), options)).toBe("second");
    expect(await METHODS.update(client.rooms, newRequestId())).toBe("second");
    expect(transport).toEqual({ sendJson, meta: { "x-app": "a" }, fetchInit: { keepalive: false } });
    expect(options.meta).toEqual({ "x-call": "c" });
    const sent = [...home.received, ...second.received].map(({ headers }) => [headers["x-app"], headers["x-call"]]);
    expect(sent).toEqual([
      ["a", "c"],
      ["a", undefined],
      ["a", "c"],
      ["a", undefined],
    ]);
  });

  const UNSENDABLE = [
    { name: "a number out of range", call: "listRooms", input: { limit: -1 }, options: {} },
    {
      name: "a symbol in place of a string",
      call: "dialParticipant",
      input: { room: "r", phoneNumber: Symbol("1") },
      options: {},
    },
    { name: "a bad header", call: "getRoom", input: { name: "r" }, options: { meta: { "x-a": "b\nc" } } },
  ] as const;
  test.each(UNSENDABLE)(
    "$name cannot be sent: the error is unchanged, and the call is not replayed",
    async ({ call, input, options }) => {
      const { home, second, client } = await wire().pair(sendJson);
      const error = await errorOf(client.rooms[call](input as never, options));
      expect(error).toBeInstanceOf(Error);
      expect(error).not.toBeInstanceOf(RpcError);
      expect(outcomesOf(error)).toEqual([{ code: "internal", origin: "client", execution: "none" }]);
      expect(failoverTrace(error)?.refused).toBe("unsendable");
      expect(client.eventsOf("call")).toMatchObject([{ ok: false, attempts: 1 }]);
      expect([home.saw().received, second.saw().received]).toEqual([0, 0]);
    },
  );
});

describe.each(FORMATS)("the transport's dispatcher, $format", ({ sendJson }) => {
  const wire = useWire();

  test("is used and observed, so the proof holds", async () => {
    const origins: string[] = [];
    const dispatcher = {
      dispatch(options: { origin: unknown }, handler: object): boolean {
        origins.push(String(options.origin));
        return realDispatcher(handler).dispatch(options, handler);
      },
    };
    const transport = { fetchInit: { dispatcher } as never };
    const { home, second, client } = await wire().pair(sendJson, { transport });
    await home.close();
    const id = newRequestId();
    expect(await METHODS.mutation(client.rooms, id)).toBe("second");
    expect(second.saw(id)).toEqual({ received: 1, executed: 1 });
    expect(origins).toEqual([home.origin, second.origin]);
  });

  test("may be set for one call", async () => {
    const { home, second, client } = await wire().pair(sendJson);
    const origins: string[] = [];
    const dispatcher = {
      dispatch(options: { origin: unknown }, handler: object): boolean {
        origins.push(String(options.origin));
        return realDispatcher(handler).dispatch(options, handler);
      },
    };
    const options = { fetchInit: { dispatcher } };
    await home.close();
    expect(await METHODS.mutation(client.rooms, newRequestId(), options)).toBe("second");
    expect(await METHODS.read(client.rooms, newRequestId())).toBe("second");
    expect(origins).toEqual([home.origin, second.origin]);
  });
});

describe.each(FORMATS)("a timeout that is a Date, $format", ({ sendJson }) => {
  const wire = useWire();
  beforeAll(() => fetch("data:,"));
  const inMs = (ms: number) => ({ timeout: new Date(Date.now() + ms) });

  test("overrides the policy's, and may be longer", async () => {
    const { home, client } = await wire().pair(sendJson, { policy: { timeoutMs: 30 } });
    home.always(faults.answersAfter(100));
    expect(await METHODS.mutation(client.rooms, newRequestId(), inMs(3_000))).toBe("home");
    home.always(faults.hangs);
    const begun = performance.now();
    const error = await errorOf(METHODS.mutation(client.rooms, newRequestId(), inMs(150)));
    expect(performance.now() - begun).toBeGreaterThan(140);
    expect(error).toBeInstanceOf(RpcError);
    expect(error).toMatchObject({ code: "deadline_exceeded", methodName: "DialParticipant" });
  });

  test("that has passed: nothing is sent", async () => {
    const { home, client } = await wire().pair(sendJson);
    const error = await errorOf(METHODS.read(client.rooms, newRequestId(), inMs(-5)));
    expect(error).toMatchObject({ code: "deadline_exceeded", methodName: "GetRoom" });
    expect(home.saw().received).toBe(0);
  });

  test("that is invalid is refused before anything is sent", async () => {
    const { home, client } = await wire().pair(sendJson);
    const options = { timeout: new Date(Number.NaN) };
    const error = await errorOf(METHODS.read(client.rooms, newRequestId(), options));
    expect(error).toMatchObject({ name: "InvalidOptionError", option: "the call's timeout" });
    expect(home.saw().received).toBe(0);
  });
});

describe("the interceptor itself", () => {
  const failover = createFailover({ regions: ["http://127.0.0.1:9/twirp"] });

  test.each([undefined, null, {}, "failover"])("refuses %j as its Failover", (given) => {
    expect(() => failoverInterceptor(given as unknown as Failover)).toThrow(InvalidOptionError);
    expect(() => failoverInterceptor(given as unknown as Failover)).toThrow(/what createFailover\(\) returned/);
  });

  test.each([{ proofOfSending: 1 }, { proofOfSendin: true }, null])("refuses %j as its options", (given) => {
    expect(() => failoverInterceptor(failover, given as InterceptorOptions)).toThrow(InvalidOptionError);
  });

  test.each(["serverStreaming", "clientStreaming", "duplex"] as const)("passes a %s call through unchanged", (kind) => {
    const seen: unknown[] = [];
    const answer = {};
    const pass = (...args: unknown[]) => {
      seen.push(...args);
      return answer;
    };
    const transport = { [kind]: pass } as unknown as RpcTransport;
    const method = { name: "Watch" } as MethodInfo;
    const options = deepFreeze({ interceptors: [failoverInterceptor(failover)], meta: { a: "b" } });
    const input = {};
    expect(stackIntercept(kind as "serverStreaming", transport, method, options, input)).toBe(answer);
    expect(seen.at(-1)).toBe(options);
    expect(answer).not.toBeInstanceOf(UnaryCall);
  });
});

describe.each(FORMATS)("an abort option that is not a signal, $format", ({ sendJson }) => {
  const wire = useWire();

  test("null means no signal", async () => {
    const { client } = await wire().pair(sendJson);
    const options = { abort: null } as unknown as RpcOptions;
    expect(await METHODS.read(client.rooms, newRequestId(), options)).toBe("home");
  });

  test("anything else is refused, and nothing is left open", async () => {
    const { client, failover, home } = await wire().pair(sendJson);
    const options = { abort: {} } as unknown as RpcOptions;
    await expect(METHODS.read(client.rooms, newRequestId(), options)).rejects.toBeInstanceOf(InvalidOptionError);
    expect(failover.regions()).toMatchObject([{ inFlight: 0 }, { inFlight: 0 }]);
    expect(home.saw().received).toBe(0);
  });
});

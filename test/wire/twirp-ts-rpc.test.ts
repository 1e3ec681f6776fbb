/** The user's own `Rpc` below the engine: the two of twirp-ts, and some that behave badly. */
import { failoverTrace, InvalidOptionError } from "twirp-failover";
import type { Rpc, RpcFactory } from "twirp-failover/twirp-ts";
import { FetchRPC, NodeHttpRPC, TwirpError, TwirpErrorCode } from "twirp-ts";
import { describe, expect, test } from "vitest";
import * as faults from "../support/faults.js";
import { CALLS, CLIENTS, twirpTsPair } from "../support/twirp-ts.js";
import { errorOf, newRequestId, outcomesOf, useWire } from "../support/wire.js";

const STOCK: readonly { name: string; factory: RpcFactory }[] = [
  { name: "FetchRPC", factory: ({ url }, signal, headers) => FetchRPC({ baseUrl: url, signal, headers }) },
  { name: "NodeHttpRPC", factory: ({ url }, signal, headers) => NodeHttpRPC({ baseUrl: url, signal, headers }) },
];
const SETUPS = STOCK.flatMap((stock) => CLIENTS.map((client) => ({ ...stock, ...client })));

describe.each(SETUPS)("$name, $format", ({ factory: rpc, Client }) => {
  const wire = useWire();

  test("a call goes home, and to the second region when home's Twirp error allows it", async () => {
    const { home, client } = await twirpTsPair(wire(), Client, { rpc });
    expect(await CALLS.read(client, newRequestId())).toBe("home");
    home.always(faults.handlerError("unavailable"));
    expect(await CALLS.read(client, newRequestId())).toBe("second");
    expect(await CALLS.update(client, newRequestId())).toBe("second");
  });

  test("the error is the Rpc's own, unwrapped, with its trace", async () => {
    const { home, second, client } = await twirpTsPair(wire(), Client, { rpc });
    home.always(faults.handlerError("unavailable", { a: "b" }));
    const error = await errorOf(CALLS.mutation(client, newRequestId()));
    expect(error).toBeInstanceOf(TwirpError);
    expect(error).toMatchObject({ code: "unavailable", msg: "the handler says unavailable", meta: { a: "b" } });
    expect(failoverTrace(error)?.refused).toBe("not_idempotent");
    expect(outcomesOf(error)).toEqual([{ code: "unavailable", origin: "service", execution: "unknown" }]);
    expect(second.saw().received).toBe(0);
  });

  test.each([
    ["bad_route", faults.noRoute],
    ["a promise of the service", faults.json(503, { code: "unavailable", msg: "m", meta: { retryable: "true" } })],
  ])("a mutation goes on after a Twirp error that proves it never ran: %s", async (_, fault) => {
    const { home, second, client } = await twirpTsPair(wire(), Client, { rpc });
    home.always(fault);
    expect(await CALLS.mutation(client, newRequestId())).toBe("second");
    expect(second.saw()).toEqual({ received: 1, executed: 1 });
  });

  test.each([
    ["a reset", faults.resets],
    ["a reset after it ran", faults.ran(faults.resets)],
    ["a rate limiter's JSON", faults.json(429, { message: "no more" })],
    ["JSON with an unknown code", faults.json(429, { code: "weird", msg: "no more" })],
  ])("a mutation never goes on after anything else: %s", async (_, fault) => {
    const { home, second, client } = await twirpTsPair(wire(), Client, { rpc });
    home.always(fault);
    const error = await errorOf(CALLS.mutation(client, newRequestId()));
    expect(outcomesOf(error)).toMatchObject([{ execution: "unknown" }]);
    expect(second.saw().received).toBe(0);
  });

  test("a refused connection is recognised by the error itself", async () => {
    const { home, client, attempts } = await twirpTsPair(wire(), Client, { rpc });
    await home.close();
    expect(await CALLS.mutation(client, newRequestId())).toBe("second");
    expect(attempts).toMatchObject([{ ok: false, execution: "none", cause: "ECONNREFUSED" }, { ok: true }]);
  });

  test("timeouts and aborts end the call, and the request below", async () => {
    const { home, rpc: ours } = await twirpTsPair(wire(), Client, { rpc });
    let left = 0;
    const bothLeft = new Promise<void>((resolve) => {
      home.always({ instead: ({ res }) => void res.on("close", () => ++left === 2 && resolve()) });
    });
    const late = await errorOf(CALLS.mutation(new Client(ours.with({ timeoutMs: 100 })), newRequestId()));
    expect(late).toBeInstanceOf(TwirpError);
    expect(late).toMatchObject({ code: TwirpErrorCode.DeadlineExceeded });
    const controller = new AbortController();
    const signal = wire().leaks.watch(controller.signal);
    const call = CALLS.mutation(new Client(ours.with({ signal })), newRequestId());
    await home.arrived(2);
    controller.abort();
    expect(await errorOf(call)).toMatchObject({ code: TwirpErrorCode.Canceled });
    await bothLeft;
  });

  test("the headers from with and the idempotency key are sent", async () => {
    const {
      home,
      second,
      rpc: ours,
    } = await twirpTsPair(wire(), Client, {
      rpc,
      policy: { idempotencyKey: "X-Key" },
    });
    home.always(faults.ran(faults.resets));
    expect(await CALLS.mutation(new Client(ours.with({ headers: { "x-a": "1" } })), newRequestId())).toBe("second");
    const own = ours.with({ headers: () => ({ "x-key": "mine" }) });
    expect(await CALLS.mutation(new Client(own), newRequestId())).toBe("second");
    const sent = [home, second].map(({ received }) =>
      received.map(({ headers }) => [headers["x-a"], headers["x-key"]]),
    );
    expect(sent[0]).toEqual(sent[1]);
    expect(sent[0]).toEqual([
      ["1", expect.stringMatching(/^[0-9a-f]{32}$/)],
      [undefined, "mine"],
    ]);
  });
});

describe.each(CLIENTS)("a custom Rpc, $format", ({ Client }) => {
  const wire = useWire();
  const always =
    (request: Rpc["request"]): RpcFactory =>
    () => ({ request });
  const rejects = (error: unknown) => always(async () => Promise.reject(error));

  test("FetchRPC's SyntaxError for a page is not an answer: a read goes on, a mutation does not", async () => {
    const factory: RpcFactory = ({ url }, signal) => FetchRPC({ baseUrl: url, signal });
    const { home, second, client } = await twirpTsPair(wire(), Client, { rpc: factory });
    home.always(faults.html(502));
    expect(await CALLS.read(client, newRequestId())).toBe("second");
    const error = await errorOf(CALLS.mutation(client, newRequestId()));
    expect(error).toBeInstanceOf(SyntaxError);
    expect(outcomesOf(error)).toEqual([{ code: "unavailable", origin: "transport", execution: "unknown" }]);
    expect(second.saw().received).toBe(1);
  });

  test.each([
    ["the table of intermediaries", { http_error_from_intermediary: "true", status_code: "404" }, "bad_route", 404],
    ["a rate limiter", { http_error_from_intermediary: "true", status_code: "429" }, "resource_exhausted", 429],
    [
      "a gateway in front of another service that ours calls",
      { http_error_from_intermediary: "true", status_code: "451" },
      "unknown",
      451,
    ],
    ["something without a status", { http_error_from_intermediary: "true" }, "bad_route", undefined],
  ])("a code that comes from %s proves nothing", async (_, meta, code, httpStatus) => {
    const error = Object.assign(new TwirpError(code as TwirpErrorCode, "by a proxy"), { meta });
    const { client } = await twirpTsPair(wire(), Client, { rpc: rejects(error) });
    expect(await errorOf(CALLS.mutation(client, newRequestId()))).toBe(error);
    expect(outcomesOf(error)).toMatchObject([
      { origin: "intermediary", execution: "unknown", ...(httpStatus && { httpStatus }) },
    ]);
  });

  test("an error is recognised by its shape, so an error from another copy of the library is too", async () => {
    const error = { code: "not_found", msg: "no such room", meta: {}, cause: () => undefined };
    const { client } = await twirpTsPair(wire(), Client, { rpc: rejects(error) });
    expect(await errorOf(CALLS.read(client, newRequestId()))).toBe(error);
    expect(outcomesOf(error)).toEqual([{ code: "not_found", origin: "service", execution: "done" }]);
  });

  test.each([
    undefined,
    null,
    "down",
    7,
    {},
    { code: "not_found" },
    { code: "not_found", meta: {} },
    { code: 5, msg: "m", meta: {} },
  ])("a rejection that is not a Twirp error is not an answer: %j", async (thrown) => {
    const { client, attempts } = await twirpTsPair(wire(), Client, {
      rpc: rejects(thrown),
      policy: { maxAttempts: 1 },
    });
    expect(await errorOf(CALLS.mutation(client, newRequestId()))).toBe(thrown);
    expect(attempts).toMatchObject([{ code: "unavailable", origin: "transport", execution: "unknown" }]);
  });

  test("an Rpc that ignores the signal does not delay the call", async () => {
    let settle: (data: object) => void = () => {};
    const rpc = always(
      () =>
        new Promise((resolve) => {
          settle = resolve;
        }),
    );
    const { rpc: ours } = await twirpTsPair(wire(), Client, { rpc });
    const error = await errorOf(CALLS.mutation(new Client(ours.with({ timeoutMs: 50 })), newRequestId()));
    expect(error).toMatchObject({ code: TwirpErrorCode.DeadlineExceeded });
    settle({});
  });

  test("the Rpc is made for each attempt, with the region, a signal and headers", async () => {
    const made: unknown[] = [];
    const factory: RpcFactory = (region, signal, headers) => {
      made.push([region.id, signal.aborted, headers]);
      return FetchRPC({ baseUrl: region.url, headers });
    };
    const { home, client } = await twirpTsPair(wire(), Client, { rpc: factory });
    home.always(faults.handlerError("unavailable"));
    await CALLS.read(client, newRequestId());
    expect(made).toEqual([
      ["home", false, {}],
      ["second", false, {}],
    ]);
  });

  test.each([
    [
      "throws",
      () => {
        throw new Error("no agent");
      },
      /no agent/,
    ],
    ["returns no Rpc", () => ({}), /what rpc returns must be an Rpc; got an object/],
    ["returns nothing", () => undefined, /what rpc returns must be an Rpc; got undefined/],
  ])("a function that %s sends nothing and is not called again", async (_, factory, message) => {
    const { client, home, second } = await twirpTsPair(wire(), Client, { rpc: factory as unknown as RpcFactory });
    const error = await errorOf(CALLS.read(client, newRequestId()));
    expect((error as Error).message).toMatch(message);
    expect(outcomesOf(error)).toEqual([{ code: "internal", origin: "client", execution: "none" }]);
    expect([home.saw().received, second.saw().received]).toEqual([0, 0]);
  });
});

describe.each(CLIENTS)("a function that cannot take the headers, $format", ({ Client }) => {
  const wire = useWire();
  const rpc: RpcFactory = ({ url }, signal) => FetchRPC({ baseUrl: url, signal });

  test("is refused for a method with an idempotency key, before anything is sent", async () => {
    const { home, second, client } = await twirpTsPair(wire(), Client, {
      rpc,
      policies: { "acme.rooms.v1.RoomService/DialParticipant": { idempotencyKey: true } },
    });
    home.always(faults.ran(faults.resets));
    const error = await errorOf(CALLS.mutation(client, newRequestId()));
    expect(error).toBeInstanceOf(InvalidOptionError);
    expect(error).toMatchObject({ option: "rpc" });
    expect((error as Error).message).toContain("(region, signal, headers) => Rpc");
    expect([home.saw().received, second.saw().received]).toEqual([0, 0]);
    expect(await CALLS.read(client, newRequestId())).toBe("second");
  });

  test("is refused by a with() that has headers", async () => {
    const { rpc: ours } = await twirpTsPair(wire(), Client, { rpc });
    expect(() => ours.with({ headers: { a: "b" } })).toThrow(InvalidOptionError);
    expect(() => ours.with({ timeoutMs: 5 })).not.toThrow();
  });
});

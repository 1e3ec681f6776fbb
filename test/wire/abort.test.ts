import { RpcError } from "@protobuf-ts/runtime-rpc";
import { failoverTrace } from "twirp-failover";
import { describe, expect, test } from "vitest";
import * as faults from "../support/faults.js";
import {
  errorOf,
  expectTruth,
  FORMATS,
  METHODS,
  type MethodKind,
  newRequestId,
  outcomesOf,
  useWire,
} from "../support/wire.js";

const KINDS = Object.keys(METHODS) as MethodKind[];
const CANCELED = { code: "canceled", origin: "caller", execution: "unknown" } as const;

describe.each(FORMATS)("the caller aborts, $format", ({ sendJson }) => {
  const wire = useWire();

  test.each(KINDS)("before a %s begins: nothing is sent", async (kind) => {
    const { home, second, client } = await wire().pair(sendJson);
    const abort = wire().leaks.watch(AbortSignal.abort());
    const error = await errorOf(METHODS[kind](client.rooms, newRequestId(), { abort }));
    expect(error).toBeInstanceOf(RpcError);
    expect(error).toMatchObject({ code: "cancelled", serviceName: "acme.rooms.v1.RoomService" });
    expect(failoverTrace(error)).toMatchObject({ attempts: [], refused: "final" });
    expect(client.events).toMatchObject([{ type: "call", ok: false, code: "canceled", attempts: 0 }]);
    expectTruth(client, home, second);
  });

  test.each(KINDS)("during an attempt of a %s: it ends at once, and there is no other", async (kind) => {
    const { home, second, client } = await wire().pair(sendJson);
    home.always(faults.hangs);
    const controller = new AbortController();
    const abort = wire().leaks.watch(controller.signal);
    const call = errorOf(METHODS[kind](client.rooms, newRequestId(), { abort }));
    await home.arrived(1);
    expect(wire().leaks.timers).toBe(1);

    controller.abort();
    const begun = performance.now();
    const error = await call;
    expect(performance.now() - begun).toBeLessThan(1_000);
    expect(wire().leaks.timers).toBe(0);
    expect(error).toBeInstanceOf(RpcError);
    expect(error).toMatchObject({ code: "cancelled" });
    expect(outcomesOf(error)).toEqual([CANCELED]);
    expect(client.eventsOf("replay_refused")).toEqual([]);
    expect(client.eventsOf("call")).toMatchObject([{ ok: false, code: "canceled", attempts: 1, region: "home" }]);
    expectTruth(client, home, second);
  });

  test("between two attempts: the wait ends at once, and the next is not made", async () => {
    const policy = { initialBackoffMs: 4_000, maxBackoffMs: 4_000, timeoutMs: 20_000 };
    const { home, second, client } = await wire().pair(sendJson, { policy });
    home.always(faults.html(503));
    const controller = new AbortController();
    const abort = wire().leaks.watch(controller.signal);
    const failed = new Promise((resolve) => client.failover.on("attempt", resolve));
    const call = errorOf(METHODS.read(client.rooms, newRequestId(), { abort }));
    await failed;
    await new Promise((resolve) => setImmediate(resolve));
    expect(wire().leaks.timers).toBe(1);

    controller.abort();
    const begun = performance.now();
    const error = await call;
    expect(performance.now() - begun).toBeLessThan(1_000);
    expect(error).toMatchObject({ code: "cancelled" });
    expect(outcomesOf(error)).toMatchObject([{ code: "unavailable", httpStatus: 503 }]);
    expect(client.eventsOf("failover")).toEqual([]);
    expect(client.eventsOf("call")).toMatchObject([{ ok: false, code: "canceled", attempts: 1 }]);
    expectTruth(client, home, second);
  });

  test("while it waits out a Retry-After: likewise", async () => {
    const home = await wire().region("home");
    const client = wire().client([home], { transport: { sendJson }, policy: { timeoutMs: 20_000 } });
    home.always(faults.http(429, { "retry-after": "10" }));
    const controller = new AbortController();
    const abort = wire().leaks.watch(controller.signal);
    const failed = new Promise((resolve) => client.failover.on("attempt", resolve));
    const call = errorOf(METHODS.mutation(client.rooms, newRequestId(), { abort }));
    await failed;
    await new Promise((resolve) => setImmediate(resolve));
    controller.abort();
    expect(await call).toMatchObject({ code: "cancelled" });
    expect(home.saw().received).toBe(1);
    expect(client.eventsOf("retry")).toEqual([]);
  });

  test("in a listener of the event that precedes a replay: the replay is not made", async () => {
    const { home, second, client } = await wire().pair(sendJson);
    home.always(faults.http(429));
    const controller = new AbortController();
    const abort = wire().leaks.watch(controller.signal);
    client.failover.on("attempt", () => controller.abort());
    expect(await errorOf(METHODS.mutation(client.rooms, newRequestId(), { abort }))).toMatchObject({
      code: "cancelled",
    });
    expect(second.saw()).toEqual({ received: 0, executed: 0 });
    expect(client.eventsOf("call")).toMatchObject([{ ok: false, code: "canceled", attempts: 1 }]);
    expectTruth(client, home, second);
  });

  test("in the listener that hears of the success: one call, one ending", async () => {
    const { home, client } = await wire().pair(sendJson);
    home.always(faults.html(503));
    const controller = new AbortController();
    const abort = wire().leaks.watch(controller.signal);
    client.failover.on("call", () => controller.abort());
    expect(await METHODS.read(client.rooms, newRequestId(), { abort })).toBe("second");
    expect(client.eventsOf("call")).toMatchObject([{ ok: true, attempts: 2 }]);
  });

  test("with a reason: the error has it as its cause", async () => {
    const { home, client } = await wire().pair(sendJson);
    home.always(faults.hangs);
    const controller = new AbortController();
    const abort = wire().leaks.watch(controller.signal);
    const call = errorOf(METHODS.mutation(client.rooms, newRequestId(), { abort }));
    await home.arrived(1);
    const reason = new Error("the user closed the tab");
    controller.abort(reason);
    const error = await call;
    expect(error).toBeInstanceOf(RpcError);
    expect(error).toMatchObject({ code: "cancelled", cause: reason });
    expect(outcomesOf(error)).toEqual([CANCELED]);
  });

  test.each(KINDS)("by AbortSignal.timeout: a %s is canceled, not timed out elsewhere", async (kind) => {
    const { home, second, client } = await wire().pair(sendJson);
    home.always(faults.hangs);
    const abort = wire().leaks.watch(AbortSignal.timeout(100));
    const error = await errorOf(METHODS[kind](client.rooms, newRequestId(), { abort }));
    expect(error).toMatchObject({ code: "cancelled", cause: { name: "TimeoutError" } });
    // Whether it was sent by then depends on how busy the machine is.
    expect(outcomesOf(error)).toMatchObject([{ code: "canceled", origin: "caller" }]);
    expect(second.saw().received).toBe(0);
  });

  test("an abort after the end changes nothing", async () => {
    const { client } = await wire().pair(sendJson);
    const controller = new AbortController();
    const abort = wire().leaks.watch(controller.signal);
    expect(await METHODS.read(client.rooms, newRequestId(), { abort })).toBe("home");
    controller.abort();
    expect(client.eventsOf("call")).toMatchObject([{ ok: true }]);
  });
});

describe.each(FORMATS)("one signal for many calls, $format", ({ sendJson }) => {
  const wire = useWire();

  // Node warns from the 11th listener of one signal on; `useWire` fails a test during which it did.
  test("50 calls that succeed, fail over or hang leave no listener, and cause no warning", async () => {
    const { home, second, client } = await wire().pair(sendJson, { health: false, policy: { initialBackoffMs: 50 } });
    const controller = new AbortController();
    const abort = wire().leaks.watch(controller.signal);
    home.always(faults.html(503));
    const reads = Array.from({ length: 25 }, () => METHODS.read(client.rooms, newRequestId(), { abort }));
    expect(new Set(await Promise.all(reads))).toEqual(new Set(["second"]));
    expect(second.saw()).toEqual({ received: 25, executed: 25 });

    home.always(faults.hangs);
    const calls = Array.from({ length: 50 }, () => errorOf(METHODS.mutation(client.rooms, newRequestId(), { abort })));
    await home.arrived(25 + 50);
    controller.abort();
    for (const error of await Promise.all(calls)) expect(error).toMatchObject({ code: "cancelled" });
    expect(client.eventsOf("call")).toHaveLength(75);
    expectTruth(client, home, second);
  });
});

import { failoverTrace } from "twirp-failover";
import { describe, expect, test } from "vitest";
import * as faults from "../support/faults.js";
import { CLIENTS, errorOf, expectTruth, KINDS, newRequestId, outcomesOf, useWire } from "../support/wire.js";

const CANCELED = { code: "canceled", origin: "caller", execution: "unknown" } as const;

describe.each(CLIENTS)("the caller aborts, $name, $format", (kind) => {
  const wire = useWire();
  const canceled = kind.codeOf(CANCELED);

  test.each(KINDS)("before a %s begins: nothing is sent", async (method) => {
    const { home, second, client } = await wire().pair(kind);
    const abort = wire().leaks.watch(AbortSignal.abort());
    const error = await errorOf(client[method](newRequestId(), { abort }));
    expect(kind.factsOf(error).code).toBe(canceled);
    expect(failoverTrace(error)).toMatchObject({ attempts: [], refused: "aborted" });
    expect(client.events).toMatchObject([{ type: "call", ok: false, code: "canceled", attempts: 0 }]);
    expectTruth(client, home, second);
  });

  test.each(KINDS)("during an attempt of a %s: the call ends at once, without another attempt", async (method) => {
    const { home, second, client } = await wire().pair(kind);
    home.always(faults.hangs);
    const controller = new AbortController();
    const abort = wire().leaks.watch(controller.signal);
    const call = errorOf(client[method](newRequestId(), { abort }));
    await home.arrived(1);
    expect(wire().leaks.timers).toBe(1);

    controller.abort();
    const begun = performance.now();
    const error = await call;
    expect(performance.now() - begun).toBeLessThan(1_000);
    expect(wire().leaks.timers).toBe(0);
    expect(kind.factsOf(error).code).toBe(canceled);
    expect(outcomesOf(error)).toEqual([CANCELED]);
    expect(client.eventsOf("replay_refused")).toEqual([]);
    expect(client.eventsOf("call")).toMatchObject([{ ok: false, code: "canceled", attempts: 1, region: "home" }]);
    expectTruth(client, home, second);
  });

  test("the request ends with the call: its server sees that the connection is closed", async () => {
    const { home, client } = await wire().pair(kind);
    const left = new Promise<void>((resolve) => {
      home.always({ instead: ({ res }) => void res.on("close", resolve) });
    });
    const controller = new AbortController();
    const abort = wire().leaks.watch(controller.signal);
    const call = errorOf(client.mutation(newRequestId(), { abort }));
    await home.arrived(1);
    controller.abort();
    await call;
    await left;
  });

  test("between two attempts: the wait ends at once, and the next attempt is not made", async () => {
    const policy = { initialBackoffMs: 4_000, maxBackoffMs: 4_000, timeoutMs: 20_000 };
    const { home, second, client } = await wire().pair(kind, { policy });
    home.always(faults.html(503));
    const controller = new AbortController();
    const abort = wire().leaks.watch(controller.signal);
    const failed = new Promise((resolve) => client.failover.on("attempt", resolve));
    const call = errorOf(client.read(newRequestId(), { abort }));
    await failed;
    await new Promise((resolve) => setImmediate(resolve));
    expect(wire().leaks.timers).toBe(1);

    controller.abort();
    const begun = performance.now();
    const error = await call;
    expect(performance.now() - begun).toBeLessThan(1_000);
    expect(kind.factsOf(error).code).toBe(canceled);
    expect(outcomesOf(error)).toMatchObject([{ code: "unavailable", httpStatus: 503 }]);
    expect(client.eventsOf("failover")).toEqual([]);
    expect(client.eventsOf("call")).toMatchObject([{ ok: false, code: "canceled", attempts: 1 }]);
    expectTruth(client, home, second);
  });

  test("while it waits for a Retry-After: the same", async () => {
    const home = await wire().region("home");
    const client = wire().connect(kind, [home], { policy: { timeoutMs: 20_000 } });
    home.always(faults.http(429, { "retry-after": "10" }));
    const controller = new AbortController();
    const abort = wire().leaks.watch(controller.signal);
    const failed = new Promise((resolve) => client.failover.on("attempt", resolve));
    const call = errorOf(client.mutation(newRequestId(), { abort }));
    await failed;
    await new Promise((resolve) => setImmediate(resolve));
    controller.abort();
    expect(kind.factsOf(await call).code).toBe(canceled);
    expect(home.saw().received).toBe(1);
    expect(client.eventsOf("retry")).toEqual([]);
  });

  test("in a listener for the event before a replay: the replay is not made", async () => {
    const { home, second, client } = await wire().pair(kind);
    home.always(faults.http(429));
    const controller = new AbortController();
    const abort = wire().leaks.watch(controller.signal);
    client.failover.on("attempt", () => controller.abort());
    const error = await errorOf(client.mutation(newRequestId(), { abort }));
    expect(kind.factsOf(error).code).toBe(canceled);
    expect(second.saw()).toEqual({ received: 0, executed: 0 });
    expect(client.eventsOf("call")).toMatchObject([{ ok: false, code: "canceled", attempts: 1 }]);
    expectTruth(client, home, second);
  });

  test("in a listener for the success: the call still succeeds, and ends once", async () => {
    const { home, client } = await wire().pair(kind);
    home.always(faults.html(503));
    const controller = new AbortController();
    const abort = wire().leaks.watch(controller.signal);
    client.failover.on("call", () => controller.abort());
    expect(await client.read(newRequestId(), { abort })).toBe("second");
    expect(client.eventsOf("call")).toMatchObject([{ ok: true, attempts: 2 }]);
  });

  test("with a reason: the error has it as its cause", async () => {
    const { home, client } = await wire().pair(kind);
    home.always(faults.hangs);
    const controller = new AbortController();
    const abort = wire().leaks.watch(controller.signal);
    const call = errorOf(client.mutation(newRequestId(), { abort }));
    await home.arrived(1);
    const reason = new Error("the user closed the tab");
    controller.abort(reason);
    const error = await call;
    expect(kind.factsOf(error)).toMatchObject({ code: canceled, cause: reason });
    expect(outcomesOf(error)).toEqual([CANCELED]);
  });

  test.each(KINDS)("by AbortSignal.timeout: a %s is canceled, not timed out elsewhere", async (method) => {
    const { home, second, client } = await wire().pair(kind);
    home.always(faults.hangs);
    const abort = wire().leaks.watch(AbortSignal.timeout(100));
    const error = await errorOf(client[method](newRequestId(), { abort }));
    expect(kind.factsOf(error)).toMatchObject({ code: canceled, cause: { name: "TimeoutError" } });
    // Whether a request was sent by then depends on how busy the machine is.
    expect(outcomesOf(error)).toMatchObject([{ code: "canceled", origin: "caller" }]);
    expect(second.saw().received).toBe(0);
  });

  test("after the end: nothing changes", async () => {
    const { client } = await wire().pair(kind);
    const controller = new AbortController();
    const abort = wire().leaks.watch(controller.signal);
    expect(await client.read(newRequestId(), { abort })).toBe("home");
    controller.abort();
    expect(client.eventsOf("call")).toMatchObject([{ ok: true }]);
  });
});

describe.each(CLIENTS)("one signal for many calls, $name, $format", (kind) => {
  const wire = useWire();
  const canceled = kind.codeOf(CANCELED);

  // Node warns from the 11th listener on one signal, and `useWire` fails a test with such a warning.
  test("50 calls that succeed, fail over or hang leave no listener and cause no warning", async () => {
    const { home, second, client } = await wire().pair(kind, { health: false, policy: { initialBackoffMs: 50 } });
    const controller = new AbortController();
    const abort = wire().leaks.watch(controller.signal);
    home.always(faults.html(503));
    const reads = Array.from({ length: 25 }, () => client.read(newRequestId(), { abort }));
    expect(new Set(await Promise.all(reads))).toEqual(new Set(["second"]));
    expect(second.saw()).toEqual({ received: 25, executed: 25 });

    home.always(faults.hangs);
    const calls = Array.from({ length: 50 }, () => errorOf(client.mutation(newRequestId(), { abort })));
    await home.arrived(25 + 50);
    controller.abort();
    for (const error of await Promise.all(calls)) expect(kind.factsOf(error).code).toBe(canceled);
    expect(client.eventsOf("call")).toHaveLength(75);
    expectTruth(client, home, second);
  });
});

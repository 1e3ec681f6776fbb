import { RpcError } from "@protobuf-ts/runtime-rpc";
import { failoverTrace } from "twirp-failover";
import { beforeAll, describe, expect, test } from "vitest";
import * as faults from "../support/faults.js";
import { errorOf, expectTruth, FORMATS, METHODS, newRequestId, outcomesOf, useWire } from "../support/wire.js";

const LATE = { code: "deadline_exceeded", origin: "caller", execution: "unknown" } as const;

const TIMEOUTS = [
  { name: "a number", timeout: (ms: number) => ms },
  { name: "a Date", timeout: (ms: number) => new Date(Date.now() + ms) },
] as const;

describe.each(FORMATS)("the call's timeout, $format", ({ sendJson }) => {
  const wire = useWire();
  beforeAll(() => fetch("data:,"));

  test.each(TIMEOUTS)("as $name, wins over the policy's", async ({ timeout }) => {
    const { home, second, client } = await wire().pair(sendJson, { policy: { timeoutMs: 5_000 } });
    home.always(faults.hangs);
    const begun = performance.now();
    const error = await errorOf(METHODS.mutation(client.rooms, newRequestId(), { timeout: timeout(150) }));
    const tookMs = performance.now() - begun;
    expect(tookMs).toBeGreaterThan(140);
    expect(tookMs).toBeLessThan(1_000);
    expect(error).toBeInstanceOf(RpcError);
    expect(error).toMatchObject({ code: "deadline_exceeded" });
    expect(outcomesOf(error)).toEqual([LATE]);
    expect(failoverTrace(error)?.refused).toBe("final");
    expect(client.eventsOf("call")).toMatchObject([{ ok: false, code: "deadline_exceeded", attempts: 1 }]);
    expectTruth(client, home, second);
  });

  test.each(TIMEOUTS)("as $name, may be longer than the policy's", async ({ timeout }) => {
    const { home, client } = await wire().pair(sendJson, { policy: { timeoutMs: 30 } });
    home.always(faults.answersAfter(100));
    expect(await METHODS.mutation(client.rooms, newRequestId(), { timeout: timeout(3_000) })).toBe("home");
  });

  test.each(TIMEOUTS)("as $name that has passed: nothing is sent", async ({ timeout }) => {
    const { home, second, client } = await wire().pair(sendJson);
    const error = await errorOf(METHODS.read(client.rooms, newRequestId(), { timeout: timeout(-5) }));
    expect(error).toBeInstanceOf(RpcError);
    expect(error).toMatchObject({ code: "deadline_exceeded" });
    expect(failoverTrace(error)?.attempts).toEqual([]);
    expect(client.events).toMatchObject([{ type: "call", ok: false, code: "deadline_exceeded", attempts: 0 }]);
    expectTruth(client, home, second);
  });

  test("that is no time at all is refused before anything is sent", async () => {
    const { home, client } = await wire().pair(sendJson);
    const error = await errorOf(METHODS.read(client.rooms, newRequestId(), { timeout: new Date(Number.NaN) }));
    expect(error).toMatchObject({ name: "InvalidOptionError", option: "the call's timeout" });
    expect(home.saw().received).toBe(0);
  });

  test("covers all attempts: when every region hangs, a read ends by it", async () => {
    const { home, second, client } = await wire().pair(sendJson, { policy: { timeoutMs: 240 } });
    home.always(faults.hangs);
    second.always(faults.hangs);
    const begun = performance.now();
    const error = await errorOf(METHODS.read(client.rooms, newRequestId()));
    const tookMs = performance.now() - begun;
    expect(tookMs).toBeGreaterThan(235);
    expect(tookMs).toBeLessThan(900);
    expect(error).toMatchObject({ code: "deadline_exceeded" });
    expect(outcomesOf(error)).toEqual([{ ...LATE, origin: "timeout" }, LATE]);
    expectTruth(client, home, second);
  });

  test("is not spent on a wait that would outlast it: the call fails now, with its real error", async () => {
    const policy = { initialBackoffMs: 2_000, timeoutMs: 1_000, maxBackoffMs: 2_000 };
    const { home, second, client } = await wire().pair(sendJson, { policy });
    home.always(faults.html(502));
    const begun = performance.now();
    const error = await errorOf(METHODS.read(client.rooms, newRequestId()));
    expect(performance.now() - begun).toBeLessThan(900);
    expect(error).toBeInstanceOf(RpcError);
    expect(error).toMatchObject({ code: "internal", message: expect.stringContaining("HTTP 502") });
    expect(failoverTrace(error)).toMatchObject({ refused: "deadline", attempts: [{ outcome: { httpStatus: 502 } }] });
    expect(client.eventsOf("replay_refused")).toMatchObject([{ reason: "deadline", region: "home" }]);
    expectTruth(client, home, second);
  });

  test("is not spent on a Retry-After that would outlast it", async () => {
    const home = await wire().region("home");
    const client = wire().client([home], { transport: { sendJson }, policy: { timeoutMs: 1_000 } });
    home.always(faults.http(429, { "retry-after": "60" }));
    const begun = performance.now();
    const error = await errorOf(METHODS.mutation(client.rooms, newRequestId()));
    expect(performance.now() - begun).toBeLessThan(900);
    expect(failoverTrace(error)?.refused).toBe("deadline");
    expect(home.saw()).toEqual({ received: 1, executed: 0 });
  });

  test("a Retry-After that fits is waited for, where there is no other region", async () => {
    const home = await wire().region("home");
    const client = wire().client([home], { transport: { sendJson } });
    home.script(faults.http(429, { "retry-after": "1" }));
    const id = newRequestId();
    expect(await METHODS.mutation(client.rooms, id)).toBe("home");
    expect(home.saw(id)).toEqual({ received: 2, executed: 1 });
    const [retry] = client.eventsOf("retry");
    expect(retry).toMatchObject({ from: "home", to: "home", code: "resource_exhausted", execution: "none" });
    expect(retry?.backoffMs).toBeGreaterThan(990);
    expect(retry?.backoffMs).toBeLessThan(3_000);
  });
});

import { failoverTrace } from "twirp-failover";
import { beforeAll, describe, expect, test } from "vitest";
import * as faults from "../support/faults.js";
import { CLIENTS, errorOf, expectTruth, newRequestId, outcomesOf, useWire } from "../support/wire.js";

const LATE = { code: "deadline_exceeded", origin: "caller", execution: "unknown" } as const;

describe.each(CLIENTS)("the call's timeout, $name, $format", (kind) => {
  const wire = useWire();
  const badGateway = kind.codeOf({ code: "unavailable", origin: "intermediary" });
  beforeAll(() => fetch("data:,"));

  test("overrides the policy's", async () => {
    const { home, second, client } = await wire().pair(kind, { policy: { timeoutMs: 5_000 } });
    home.always(faults.hangs);
    const begun = performance.now();
    const error = await errorOf(client.mutation(newRequestId(), { timeout: 150 }));
    const tookMs = performance.now() - begun;
    expect(tookMs).toBeGreaterThan(140);
    expect(tookMs).toBeLessThan(1_000);
    expect(kind.factsOf(error).code).toBe("deadline_exceeded");
    expect(outcomesOf(error)).toEqual([LATE]);
    expect(failoverTrace(error)?.refused).toBe("deadline");
    expect(client.eventsOf("call")).toMatchObject([{ ok: false, code: "deadline_exceeded", attempts: 1 }]);
    expectTruth(client, home, second);
  });

  test("may be longer than the policy's", async () => {
    const { home, client } = await wire().pair(kind, { policy: { timeoutMs: 30 } });
    home.always(faults.answersAfter(100));
    expect(await client.mutation(newRequestId(), { timeout: 3_000 })).toBe("home");
  });

  test("that has passed: nothing is sent", async () => {
    const { home, second, client } = await wire().pair(kind);
    const error = await errorOf(client.read(newRequestId(), { timeout: -5 }));
    expect(kind.factsOf(error).code).toBe("deadline_exceeded");
    expect(failoverTrace(error)?.attempts).toEqual([]);
    expect(client.events).toMatchObject([{ type: "call", ok: false, code: "deadline_exceeded", attempts: 0 }]);
    expectTruth(client, home, second);
  });

  test("covers all attempts: it ends a read when every region hangs", async () => {
    const { home, second, client } = await wire().pair(kind, { policy: { timeoutMs: 600 } });
    await client.read(newRequestId()); // So that the method is known to be quick.
    home.always(faults.hangs);
    second.always(faults.hangs);
    const begun = performance.now();
    const error = await errorOf(client.read(newRequestId()));
    const tookMs = performance.now() - begun;
    expect(tookMs).toBeGreaterThan(595);
    expect(tookMs).toBeLessThan(1_300);
    expect(kind.factsOf(error).code).toBe("deadline_exceeded");
    expect(outcomesOf(error)).toEqual([{ ...LATE, origin: "timeout" }, LATE]);
    expectTruth(client, home, second);
  });

  test("prevents a wait that would outlast it: the call fails at once with its real error", async () => {
    const policy = { initialBackoffMs: 2_000, timeoutMs: 1_000, maxBackoffMs: 2_000 };
    const { home, second, client } = await wire().pair(kind, { policy });
    home.always(faults.html(502));
    const begun = performance.now();
    const error = await errorOf(client.read(newRequestId()));
    expect(performance.now() - begun).toBeLessThan(900);
    expect(kind.factsOf(error)).toMatchObject({ code: badGateway, message: expect.stringContaining("HTTP 502") });
    expect(failoverTrace(error)).toMatchObject({ refused: "deadline", attempts: [{ outcome: { httpStatus: 502 } }] });
    expect(client.eventsOf("replay_refused")).toMatchObject([{ reason: "deadline", region: "home" }]);
    expectTruth(client, home, second);
  });

  test("prevents a wait for a Retry-After that would outlast it", async () => {
    const home = await wire().region("home");
    const client = wire().connect(kind, [home], { policy: { timeoutMs: 1_000 } });
    home.always(faults.http(429, { "retry-after": "60" }));
    const begun = performance.now();
    const error = await errorOf(client.mutation(newRequestId()));
    expect(performance.now() - begun).toBeLessThan(900);
    expect(failoverTrace(error)?.refused).toBe("deadline");
    expect(home.saw()).toEqual({ received: 1, executed: 0 });
  });

  test("allows a wait for a Retry-After that fits, if there is no other region", async () => {
    const home = await wire().region("home");
    const client = wire().connect(kind, [home]);
    home.script(faults.http(429, { "retry-after": "1" }));
    const id = newRequestId();
    expect(await client.mutation(id)).toBe("home");
    expect(home.saw(id)).toEqual({ received: 2, executed: 1 });
    const [retry] = client.eventsOf("retry");
    expect(retry).toMatchObject({ from: "home", to: "home", code: "resource_exhausted", execution: "none" });
    expect(retry?.backoffMs).toBeGreaterThan(990);
    expect(retry?.backoffMs).toBeLessThan(3_000);
  });
});

/** Policies on the wire: from the table, from the call, and the idempotency key that goes with every attempt. */
import { failoverTrace, InvalidOptionError, type MethodPolicy, policiesFor } from "twirp-failover";
import { describe, expect, test } from "vitest";
import type { IRoomServiceClient } from "../../proto/gen/rooms.client.js";
import { RoomService } from "../../proto/gen/rooms.js";
import * as faults from "../support/faults.js";
import { errorOf, expectTruth, FORMATS, METHODS, newRequestId, QUICK, useWire } from "../support/wire.js";

describe.each(FORMATS)("policies, $format", ({ sendJson }) => {
  const wire = useWire();

  test("a call with failover: false makes one attempt, whatever comes of it", async () => {
    const { home, second, client } = await wire().pair(sendJson);
    home.always(faults.http(429));
    const error = await errorOf(METHODS.read(client.rooms, newRequestId(), { failover: false }));
    expect(failoverTrace(error)?.refused).toBe("disabled");
    expect(client.eventsOf("replay_refused")).toMatchObject([{ reason: "disabled" }]);
    expect(await METHODS.read(client.rooms, newRequestId())).toBe("second");
    expectTruth(client, home, second);
  });

  test("a call may declare itself idempotent, for itself alone", async () => {
    const { home, second, client } = await wire().pair(sendJson);
    home.always(faults.ran(faults.resets));
    expect(await METHODS.mutation(client.rooms, newRequestId(), { failover: { idempotent: true } })).toBe("second");
    await errorOf(METHODS.mutation(client.rooms, newRequestId()));
    expect(second.saw().received).toBe(1);
    expectTruth(client, home, second);
  });

  test("a call may forbid what its method allows", async () => {
    const { home, second, client } = await wire().pair(sendJson);
    home.always(faults.html(503));
    const error = await errorOf(METHODS.read(client.rooms, newRequestId(), { failover: { idempotent: false } }));
    expect(failoverTrace(error)?.refused).toBe("not_idempotent");
    expectTruth(client, home, second);
  });

  const BAD: readonly { given: unknown; option: string }[] = [
    { given: { maxAttempts: 0 }, option: "the call's failover.maxAttempts" },
    { given: { initialBackoffMs: 0 }, option: "the call's failover.initialBackoffMs" },
    { given: { perAttemptTimoutMs: 5 }, option: expect.stringContaining("the call's failover") },
    { given: { retryableCodes: ["unavailible"] }, option: "the call's failover.retryableCodes[0]" },
    { given: true, option: "the call's failover" },
    { given: null, option: "the call's failover" },
  ];
  test.each(BAD)("a call with failover: $given is refused before anything is sent", async ({ given, option }) => {
    const { home, second, client } = await wire().pair(sendJson);
    const failover = given as MethodPolicy;
    const error = await errorOf(METHODS.read(client.rooms, newRequestId(), { failover }));
    expect(error).toBeInstanceOf(InvalidOptionError);
    expect(error).toMatchObject({ option });
    expect([home.saw().received, second.saw().received]).toEqual([0, 0]);
  });

  test("the table decides by method, in the client's own names", async () => {
    const policies = policiesFor<IRoomServiceClient>(RoomService, {
      "*": QUICK,
      dialParticipant: { notExecutedCodes: ["unavailable"] },
      updateRoomMetadata: { idempotent: false },
    });
    const { home, second, client } = await wire().pair(sendJson, { policies });
    home.always(faults.handlerError("unavailable"));
    expect(await METHODS.read(client.rooms, newRequestId())).toBe("second");
    expect(await METHODS.mutation(client.rooms, newRequestId())).toBe("second");
    await errorOf(METHODS.update(client.rooms, newRequestId()));
    expect(client.eventsOf("failover")).toMatchObject([{ execution: "unknown" }, { execution: "none" }]);
    expectTruth(client, home, second);
  });

  test("where there is one region, a read is retried in it, and a mutation only if it did not run", async () => {
    const home = await wire().region("home");
    const client = wire().client([home], { transport: { sendJson } });
    home.script(faults.html(503), faults.resets, faults.answersAsUsual, faults.http(429));
    const [read, mutation] = [newRequestId(), newRequestId()];
    expect(await METHODS.read(client.rooms, read)).toBe("home");
    expect(home.saw(read)).toEqual({ received: 3, executed: 1 });
    expect(await METHODS.mutation(client.rooms, mutation)).toBe("home");
    expect(home.saw(mutation)).toEqual({ received: 2, executed: 1 });
    expect(client.eventsOf("retry")).toHaveLength(3);
    expectTruth(client, home);
  });

  test("with sameRegion: false, a region that failed the call is not asked again", async () => {
    const { home, second, client } = await wire().pair(sendJson, { policy: { sameRegion: false, maxAttempts: 5 } });
    home.always(faults.html(503));
    second.always(faults.html(502));
    const error = await errorOf(METHODS.read(client.rooms, newRequestId()));
    expect(failoverTrace(error)).toMatchObject({ refused: "no_region", attempts: [{}, {}] });
    expectTruth(client, home, second);
  });

  test("an idempotency key makes a mutation replayable, and is one and the same in all attempts", async () => {
    const { home, second, client } = await wire().pair(sendJson, { policy: { idempotencyKey: true } });
    home.always(faults.ran(faults.resets));
    expect(await METHODS.mutation(client.rooms, newRequestId())).toBe("second");
    expect(await METHODS.mutation(client.rooms, newRequestId())).toBe("second");
    const keys = [...home.received, ...second.received].map(({ headers }) => headers["idempotency-key"]);
    expect(keys.slice(0, 2)).toEqual(keys.slice(2));
    expect(new Set(keys).size).toBe(2);
    expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
  });

  test("a key that the caller has set is kept, under any name and in any case", async () => {
    const { home, client } = await wire().pair(sendJson, { policy: { idempotencyKey: "X-Request-Key" } });
    await METHODS.mutation(client.rooms, newRequestId(), { meta: { "x-request-key": "mine" } });
    expect(home.received[0]?.headers).toMatchObject({ "x-request-key": "mine" });
  });
});

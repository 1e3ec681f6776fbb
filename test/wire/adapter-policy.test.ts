/** Policies on the wire: from the table, from the call, and the idempotency key that is sent with every attempt. */
import { failoverTrace, InvalidOptionError, type MethodPolicy, policiesFor } from "twirp-failover";
import { describe, expect, test } from "vitest";
import type { IRoomServiceClient } from "../../proto/gen/rooms.client.js";
import { RoomService } from "../../proto/gen/rooms.js";
import type { RoomServiceClient } from "../../proto/gen/rooms.twirp.js";
import * as faults from "../support/faults.js";
import { CLIENTS, errorOf, expectTruth, newRequestId, QUICK, useWire } from "../support/wire.js";

const notExecutedCodes = ["unavailable"] as const;

const TABLES = [
  {
    names: "protobuf-ts",
    policies: policiesFor<IRoomServiceClient>(RoomService, {
      "*": QUICK,
      dialParticipant: { notExecutedCodes },
      updateRoomMetadata: { idempotent: false },
    }),
  },
  {
    names: "twirp-ts",
    policies: policiesFor<RoomServiceClient>(RoomService, {
      DialParticipant: { notExecutedCodes },
      UpdateRoomMetadata: { idempotent: false },
    }),
  },
] as const;

describe.each(CLIENTS)("policies, $name, $format", (kind) => {
  const wire = useWire();

  test("a call with failover: false makes one attempt after any failure", async () => {
    const { home, second, client } = await wire().pair(kind);
    home.always(faults.http(429));
    const error = await errorOf(client.read(newRequestId(), { failover: false }));
    expect(failoverTrace(error)?.refused).toBe("disabled");
    expect(client.eventsOf("replay_refused")).toMatchObject([{ reason: "disabled" }]);
    expect(await client.read(newRequestId())).toBe("second");
    expectTruth(client, home, second);
  });

  test("a call may declare itself idempotent, and this affects no other call", async () => {
    const { home, second, client } = await wire().pair(kind);
    home.always(faults.ran(faults.resets));
    expect(await client.mutation(newRequestId(), { failover: { idempotent: true } })).toBe("second");
    await errorOf(client.mutation(newRequestId()));
    expect(second.saw().received).toBe(1);
    expectTruth(client, home, second);
  });

  test("a call may forbid replays that its method allows", async () => {
    const { home, second, client } = await wire().pair(kind);
    home.always(faults.html(503));
    const error = await errorOf(client.read(newRequestId(), { failover: { idempotent: false } }));
    expect(failoverTrace(error)?.refused).toBe("not_idempotent");
    expectTruth(client, home, second);
  });

  const BAD: readonly { given: unknown; option: string }[] = [
    { given: { maxAttempts: 0 }, option: `${kind.callPolicy}.maxAttempts` },
    { given: { initialBackoffMs: 0 }, option: `${kind.callPolicy}.initialBackoffMs` },
    { given: { perAttemptTimoutMs: 5 }, option: expect.stringContaining(kind.callPolicy) },
    { given: { retryableCodes: ["unavailible"] }, option: `${kind.callPolicy}.retryableCodes[0]` },
    { given: true, option: kind.callPolicy },
    { given: null, option: kind.callPolicy },
  ];
  test.each(BAD)("a call with failover: $given is refused before anything is sent", async ({ given, option }) => {
    const { home, second, client } = await wire().pair(kind);
    const failover = given as MethodPolicy;
    const error = await errorOf(client.read(newRequestId(), { failover }));
    expect(error).toBeInstanceOf(InvalidOptionError);
    expect(error).toMatchObject({ option });
    expect([home.saw().received, second.saw().received]).toEqual([0, 0]);
  });

  test.each(TABLES)("the table decides by method, in the names of $names", async ({ policies }) => {
    const { home, second, client } = await wire().pair(kind, { policies });
    home.always(faults.handlerError("unavailable"));
    expect(await client.read(newRequestId())).toBe("second");
    expect(await client.mutation(newRequestId())).toBe("second");
    await errorOf(client.update(newRequestId()));
    expect(client.eventsOf("failover")).toMatchObject([{ execution: "unknown" }, { execution: "none" }]);
    expectTruth(client, home, second);
  });

  test("with one region, a read is retried in it, and a mutation only if it did not run", async () => {
    const home = await wire().region("home");
    const client = wire().connect(kind, [home]);
    home.script(faults.html(503), faults.resets, faults.answersAsUsual, faults.http(429));
    const [read, mutation] = [newRequestId(), newRequestId()];
    expect(await client.read(read)).toBe("home");
    expect(home.saw(read)).toEqual({ received: 3, executed: 1 });
    expect(await client.mutation(mutation)).toBe("home");
    expect(home.saw(mutation)).toEqual({ received: 2, executed: 1 });
    expect(client.eventsOf("retry")).toHaveLength(3);
    expectTruth(client, home);
  });

  test("with sameRegion: false, a region that failed the call is not tried again", async () => {
    const { home, second, client } = await wire().pair(kind, { policy: { sameRegion: false, maxAttempts: 5 } });
    home.always(faults.html(503));
    second.always(faults.html(502));
    const error = await errorOf(client.read(newRequestId()));
    expect(failoverTrace(error)).toMatchObject({ refused: "no_region", attempts: [{}, {}] });
    expectTruth(client, home, second);
  });

  test("an idempotency key makes a mutation replayable, and is the same in all attempts", async () => {
    const { home, second, client } = await wire().pair(kind, { policy: { idempotencyKey: true } });
    home.always(faults.ran(faults.resets));
    expect(await client.mutation(newRequestId())).toBe("second");
    expect(await client.mutation(newRequestId())).toBe("second");
    const keys = [...home.received, ...second.received].map(({ headers }) => headers["idempotency-key"]);
    expect(keys.slice(0, 2)).toEqual(keys.slice(2));
    expect(new Set(keys).size).toBe(2);
    expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
  });

  test("a key that the caller has set is kept, with any header name in any case", async () => {
    const { home, client } = await wire().pair(kind, { policy: { idempotencyKey: "X-Request-Key" } });
    await client.mutation(newRequestId(), { meta: { "x-request-key": "mine" } });
    expect(home.received[0]?.headers).toMatchObject({ "x-request-key": "mine" });
  });
});

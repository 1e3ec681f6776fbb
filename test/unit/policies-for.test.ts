import { describe, expect, test } from "vitest";
import type { IRoomServiceClient } from "../../proto/gen/rooms.client.js";
import rooms from "../../proto/gen/rooms.js";
import { createFailover } from "../../src/failover.js";
import { policiesFor } from "../../src/policy-table.js";
import { refusalOf } from "./support/refusal.js";
import { noAnswer, ok, simulate, useSimulatedTime } from "./support/simulation.js";

const { RoomService } = rooms;
const METHODS = "getRoom, listRooms, updateRoomMetadata, dialParticipant, startRecording";

describe("policiesFor", () => {
  test("turns the client's method names into those of the .proto", () => {
    const table = policiesFor<IRoomServiceClient>(RoomService, {
      "*": { timeoutMs: 3_000 },
      getRoom: { perAttemptTimeoutMs: 500 },
      updateRoomMetadata: { maxAttempts: 2 },
    });
    expect(table).toEqual({
      "acme.rooms.v1.RoomService/*": { timeoutMs: 3_000 },
      "acme.rooms.v1.RoomService/GetRoom": { perAttemptTimeoutMs: 500 },
      "acme.rooms.v1.RoomService/UpdateRoomMetadata": { maxAttempts: 2 },
    });
  });

  test("makes what createFailover takes, and several spread into one", () => {
    const table = policiesFor<IRoomServiceClient>(RoomService, { dialParticipant: { timeoutMs: 60_000 } });
    const other = policiesFor<{ ping(): void }>(
      { typeName: "acme.Other", methods: [{ name: "Ping", localName: "ping" }] },
      { ping: { idempotent: true } },
    );
    const policies = { "*": { maxAttempts: 2 }, ...table, ...other };
    expect(() => createFailover({ regions: ["https://eu.example.com"], policies })).not.toThrow();
    expect(Object.keys(policies)).toEqual(["*", "acme.rooms.v1.RoomService/DialParticipant", "acme.Other/Ping"]);
  });

  test("leaves out an entry that is undefined", () => {
    const policies = { getRoom: undefined } as unknown as { getRoom: { maxAttempts: number } };
    expect(policiesFor<IRoomServiceClient>(RoomService, policies)).toEqual({});
  });
});

describe("a misspelt method", () => {
  test("is refused by the compiler, and at run time with the methods that there are", () => {
    const { message } = refusalOf(() =>
      // @ts-expect-error: there is no such method.
      policiesFor<IRoomServiceClient>(RoomService, { getRooms: { maxAttempts: 2 } }),
    );
    expect(message).toBe(
      "twirp-failover: a key of policiesFor(acme.rooms.v1.RoomService) must be " +
        `"*" or a method of that service (${METHODS}); got "getRooms" (did you mean "getRoom"?)`,
    );
  });

  test("in the spelling of the .proto is refused too: these are the client's names", () => {
    const { message } = refusalOf(() =>
      // @ts-expect-error: it is getRoom here.
      policiesFor<IRoomServiceClient>(RoomService, { GetRoom: {} }),
    );
    expect(message).toContain('GetRoom" (did you mean "getRoom"?)');
  });

  test("may be a property of the generated client class that is no method", () => {
    interface Client extends IRoomServiceClient {
      typeName: string;
    }
    const { message } = refusalOf(() =>
      // @ts-expect-error: a property, and no method.
      policiesFor<Client>(RoomService, { typeName: {} }),
    );
    expect(message).toContain("typeName");
  });

  test.each(["constructor", "__proto__x", "toString"])("may be one that every object has: %s", (name) => {
    const { message } = refusalOf(() => policiesFor<IRoomServiceClient>(RoomService, { [name]: {} } as object));
    expect(message).toContain(`got "${name}`);
  });
});

describe("a bad policy", () => {
  test("is refused where it is written, by the client's name of the method", () => {
    const { message } = refusalOf(() => policiesFor<IRoomServiceClient>(RoomService, { getRoom: { maxAttempts: 0 } }));
    expect(message).toBe(
      "twirp-failover: policiesFor(acme.rooms.v1.RoomService).getRoom.maxAttempts must be a whole number of at least 1; got 0",
    );
  });

  test("is refused by the compiler where its option does not exist", () => {
    const { message } = refusalOf(() =>
      // @ts-expect-error: there is no such option.
      policiesFor<IRoomServiceClient>(RoomService, { "*": { retries: 3 } }),
    );
    expect(message).toContain("an option of policiesFor(acme.rooms.v1.RoomService).* must be one of");
  });
});

describe("in a call", () => {
  useSimulatedTime();

  test('"*" governs every method of the service, and the method itself governs over it', async () => {
    const policies = policiesFor<IRoomServiceClient>(RoomService, {
      "*": { idempotent: true },
      dialParticipant: { idempotent: false },
    });
    const sim = simulate({ replies: (n) => (n % 2 === 0 ? noAnswer() : ok()), policies });
    expect(await sim.run({ method: "StartRecording" })).toMatchObject({ ok: true });
    expect(await sim.run({ method: "DialParticipant" })).toMatchObject({ ok: false });
  });

  test("the generated service says itself what is idempotent", async () => {
    const levels = RoomService.methods.map(({ name, idempotency }) => [name, idempotency]);
    expect(levels).toEqual([
      ["GetRoom", "NO_SIDE_EFFECTS"],
      ["ListRooms", "NO_SIDE_EFFECTS"],
      ["UpdateRoomMetadata", "IDEMPOTENT"],
      ["DialParticipant", undefined],
      ["StartRecording", undefined],
    ]);
    for (const [method, idempotencyLevel] of levels) {
      const sim = simulate({ replies: [noAnswer(), ok()] });
      const settled = await sim.run({ method: method as string, idempotencyLevel: idempotencyLevel as "IDEMPOTENT" });
      expect(settled.ok, method).toBe(idempotencyLevel !== undefined);
    }
  });
});

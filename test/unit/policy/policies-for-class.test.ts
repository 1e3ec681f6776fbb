import { expect, test } from "vitest";
import rooms from "../../../proto/gen/rooms.client.js";
import twirp from "../../../proto/gen/rooms.twirp.js";
import { policiesFor } from "../../../src/policy/policies-for.js";
import { refusalOf } from "../helpers/refusal.js";

const { RoomServiceClient } = rooms;

test("a client class gives both the names that the compiler checks and the service they are checked against", () => {
  expect(policiesFor(RoomServiceClient, { "*": { timeoutMs: 3_000 }, getRoom: { maxAttempts: 2 } })).toEqual({
    "acme.rooms.v1.RoomService/*": { timeoutMs: 3_000 },
    "acme.rooms.v1.RoomService/GetRoom": { maxAttempts: 2 },
  });
  const { message } = refusalOf(() =>
    // @ts-expect-error: there is no such method.
    policiesFor(RoomServiceClient, { getRooms: {} }),
  );
  expect(message).toContain('acme.rooms.v1.RoomService has no method "getRooms" (did you mean "getRoom"?)');
});

test("the properties of a client class that are not methods are refused by the compiler", () => {
  // @ts-expect-error: a property, not a method.
  expect(() => policiesFor(RoomServiceClient, { typeName: {} })).toThrow(/has no method "typeName"/);
});

test("the list of methods that twirp-ts generates gives its names to the compiler", () => {
  const service = { typeName: "acme.rooms.v1.RoomService", methods: twirp.RoomServiceMethodList };
  expect(policiesFor(service, { GetRoom: { maxAttempts: 2 } })).toEqual({
    "acme.rooms.v1.RoomService/GetRoom": { maxAttempts: 2 },
  });
  // @ts-expect-error: it is GetRoom here.
  expect(() => policiesFor(service, { getRoom: {} })).toThrow(/has no method "getRoom"/);
});

/** What newcomers pass for a service: the error says what to pass instead. */
import { describe, expect, test } from "vitest";
import gen from "../../../proto/gen/rooms.js";
import twirp from "../../../proto/gen/rooms.twirp.js";
import { createFailover } from "../../../src/failover.js";
import { policiesFor, policiesFrom } from "../../../src/policy/policies-for.js";
import { httpRegions } from "../../../src/regions/discovery/http.js";
import { refusalOf } from "../helpers/refusal.js";

const { RoomService } = gen;
const never = (value: unknown) => value as never;

describe("policiesFor", () => {
  const SERVICES: readonly [string, unknown, string][] = [
    ["a client class of twirp-ts", twirp.RoomServiceClientJSON, "a function"],
    ["undefined, as for a name that the module does not export", undefined, "undefined"],
    ["a name", "acme.rooms.v1.RoomService", '"acme.rooms.v1.RoomService"'],
    ["the list of methods alone", twirp.RoomServiceMethodList, "a list of 5"],
    ["a function that is no class", () => RoomService, "a function"],
    ["null", null, "null"],
    ["methods without a name", { typeName: "acme.Rooms", methods: [{}] }, "an object"],
  ];

  test.each(SERVICES)("refuses %s", (_, service, shown) => {
    const error = refusalOf(() => policiesFor(never(service), never({ GetRoom: {} })));
    expect(error.message).toBe(
      "twirp-failover: policiesFor's service must be the class of a client that protobuf-ts generated (RoomServiceClient), " +
        'or { typeName: "acme.rooms.v1.RoomService", methods: RoomServiceMethodList } with the list that twirp-ts generated; ' +
        `got ${shown}`,
    );
  });

  test.each([[undefined], [null], [[]], ["*"]])("refuses policies that are %j", (policies) => {
    const { message } = refusalOf(() => policiesFor(RoomService, never(policies)));
    expect(message).toContain("policiesFor(acme.rooms.v1.RoomService)'s policies must be an object; got ");
  });
});

describe("policiesFrom", () => {
  const SERVICES: readonly [string, unknown, string][] = [
    ["a list of services", [RoomService], "a list of 1"],
    ["undefined", undefined, "undefined"],
    ["a name", "acme.rooms.v1.RoomService", '"acme.rooms.v1.RoomService"'],
    ["a client class", twirp.RoomServiceClientJSON, "a function"],
    ["twirp-ts's list of methods", { typeName: "acme.Rooms", methods: ["GetRoom"] }, "an object"],
  ];

  test.each(SERVICES)("refuses %s", (_, service, shown) => {
    const { message } = refusalOf(() => policiesFrom(RoomService, never(service)));
    expect(message).toBe(
      "twirp-failover: policiesFrom's service must be what protobuf-ts generated for a service (RoomService), or " +
        `{ typeName, methods: [{ name, idempotency }] }; got ${shown}`,
    );
  });
});

test("a source in a list is refused with what to write", () => {
  const regions = [httpRegions({ home: "https://us-east.example.com/twirp" })];
  expect(refusalOf(() => createFailover({ regions: never(regions) })).message).toBe(
    "twirp-failover: regions[0] must be a region; got a source of regions, which is given by itself: regions: httpRegions(…)",
  );
});

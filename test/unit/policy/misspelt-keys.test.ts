/** Keys of the policy table that name nothing, but resemble what is called. */
import { describe, expect, test } from "vitest";
import type { RpcCall } from "../../../src/call/rpc-call.js";
import { Policies, type PolicyTable } from "../../../src/policy/policy-table.js";
import { ok, simulate, useSimulatedTime } from "../helpers/simulation.js";

const SERVICE = "acme.rooms.v1.RoomService";
const METHODS = ["GetItem", "ListItems", "DialParticipant"];

useSimulatedTime();

/** The warnings that each of these calls caused. */
async function warningsOf(policies: PolicyTable, ...calls: readonly Partial<RpcCall<string>>[]): Promise<string[][]> {
  const sim = simulate({ replies: [ok()], policies });
  const told: string[][] = [];
  for (const call of calls) {
    const before = sim.eventsOf("warning").length;
    await sim.run(call);
    told.push(
      sim
        .eventsOf("warning")
        .slice(before)
        .map(({ message }) => message),
    );
  }
  return told;
}

const keyed = (...keys: readonly string[]) =>
  Object.fromEntries(keys.map((key) => [key, { maxAttempts: 2 }])) as PolicyTable;

describe("where all methods of the service are known", () => {
  const call = (method: string) => ({ method, methods: METHODS });

  test.each([
    ["getItem", "GetItem"],
    ["GETITEM", "GetItem"],
    ["GetItme", "GetItem"],
    ["GetItems", "GetItem"],
    ["SetItem", "GetItem"],
    ["DialParticipants", "DialParticipant"],
    ["listitem", "ListItems"],
  ])("the key of %s is reported at the first call of the service, whatever its method", async (typo, meant) => {
    const told = await warningsOf(keyed(`${SERVICE}/${typo}`), call("DialParticipant"), call(meant));
    expect(told).toEqual([
      [
        `policies["${SERVICE}/${typo}"] applies to nothing: ${SERVICE} has no method "${typo}"; ` +
          `did you mean "${SERVICE}/${meant}"?`,
      ],
      [],
    ]);
  });

  test("every such key is reported, once", async () => {
    const table = keyed(`${SERVICE}/getItem`, `${SERVICE}/GetItme`, `${SERVICE}/ListItems`);
    const [first, ...others] = await warningsOf(table, ...METHODS.map(call), call("GetItem"));
    expect(first).toHaveLength(2);
    expect(others.flat()).toEqual([]);
  });

  test("also where the method that was meant has a key of its own", async () => {
    const [told] = await warningsOf(keyed(`${SERVICE}/GetItem`, `${SERVICE}/getItem`), call("ListItems"));
    expect(told).toHaveLength(1);
  });

  test("keys that name methods, and keys that resemble none, are not reported", async () => {
    const table = keyed("*", `${SERVICE}/*`, ...METHODS.map((name) => `${SERVICE}/${name}`), `${SERVICE}/NotYetThere`);
    expect(await warningsOf(table, ...METHODS.map(call))).toEqual([[], [], []]);
  });

  test("the list is not asked for where the table has nothing about the service, and once where it has", () => {
    const asked: string[] = [];
    const knownOf = (service: string) => ({
      get methods() {
        asked.push(service);
        return METHODS;
      },
    });
    const policies = new Policies(keyed(`${SERVICE}/GetItem`), () => {});
    for (const method of [...METHODS, ...METHODS]) {
      policies.resolve(SERVICE, method, undefined, knownOf(SERVICE));
      policies.resolve("acme.Other", method, undefined, knownOf("acme.Other"));
    }
    expect(asked).toEqual([SERVICE]);
  });
});

describe("where only the called method is known", () => {
  const call = (method: string) => ({ method });
  const message = (typo: string, called: string) =>
    `policies["${SERVICE}/${typo}"] does not apply to ${SERVICE}/${called}, which is called; ` +
    `did you mean "${SERVICE}/${called}"?`;

  test.each([
    ["getItem", "GetItem"],
    ["GetItme", "GetItem"],
    ["GetItems", "GetItem"],
    ["DialParticipnat", "DialParticipant"],
  ])("the key of %s is reported once, when %s is called", async (typo, meant) => {
    const table = keyed(`${SERVICE}/${typo}`);
    const told = await warningsOf(table, call("Unrelated"), call(meant), call(meant), { ...call(meant) });
    expect(told).toEqual([[], [message(typo, meant)], [], []]);
  });

  test("a key that differs in case alone is reported even if the method has a key of its own", async () => {
    const table = keyed(`${SERVICE}/GetItem`, `${SERVICE}/getItem`);
    expect(await warningsOf(table, call("GetItem"))).toEqual([[message("getItem", "GetItem")]]);
  });

  test("a neighbour of a method that has a key of its own is taken for another method", async () => {
    const table = keyed(`${SERVICE}/GetItem`, `${SERVICE}/GetItems`);
    expect(await warningsOf(table, call("GetItem"), call("GetItems"))).toEqual([[], []]);
  });

  test("a key whose method was called is not suspected afterwards", async () => {
    expect(await warningsOf(keyed(`${SERVICE}/GetItems`), call("GetItems"), call("GetItem"))).toEqual([[], []]);
  });

  test.each([
    ["SetItem", "GetItem", "a verb"],
    ["CreateItemV1", "CreateItemV2", "a version"],
    ["Pin", "Pay", "a short word"],
  ])("%s is taken for another method than %s: %s", async (key, called) => {
    expect(await warningsOf(keyed(`${SERVICE}/${key}`), call(called))).toEqual([[]]);
  });
});

describe.each([
  ["all methods are known", METHODS],
  ["only the called method is known", undefined],
])("a service that is misspelt, where %s", (_, methods) => {
  const call = (service: string, method = "GetItem") => ({ service, method, methods });
  const message = (typo: string) =>
    `policies has keys of the service "${typo}", which is not called; did you mean "${SERVICE}"?`;

  test.each([
    "acme.rooms.v1.RoomServce",
    "acme.room.v1.RoomService",
    "acme.rooms.v1.Roomservice",
    "RoomService",
    "v1.RoomService",
  ])("as %s, is reported once, however many keys and calls there are", async (typo) => {
    const table = keyed(`${typo}/GetItem`, `${typo}/*`, `${typo}/ListItems`);
    const told = await warningsOf(table, call(SERVICE), call(SERVICE), call(SERVICE, "ListItems"));
    expect(told).toEqual([[message(typo)], [], []]);
  });

  test.each(["acme.rooms.v2.RoomService", "acme.rooms.v1.ZoomService", "acme.users.v1.UserService", "Service"])(
    "%s is taken for another service",
    async (other) => {
      expect(await warningsOf(keyed(`${other}/GetItem`), call(SERVICE))).toEqual([[]]);
    },
  );

  test("a neighbour of a service that has keys of its own is taken for another service", async () => {
    const table = keyed("acme.rooms.v1.RoomServices/*", `${SERVICE}/*`);
    expect(await warningsOf(table, call(SERVICE), call("acme.rooms.v1.RoomServices"))).toEqual([[], []]);
  });

  test("a service that was called is not suspected afterwards", async () => {
    const other = "acme.rooms.v1.RoomServices";
    expect(await warningsOf(keyed(`${other}/*`), call(other), call(SERVICE))).toEqual([[], []]);
  });
});

test("names of any length and from anywhere are compared in no time", async () => {
  const table = keyed(`${SERVICE}/${"GetItem".repeat(1_000)}`);
  const call = { method: "GetItem".repeat(1_000_000) };
  const started = process.hrtime.bigint();
  await warningsOf(table, call, { ...call, methods: [call.method] });
  expect(Number(process.hrtime.bigint() - started) / 1e6).toBeLessThan(500);
});

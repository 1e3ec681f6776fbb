import { describe, expect, test } from "vitest";
import { DEFAULT_POLICY, type MethodPolicy } from "../../../src/policy/policy.js";
import { type IdempotencyLevel, Policies, type PolicyTable } from "../../../src/policy/policy-table.js";
import { noAnswer, ok, simulate, useSimulatedTime } from "../helpers/simulation.js";

const SERVICE = "acme.rooms.v1.RoomService";

const policies = (table: PolicyTable) => new Policies(table, () => {});

interface Declared {
  own?: boolean;
  exact?: boolean;
  service?: boolean;
  level?: IdempotencyLevel;
  all?: boolean;
}

function idempotencyOf({ own, exact, service, level, all }: Declared): boolean {
  const table: Record<string, MethodPolicy> = {};
  if (exact !== undefined) table[`${SERVICE}/DialParticipant`] = { idempotent: exact };
  if (service !== undefined) table[`${SERVICE}/*`] = { idempotent: service };
  if (all !== undefined) table["*"] = { idempotent: all };
  const found = policies(table);
  const ofMethod = found.resolve(SERVICE, "DialParticipant", level);
  return (own === undefined ? ofMethod : found.override(ofMethod, { idempotent: own })).idempotent;
}

describe("whether a method is idempotent is decided by", () => {
  test("nothing, and then it is not idempotent", () => {
    expect(idempotencyOf({})).toBe(false);
  });

  test('"*", if no more specific entry says so', () => {
    expect(idempotencyOf({ all: true })).toBe(true);
  });

  test.each(["NO_SIDE_EFFECTS", "IDEMPOTENT"] as const)('the .proto with %s, over "*"', (level) => {
    expect(idempotencyOf({ level })).toBe(true);
    expect(idempotencyOf({ level, all: false })).toBe(true);
  });

  test("service/*, over the .proto", () => {
    expect(idempotencyOf({ service: false, level: "IDEMPOTENT", all: true })).toBe(false);
    expect(idempotencyOf({ service: true, all: false })).toBe(true);
  });

  test("the exact method, over service/*", () => {
    expect(idempotencyOf({ exact: false, service: true, level: "IDEMPOTENT", all: true })).toBe(false);
    expect(idempotencyOf({ exact: true, service: false, all: false })).toBe(true);
  });

  test("the call's own policy, over everything else", () => {
    expect(idempotencyOf({ own: false, exact: true, service: true, level: "IDEMPOTENT", all: true })).toBe(false);
    expect(idempotencyOf({ own: true, exact: false, service: false, all: false })).toBe(true);
  });

  test("only those entries that have the option", () => {
    const found = policies({
      [`${SERVICE}/GetRoom`]: { timeoutMs: 1 },
      [`${SERVICE}/*`]: { idempotent: undefined } as never,
    });
    expect(found.resolve(SERVICE, "GetRoom", "NO_SIDE_EFFECTS").idempotent).toBe(true);
    expect(found.resolve(SERVICE, "GetRoom", undefined).idempotent).toBe(false);
  });
});

describe("every other option", () => {
  const found = policies({
    "*": { timeoutMs: 1_000, maxAttempts: 2, initialBackoffMs: 10, retryableCodes: ["unavailable"] },
    [`${SERVICE}/*`]: { timeoutMs: 2_000, maxAttempts: 4 },
    [`${SERVICE}/GetRoom`]: { timeoutMs: 3_000 },
  });

  test("is taken from the most specific entry that has it", () => {
    expect(found.resolve(SERVICE, "GetRoom", undefined)).toMatchObject({
      timeoutMs: 3_000,
      maxAttempts: 4,
      initialBackoffMs: 10,
      retryableCodes: new Set(["unavailable"]),
      maxBackoffMs: DEFAULT_POLICY.maxBackoffMs,
    });
    expect(found.resolve(SERVICE, "ListRooms", undefined)).toMatchObject({ timeoutMs: 2_000, maxAttempts: 4 });
    expect(found.resolve("acme.Other", "GetRoom", undefined)).toMatchObject({ timeoutMs: 1_000, maxAttempts: 2 });
  });

  test("a list replaces the list of a less specific entry", () => {
    const own = found.override(found.resolve(SERVICE, "GetRoom", undefined), { retryableCodes: ["internal"] });
    expect([...(own.retryableCodes ?? [])]).toEqual(["internal"]);
  });

  test("the call's own policy does not change the options that it leaves out", () => {
    const base = found.resolve(SERVICE, "GetRoom", undefined);
    expect(found.override(base, { maxAttempts: 1 })).toEqual({ ...base, maxAttempts: 1 });
  });

  test("failover: false for one call means one attempt and no replay", () => {
    const base = found.resolve(SERVICE, "GetRoom", undefined);
    expect(found.override(base, false)).toEqual({ ...base, replay: false });
  });

  test("an entry for a service does not apply to a service whose name only begins with that name", () => {
    expect(found.resolve(`${SERVICE}2`, "GetRoom", undefined).timeoutMs).toBe(1_000);
    expect(found.resolve("acme.rooms.v1", "GetRoom", undefined).timeoutMs).toBe(1_000);
  });

  test("without any entry the defaults apply", () => {
    expect(policies({}).resolve(SERVICE, "GetRoom", undefined)).toEqual(DEFAULT_POLICY);
  });

  test("resolving the same method again returns the same object", () => {
    expect(found.resolve(SERVICE, "GetRoom", undefined)).toBe(found.resolve(SERVICE, "GetRoom", undefined));
  });

  test("the defaults are the documented ones", () => {
    expect(DEFAULT_POLICY).toMatchObject({
      idempotent: false,
      replay: true,
      sameRegion: true,
      maxAttempts: 3,
      timeoutMs: 10_000,
      connectTimeoutMs: 1_000,
      initialBackoffMs: 200,
      maxBackoffMs: 2_000,
      backoffMultiplier: 2,
      retryableCodes: undefined,
      notExecutedCodes: new Set(),
    });
  });
});

describe("the idempotency key", () => {
  useSimulatedTime();

  test("is new for each call, and the same for all attempts of the call", async () => {
    const sim = simulate({ replies: [noAnswer(), ok(), ok()], policy: { idempotencyKey: true } });
    await sim.run();
    await sim.run();
    const [first, replay, other] = sim.world.requests.map(({ headers }) => headers["Idempotency-Key"]);
    expect(first).toMatch(/^[0-9a-f]{32}$/);
    expect(replay).toBe(first);
    expect(other).not.toBe(first);
  });

  test("goes into the header that the policy names", async () => {
    const sim = simulate({ replies: [ok()], policy: { idempotencyKey: "X-Request-Key" } });
    await sim.run();
    expect(Object.keys(sim.world.requests[0]?.headers ?? {})).toEqual(["X-Request-Key"]);
  });

  test("a more specific false removes it, and with it the permission to replay", async () => {
    const sim = simulate({ replies: [noAnswer(), ok()], policy: { idempotencyKey: true } });
    await sim.fail({ policy: { idempotencyKey: false } });
    expect(sim.world.requests.map(({ headers }) => headers)).toEqual([{}]);
  });
});

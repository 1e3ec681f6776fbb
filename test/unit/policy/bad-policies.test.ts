import { describe, expect, test } from "vitest";
import { createFailover } from "../../../src/failover.js";
import type { MethodPolicy } from "../../../src/policy/policy.js";
import type { PolicyTable } from "../../../src/policy/policy-table.js";
import { messageFor, refusalOf } from "../helpers/refusal.js";
import { LocalError, ok, simulate, useSimulatedTime } from "../helpers/simulation.js";

const regions = ["https://eu.example.com/twirp"];
const messageForPolicy = (policy: object) => messageFor({ policies: { "*": policy } });

describe("a policy with an invalid value", () => {
  const rows: [keyof MethodPolicy, unknown, string][] = [
    ["maxAttempts", 0, "0"],
    ["maxAttempts", -1, "-1"],
    ["maxAttempts", 1.5, "1.5"],
    ["maxAttempts", Number.NaN, "NaN"],
    ["maxAttempts", Number.POSITIVE_INFINITY, "Infinity"],
    ["maxAttempts", "3", '"3"'],
    ["maxAttempts", null, "null"],
    ["initialBackoffMs", 0, "0"],
    ["initialBackoffMs", -200, "-200"],
    ["initialBackoffMs", 0.5, "0.5"],
    ["maxBackoffMs", 0, "0"],
    ["maxBackoffMs", Number.POSITIVE_INFINITY, "Infinity"],
    ["backoffMultiplier", 0.9, "0.9"],
    ["backoffMultiplier", Number.NaN, "NaN"],
    ["timeoutMs", Number.POSITIVE_INFINITY, "Infinity"],
    ["timeoutMs", 0, "0"],
    ["timeoutMs", Number.NaN, "NaN"],
    ["timeoutMs", 2 ** 31, "2147483648"],
    ["timeoutMs", "5s", '"5s"'],
    ["perAttemptTimeoutMs", 0, "0"],
    ["perAttemptTimeoutMs", Number.POSITIVE_INFINITY, "Infinity"],
    ["connectTimeoutMs", 0, "0"],
    ["connectTimeoutMs", false, "false"],
    ["idempotent", "yes", '"yes"'],
    ["idempotent", 1, "1"],
    ["replay", "false", '"false"'],
    ["sameRegion", 0, "0"],
    ["retryableCodes", "unavailable", '"unavailable"'],
    ["retryableCodes", {}, "an object"],
    ["idempotencyKey", "", '""'],
    ["idempotencyKey", "not a header", '"not a header"'],
    ["idempotencyKey", 1, "1"],
  ];

  test.each(rows)("%s: %j is refused, and the message names the option and the value", (name, value, shown) => {
    const policies = { "*": { [name]: value } } as PolicyTable;
    const error = refusalOf(() => createFailover({ regions, policies }));
    expect(error.message).toMatch(new RegExp(`^twirp-failover: policies\\["\\*"\\]\\.${name} must be .+; got `));
    expect(error.message.endsWith(`; got ${shown}`)).toBe(true);
    expect(error.option).toBe(`policies["*"].${name}`);
    expect(error.value).toBe(value);
  });

  test.each(["retryableCodes", "notExecutedCodes"])("%s with an unknown code is refused with a suggestion", (name) => {
    const message = messageForPolicy({ [name]: ["internal", "unavailible"] });
    expect(message).toContain(`policies["*"].${name}[1]`);
    expect(message).toContain('unavailible" (did you mean "unavailable"?)');
  });

  test("a code that is not similar to any code is refused without a suggestion", () => {
    const message = messageForPolicy({ retryableCodes: ["teapot"] });
    expect(message).toContain('got "teapot"');
    expect(message).not.toContain("did you mean");
  });

  test.each([503, null, undefined])("a code that is not a string (%s) is refused", (code) => {
    expect(messageForPolicy({ retryableCodes: [code] })).toContain(`retryableCodes[0] must be one of`);
  });

  test.each(["data_loss", "CANCELLED"])("a code in another Twirp library's spelling is accepted: %s", (code) => {
    expect(() =>
      createFailover({ regions, policies: { "*": { retryableCodes: [code as "dataloss"] } } }),
    ).not.toThrow();
  });

  test.each([null, 5, "fast", []])("%j is refused as a policy", (policy) => {
    expect(messageFor({ policies: { "acme.Rooms/GetRoom": policy } })).toContain(
      'policies["acme.Rooms/GetRoom"] must be an object',
    );
  });
});

describe("an option that does not exist", () => {
  test.each([
    ["maxAttempt", "maxAttempts"],
    ["idempotant", "idempotent"],
    ["timeoutMS", "timeoutMs"],
    ["timeout", "timeoutMs"],
    ["retryableCode", "retryableCodes"],
  ])("%s in a policy is refused with the suggestion %s", (typo, meant) => {
    expect(messageForPolicy({ [typo]: 1 })).toBe(
      `twirp-failover: unknown option "${typo}" in policies["*"] (did you mean "${meant}"?)`,
    );
  });

  test("is refused without a suggestion if it is not similar to any option", () => {
    expect(messageForPolicy({ hedgehog: 1 })).toMatch(
      /unknown option "hedgehog" in policies\["\*"\]; it takes idempotent, replay, /,
    );
  });
});

describe("a key of the table", () => {
  test.each([
    "GetRoom",
    "",
    "/",
    "*/GetRoom",
    "acme.Rooms/",
    "acme.Rooms/Get Room",
    "/acme.Rooms/GetRoom",
    "acme.Rooms/*/x",
    "**",
  ])("%j is refused", (key) => {
    const message = messageFor({ policies: { [key]: {} } });
    expect(message).toBe(
      `twirp-failover: policies[${JSON.stringify(key)}] has a key that names no method; ` +
        'use "*", "pkg.Service/*" or "pkg.Service/Method"',
    );
  });

  test.each(["*", "Rooms/*", "acme.rooms.v1.Rooms/*", "acme.rooms.v1.Rooms/GetRoom", "_a.b/_c1"])(
    "%j is accepted",
    (key) => {
      expect(() => createFailover({ regions, policies: { [key]: {} } as PolicyTable })).not.toThrow();
    },
  );

  test.each([[[]], ["all"], [7]])("%j is refused as a table", (policies) => {
    expect(messageFor({ policies })).toContain("policies must be an object");
  });
});

describe("the policy of one call", () => {
  useSimulatedTime();

  test("is refused when the call starts, before any attempt", async () => {
    const sim = simulate({ replies: [ok()] });
    const error = await sim.fail({ policy: { maxAttempts: 0 } });
    expect(error).not.toBeInstanceOf(LocalError);
    expect(error.message).toBe(
      "twirp-failover: the call's failover.maxAttempts must be a whole number of at least 1; got 0",
    );
    expect(sim.asked()).toEqual([]);
  });

  test("is refused with a suggestion", async () => {
    const sim = simulate({ replies: [ok()] });
    const error = await sim.fail({ policy: { idempotant: true } as MethodPolicy });
    expect(error.message).toContain('unknown option "idempotant" in the call\'s failover (did you mean "idempotent"?)');
  });
});

import { describe, expect, test } from "vitest";
import { checkHealth } from "../../../src/health/options.js";
import { messageFor } from "../helpers/refusal.js";
import { noAnswer, ok, simulate, useSimulatedTime } from "../helpers/simulation.js";

useSimulatedTime();

describe("the defaults", () => {
  const defaults = {
    consecutiveFailures: 3,
    failureShare: 0.5,
    minimumCalls: 10,
    windowCalls: 100,
    windowMs: 60_000,
    ejectionMs: 30_000,
    maxEjectionMs: 300_000,
    whenAllEjected: "panic",
  };

  test("are the documented ones", () => {
    expect(checkHealth({})).toEqual(defaults);
  });

  test("replace options that are undefined", () => {
    const given = Object.fromEntries(Object.keys(defaults).map((name) => [name, undefined]));
    expect(checkHealth(given)).toEqual(defaults);
  });
});

describe("valid options", () => {
  test.each([
    { consecutiveFailures: 1 },
    { consecutiveFailures: Number.POSITIVE_INFINITY },
    { failureShare: 0.01 },
    { failureShare: 1 },
    { minimumCalls: 1 },
    { minimumCalls: 100 },
    { windowCalls: 10_000, minimumCalls: 10_000 },
    { windowMs: 1 },
    { ejectionMs: 1, maxEjectionMs: 2 ** 31 - 1 },
    { whenAllEjected: "fail" as const },
  ])("%j are accepted", (options) => {
    expect(checkHealth(options)).toMatchObject(options);
  });
});

describe("invalid options", () => {
  const milliseconds = "a number from 1 to 2147483647 (milliseconds)";
  const either = '"panic" or "fail"';
  test.each([
    ["consecutiveFailures", 0, "a number from 1 to Infinity", "0"],
    ["consecutiveFailures", 2.5, "a whole number", "2.5"],
    ["consecutiveFailures", Number.NaN, "a number from 1 to Infinity", "NaN"],
    ["consecutiveFailures", "3", "a number from 1 to Infinity", '"3"'],
    ["consecutiveFailures", null, "a number from 1 to Infinity", "null"],
    ["failureShare", 0, "a number from 0.01 to 1", "0"],
    ["failureShare", 1.01, "a number from 0.01 to 1", "1.01"],
    ["failureShare", 50, "a number from 0.01 to 1", "50"],
    ["failureShare", "50%", "a number from 0.01 to 1", '"50%"'],
    ["minimumCalls", 0, "a number from 1 to 100", "0"],
    ["minimumCalls", 101, "a number from 1 to 100", "101"],
    ["minimumCalls", 1.5, "a whole number", "1.5"],
    ["minimumCalls", Number.POSITIVE_INFINITY, "a number from 1 to 100", "Infinity"],
    ["windowCalls", 0, "a number from 1 to 10000", "0"],
    ["windowCalls", 10_001, "a number from 1 to 10000", "10001"],
    ["windowCalls", 99.5, "a whole number", "99.5"],
    ["windowMs", 0, milliseconds, "0"],
    ["windowMs", -1, milliseconds, "-1"],
    ["windowMs", "60s", milliseconds, '"60s"'],
    ["ejectionMs", 0, milliseconds, "0"],
    ["ejectionMs", Number.POSITIVE_INFINITY, milliseconds, "Infinity"],
    ["maxEjectionMs", 0, milliseconds, "0"],
    ["maxEjectionMs", 2 ** 31, milliseconds, "2147483648"],
    ["whenAllEjected", "ignore", either, '"ignore"'],
    ["whenAllEjected", true, either, "true"],
  ])("%s: %s is refused, and the message names both", (name, value, expected, shown) => {
    expect(messageFor({ health: { [name]: value } })).toBe(
      `twirp-failover: health.${name} must be ${expected}; got ${shown}`,
    );
  });

  test.each([
    ["ejectonMs", "ejectionMs"],
    ["windowCals", "windowCalls"],
    ["consecutive", "consecutiveFailures"],
    ["whenAllEjcted", "whenAllEjected"],
  ])("the unknown option %s is refused with the suggestion %s", (slip, meant) => {
    const message = messageFor({ health: { [slip]: 1 } });
    expect(message).toBe(`twirp-failover: unknown option "${slip}" in health (did you mean "${meant}"?)`);
  });

  test.each([
    [true, "true"],
    [null, "null"],
    ["off", '"off"'],
    [[], "an empty list"],
    [3, "3"],
  ])("health: %j is refused", (health, shown) => {
    expect(messageFor({ health })).toBe(`twirp-failover: health must be an object; got ${shown}`);
  });

  test("a window smaller than the given minimumCalls is refused, but a default minimumCalls is lowered to fit", () => {
    expect(messageFor({ health: { windowCalls: 5, minimumCalls: 10 } })).toContain(
      "health.minimumCalls must be a number from 1 to 5; got 10",
    );
    expect(checkHealth({ windowCalls: 5 })).toMatchObject({ windowCalls: 5, minimumCalls: 5 });
  });

  test("a longest ejection that is shorter than the first is refused; either one's default follows the other", () => {
    expect(messageFor({ health: { ejectionMs: 5_000, maxEjectionMs: 4_999 } })).toBe(
      "twirp-failover: health.maxEjectionMs must be at least health.ejectionMs, which is 5000; got 4999",
    );
    expect(checkHealth({ ejectionMs: 5_000, maxEjectionMs: 5_000 })).toMatchObject({ maxEjectionMs: 5_000 });
    expect(checkHealth({ ejectionMs: 600_000 })).toMatchObject({ maxEjectionMs: 600_000 });
    expect(checkHealth({ maxEjectionMs: 1_000 })).toMatchObject({ ejectionMs: 1_000 });
  });
});

describe("example settings", () => {
  test("as in Cody Gateway: home is ejected when 95 of its last 100 calls failed", async () => {
    let asked = 0;
    const sim = simulate({
      replies: (_, { id }) => (id !== "a" || ++asked <= 5 ? ok() : noAnswer()),
      policy: { idempotent: true },
      retryThrottling: false,
      health: {
        consecutiveFailures: Number.POSITIVE_INFINITY,
        failureShare: 0.95,
        minimumCalls: 100,
        windowCalls: 100,
        windowMs: 60_000,
      },
    });
    for (let i = 0; i < 150; i++) await sim.run();
    expect(sim.asked().filter((id) => id === "a")).toHaveLength(100);
    expect(sim.eventsOf("region_ejected")).toMatchObject([{ region: "a", reason: "failure_share", consecutive: 1 }]);
  });

  test("false: every call starts at home, and all regions are shown as healthy", async () => {
    const sim = simulate({
      replies: (_, { id }) => (id === "a" ? noAnswer() : ok()),
      policy: { idempotent: true },
      health: false,
    });
    for (let i = 0; i < 20; i++) await sim.run();
    expect(sim.asked().filter((id) => id === "a")).toHaveLength(20);
    expect(sim.eventsOf("region_ejected")).toEqual([]);
    expect(sim.failover.regions().map(({ state }) => state)).toEqual(["healthy", "healthy", "healthy"]);
  });
});

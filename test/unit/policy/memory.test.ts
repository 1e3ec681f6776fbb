/** A proxy hands over whatever names it is asked for, so what is kept by name must have an end. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { Policies } from "../../../src/policy/policy-table.js";
import { createRetryBudget } from "../../../src/policy/retry-budget.js";
import { clockWith, ok, simulate, twirp, useSimulatedTime } from "../helpers/simulation.js";

useSimulatedTime();

const NAMES = 100_000;
const MiB = 2 ** 20;

// Node gives its collector only to those who ask for it at the start; V8 also to those who ask later.
setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

function heapUsed(): number {
  for (let i = 0; i < 2; i++) collect();
  return process.memoryUsage().heapUsed;
}

/** What is kept after `NAMES` names, in bytes. */
function kept(use: (name: string) => void): number {
  for (let i = 0; i < 5_000; i++) use(`warm-up ${i}`);
  const before = heapUsed();
  for (let i = 0; i < NAMES; i++) use(`name ${i}`);
  return heapUsed() - before;
}

describe("policies", () => {
  const policies = () => new Policies({ "*": { timeoutMs: 1_000 }, "s/Known": { timeoutMs: 7 } }, () => {});

  test.each<[string, (found: Policies, name: string) => unknown]>([
    ["methods", (found, name) => found.resolve("acme.Rooms", name, undefined)],
    ["services", (found, name) => found.resolve(name, "GetRoom", undefined)],
    ["services and methods", (found, name) => found.resolve(`acme.${name}`, name, "IDEMPOTENT")],
    ["levels, of an adapter that passes on what it reads", (found, name) => found.resolve("s", "m", name as never)],
  ])("of any number of %s take no more memory than those of a thousand", (_, resolve) => {
    const found = policies();
    expect(kept((name) => resolve(found, name))).toBeLessThan(MiB);
    expect(found.resolve("s", "Known", undefined).timeoutMs).toBe(7);
  });

  test("of a client's methods are made once, so that a call pays for look-ups only", () => {
    const found = policies();
    const names = Array.from({ length: 900 }, (_, i) => `Method${i}`);
    const first = names.map((name) => found.resolve("acme.Rooms", name, undefined));
    expect(names.every((name, i) => found.resolve("acme.Rooms", name, undefined) === first[i])).toBe(true);
  });

  test("that were forgotten come out the same again", () => {
    const found = policies();
    const first = found.resolve("s", "Known", "IDEMPOTENT");
    for (let i = 0; i < 5_000; i++) found.resolve("s", `name ${i}`, undefined);
    expect(found.resolve("s", "Known", "IDEMPOTENT")).toEqual(first);
  });
});

describe("the budgets of methods", () => {
  test("take no more memory for any number of failing methods than for a thousand", () => {
    const budget = createRetryBudget({}, clockWith());
    expect(kept((name) => budget.withdraw(name))).toBeLessThan(MiB);
  });

  test("take no memory for methods that are only looked at", () => {
    const budget = createRetryBudget({}, clockWith());
    expect(kept((name) => budget.balance(name))).toBeLessThan(MiB / 4);
    expect(budget.balance("never seen")).toBe(100);
  });

  test("are kept for the method that is broken while others come and go", () => {
    const budget = createRetryBudget({ maxTokens: 10, tokenRatio: 1 }, clockWith());
    for (let i = 0; i < 9_000; i++) {
      budget.withdraw("s/Broken");
      budget.withdraw(`s/Once${i}`);
    }
    expect(budget.reserve("s/Broken")).toBeUndefined();
    expect(budget.balance("s/Broken")).toBeLessThan(2);
  });
});

test("thousands of calls of as many methods, of which each fails twice, leave the heap as the first calls left it", async () => {
  const sim = simulate({ replies: (n) => (n % 3 === 2 ? ok(0) : twirp("internal", {}, 0)), health: false });
  const policy = { idempotent: true, initialBackoffMs: 1 };
  const call = async (method: string) => {
    await sim.run({ method, policy });
    sim.world.requests.length = 0;
    sim.world.errors.clear();
    sim.events.length = 0;
  };
  for (let i = 0; i < 1_500; i++) await call(`WarmUp${i}`);
  const before = heapUsed();
  for (let i = 0; i < 6_000; i++) await call(`Method${i}`);
  expect(heapUsed() - before).toBeLessThan(MiB);
});

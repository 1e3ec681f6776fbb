/** `priority` with `order: "weight"`, as in DNS SRV: the lowest value first, with weights within one value. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createSorter } from "../../../src/regions/order.js";
import type { Region } from "../../../src/regions/region.js";
import { messageFor } from "../helpers/refusal.js";
import {
  http,
  noAnswer,
  ok,
  type Reply,
  regionNamed,
  seededRandom,
  simulate,
  useSimulatedTime,
} from "../helpers/simulation.js";
import { switchboard } from "../helpers/switchboard.js";

useSimulatedTime();

const region = (id: string, priority?: number, weight?: number): Region => ({
  ...regionNamed(id),
  ...(priority !== undefined && { priority }),
  ...(weight !== undefined && { weight }),
});

const FIRST = [region("a", 1, 3), region("b", 1, 1)];
const SECOND = [region("c", 2, 1), region("d", 2, 1)];
const REGIONS = [SECOND[0], FIRST[0], SECOND[1], FIRST[1]] as Region[];
const IS_FIRST = new Set(FIRST.map(({ id }) => id));

describe("the lowest priority value", () => {
  test("gets all calls while its regions are healthy, shared by their weights", async () => {
    const board = switchboard({}, { regions: REGIONS, order: "weight" });
    await board.runAll(400);
    const count = (id: string) => board.requestsTo(id);
    expect(count("c") + count("d")).toBe(0);
    expect(count("a") / 400).toBeGreaterThan(0.72);
    expect(count("a") / 400).toBeLessThan(0.78);
  });

  test("is 0 if it is left out", async () => {
    const board = switchboard({}, { regions: [region("z", 1), region("x"), region("y", 0)], order: "weight" });
    await board.runAll(50);
    expect(board.requestsTo("z")).toBe(0);
    expect(Math.min(board.requestsTo("x"), board.requestsTo("y"))).toBeGreaterThan(15);
  });

  test("gives way to the next value once all its regions are ejected, and those share by their own weights", async () => {
    const board = switchboard(
      { a: noAnswer(), b: noAnswer() },
      { regions: REGIONS, order: "weight", retryThrottling: false },
    );
    await board.runAll(30);
    const before = board.asked().length;
    await board.runAll(100);
    const asked = board.asked().slice(before);
    expect(asked.every((id) => !IS_FIRST.has(id))).toBe(true);
    for (const id of ["c", "d"]) expect(asked.filter((other) => other === id).length).toBeGreaterThan(40);
  });

  test("uses its own regions of weight 0 before the next value", async () => {
    const regions = [region("next", 2, 100), region("main", 1, 1), region("spare", 1, 0)];
    const board = switchboard({ main: http(429) }, { regions, order: "weight" });
    await board.run();
    expect(board.asked()).toEqual(["main", "spare"]);
  });

  test("does not matter with another order", async () => {
    for (const order of ["list", "distance"] as const) {
      const sim = simulate({ regions: [region("late", 9), region("early", 1)], order, replies: [ok()] });
      await sim.run();
      expect(sim.asked()).toEqual(["late"]);
    }
  });

  test.each([-1, Number.NaN, "1", null])("is refused if it is %j", (priority) => {
    const bad = { id: "eu", url: "https://eu.example.com", priority };
    expect(messageFor({ regions: [bad] })).toMatch(/regions\[0\]\.priority must be a number from 0/);
  });
});

test("a replay tries the other regions of the same priority before the next priority", async () => {
  const down: Record<string, Reply> = Object.fromEntries(REGIONS.map(({ id }) => [id, http(429)]));
  for (let seed = 0; seed < 50; seed++) {
    const options = { regions: REGIONS, order: "weight", random: seededRandom(seed) } as const;
    const board = switchboard(down, { ...options, policy: { maxAttempts: 4, sameRegion: false } });
    await board.fail();
    const asked = board.asked();
    expect(asked.slice(0, 2).toSorted()).toEqual(["a", "b"]);
    expect(asked.slice(2).toSorted()).toEqual(["c", "d"]);
  }
});

describe("for any priorities and weights", () => {
  const regions = fc
    .array(fc.record({ priority: fc.nat(3), weight: fc.nat(5) }), { minLength: 1, maxLength: 8 })
    .map((all) => all.map(({ priority, weight }, i) => region(`r${i}`, priority, weight)));
  const start = fc.double({ min: 0, max: 1 - Number.EPSILON, noNaN: true });

  test("all regions are sorted, once each, and none before a region of a lower value", () => {
    fc.assert(
      fc.property(regions, start, (given, random) => {
        const sort = createSorter("weight", () => random);
        for (let i = 0; i < 5; i++) {
          const values = sort(given).map(({ priority = 0 }) => priority);
          expect(values).toEqual(values.toSorted((a, b) => a - b));
          expect(
            sort(given)
              .map(({ id }) => id)
              .toSorted(),
          ).toEqual(given.map(({ id }) => id).toSorted());
        }
      }),
      { numRuns: 300 },
    );
  });

  test("a region that failed the call is not picked while an untried region is left", async () => {
    const property = fc.asyncProperty(regions, fc.integer(), fc.array(fc.nat(7)), async (given, seed, bad) => {
      const replies = (_: number, { id }: Region) => (bad.includes(Number(id.slice(1))) ? noAnswer(1) : ok(1));
      const policy = { idempotent: true, maxAttempts: 5 };
      const options = { order: "weight", policy, retryThrottling: false } as const;
      const sim = simulate({ regions: given, replies, random: seededRandom(seed), ...options });
      for (let i = 0; i < 5; i++) await sim.run();
      for (let call = 1; call <= 5; call++) {
        const asked = sim.world.requests.filter((request) => request.call === call).map(({ region }) => region.id);
        const untriedFirst = Math.min(asked.length, given.length);
        expect(new Set(asked.slice(0, untriedFirst)).size).toBe(untriedFirst);
      }
    });
    await fc.assert(property, { numRuns: 100 });
  });
});

import { describe, expect, test } from "vitest";
import { createSorter, type RegionOrder } from "../../../src/regions/order.js";
import type { Region } from "../../../src/regions/region.js";
import { messageFor } from "../helpers/refusal.js";
import { noAnswer, regionNamed, seededRandom, useSimulatedTime } from "../helpers/simulation.js";
import { idempotent, type Switchboard, switchboard } from "../helpers/switchboard.js";

useSimulatedTime();

const weighted = (weights: Readonly<Record<string, number>>): Region[] =>
  Object.entries(weights).map(([id, weight]) => ({ ...regionNamed(id), weight }));

function weightBoard(weights: Readonly<Record<string, number>>, options: Parameters<typeof switchboard>[1] = {}) {
  return switchboard({}, { regions: weighted(weights), order: "weight", ...options });
}

/** The regions to which each call was sent, in order. */
function askedByCall({ world }: Switchboard): string[][] {
  const asked: string[][] = [];
  for (const { call, region } of world.requests) asked[call - 1] = [...(asked[call - 1] ?? []), region.id];
  return asked;
}

/** Runs `calls` calls and returns the share that each region got. */
async function sharesOf(board: Switchboard, calls: number): Promise<Record<string, number>> {
  const before = board.asked().length;
  await board.runAll(calls);
  const asked = board.asked().slice(before);
  const ids = board.failover.regions().map(({ id }) => id);
  return Object.fromEntries(ids.map((id) => [id, asked.filter((other) => other === id).length / calls]));
}

describe("an invalid order", () => {
  test.each([
    ["nearest", '"nearest"'],
    [1, "1"],
    [null, "null"],
    [["list"], "a list of 1"],
  ])("%j is refused", (order, shown) => {
    expect(messageFor({ order })).toBe(`twirp-failover: order must be "list", "distance" or "weight"; got ${shown}`);
  });
});

describe("weight and distance", () => {
  const url = "https://eu.example.com/twirp";
  test.each(["weight", "distance"])("%s is refused if it is not a number of at least 0", (name) => {
    for (const value of [-1, Number.NaN, Number.POSITIVE_INFINITY, "1", null]) {
      const message = messageFor({ regions: [{ id: "eu", url, [name]: value }] });
      expect(message).toMatch(new RegExp(`regions\\[0\\]\\.${name} must be a number from 0 to 9007199254740991; got `));
    }
  });

  test("a misspelt option is refused with a suggestion", () => {
    expect(messageFor({ regions: [{ id: "eu", url, wieght: 1 }] })).toContain(
      'unknown option "wieght" in regions[0] (did you mean "weight"?)',
    );
  });
});

describe('order: "list"', () => {
  test.each<[RegionOrder | undefined]>([[undefined], ["list"]])(
    "(%s) is the order of the list, with any other options",
    (order) => {
      const regions = [
        { ...regionNamed("far"), distance: 9, weight: 1 },
        { ...regionNamed("near"), distance: 1, weight: 99 },
      ];
      expect(createSorter(order, () => 0.5)(regions)).toBe(regions);
    },
  );
});

describe('order: "distance"', () => {
  const at = (id: string, distance?: number): Region => ({
    ...regionNamed(id),
    ...(distance !== undefined && { distance }),
  });

  test("is the nearest first: a missing distance is 0, and equal distances keep the order of the list", () => {
    const regions = [at("far", 900), at("x", 5), at("y", 5), at("here"), at("near", 1)];
    const sorted = createSorter("distance", () => 0.5)(regions);
    expect(sorted.map(({ id }) => id)).toEqual(["here", "near", "x", "y", "far"]);
    expect(regions[0]?.id, "the list itself is not changed").toBe("far");
  });

  test("is used for calls, for replays and when all regions are ejected", async () => {
    const regions = [at("far", 9), at("mid", 5), at("near", 1)];
    const board = switchboard({}, { regions, order: "distance", policy: idempotent, retryThrottling: false });
    await board.run();
    for (const id of ["near", "mid", "far"]) board.set(id, noAnswer());
    await board.runAll(3);
    expect(board.asked().slice(0, 4)).toEqual(["near", "near", "mid", "far"]);
    await board.run();
    expect(board.asked().slice(-3)).toEqual(["near", "mid", "far"]);
    expect(board.failover.regions()[0], "home is the first of the list").toMatchObject({ id: "far", home: true });
  });
});

describe('order: "weight"', () => {
  test.each([
    [{ a: 1, b: 1 }],
    [{ a: 3, b: 1 }],
    [{ a: 1, b: 2, c: 7 }],
    [{ a: 5, b: 5, c: 5, d: 5 }],
    [{ a: 90, b: 9, c: 1 }],
  ])("gives shares close to %j in any 100 calls", async (weights) => {
    const sum = Object.values(weights).reduce((total, weight) => total + weight, 0);
    for (const start of [0, 0.3, 0.5, 0.77, 0.999]) {
      const shares = await sharesOf(weightBoard(weights, { random: () => start }), 100);
      for (const [id, weight] of Object.entries(weights)) {
        expect(Math.abs((shares[id] as number) - weight / sum), `${id} from ${start}`).toBeLessThanOrEqual(0.04);
      }
    }
  });

  test("is the same for the same random numbers, and different for different ones", async () => {
    const run = async (seed: number) => {
      const board = weightBoard({ a: 1, b: 2, c: 3 }, { random: seededRandom(seed) });
      await board.runAll(100);
      return board.asked();
    };
    expect(await run(7)).toEqual(await run(7));
    expect(await run(7)).not.toEqual(await run(8));
  });

  test("uses 1 as the weight if it is left out", async () => {
    const board = switchboard({}, { regions: [regionNamed("a"), { ...regionNamed("b"), weight: 3 }], order: "weight" });
    const shares = await sharesOf(board, 100);
    expect(shares.a).toBeCloseTo(0.25, 1);
  });

  test("uses a region of weight 0 only if there is no other", async () => {
    const board = weightBoard({ spare: 0, a: 1, b: 1 });
    expect(await sharesOf(board, 100)).toMatchObject({ spare: 0 });
    board.set("a", noAnswer());
    board.set("b", noAnswer());
    expect((await board.run()).ok).toBe(true);
    expect(board.asked().at(-1)).toBe("spare");
  });

  test("uses regions of weight 0 if all have weight 0", async () => {
    expect((await weightBoard({ a: 0, b: 0 }).run()).ok).toBe(true);
  });

  test("does not use the heavy region (weight 1000, down) twice in a call while the light one (weight 1) is untried", async () => {
    for (const health of [{}, false] as const) {
      const board = weightBoard(
        { light: 1, heavy: 1_000 },
        { policy: { idempotent: true, maxAttempts: 5 }, health, retryThrottling: false, random: seededRandom(3) },
      );
      board.set("heavy", noAnswer());
      const settled = await board.runAll(50);
      expect(settled.every(({ ok }) => ok)).toBe(true);
      for (const asked of askedByCall(board)) {
        expect(asked.filter((id) => id === "heavy").length).toBeLessThanOrEqual(1);
      }
    }
  });

  test("tries every region before any region again, in a call that fails everywhere", async () => {
    const board = weightBoard(
      { a: 1, b: 1_000, c: 5 },
      { policy: { idempotent: true, maxAttempts: 5 }, health: false, retryThrottling: false, random: seededRandom(5) },
    );
    for (const id of ["a", "b", "c"]) board.set(id, noAnswer());
    await board.runAll(30);
    for (const asked of askedByCall(board)) {
      expect(new Set(asked.slice(0, 3)).size).toBe(3);
      expect(asked.slice(3)).toEqual(asked.slice(0, 2));
    }
  });

  test.each([
    [{ a: 2, b: 1, c: 1 }, 0.5],
    [{ a: 1, b: 1, c: 1 }, 0.5],
    [{ a: 1, b: 3, c: 1 }, 0.75],
  ])("divides an ejected region's share by the weights of the others (%j without a)", async (weights, shareOfB) => {
    const board = weightBoard(weights, { retryThrottling: false });
    board.set("a", noAnswer());
    await board.runAll(30);
    expect(board.status("a").state).toBe("ejected");
    const shares = await sharesOf(board, 200);
    expect(shares.a).toBe(0);
    expect(shares.b).toBeGreaterThan(shareOfB - 0.08);
    expect(shares.b).toBeLessThan(shareOfB + 0.08);
  });

  test("divides the failovers by the weights of the others too", async () => {
    const board = weightBoard({ a: 1, b: 1, c: 1 }, { health: false, retryThrottling: false });
    board.set("a", noAnswer());
    await board.runAll(300);
    const to = board.eventsOf("failover").map((event) => event.to);
    expect(to.length).toBeGreaterThan(90);
    const shareOfB = to.filter((id) => id === "b").length / to.length;
    expect(shareOfB).toBeGreaterThan(0.4);
    expect(shareOfB).toBeLessThan(0.6);
  });

  test.each([2, 3, 6, 14, 35])(
    "is smooth among %i regions: a region with half of the weight gets half of any 20 calls",
    async (count) => {
      const weights = Object.fromEntries(Array.from({ length: count }, (_, i) => [`r${i}`, i === 0 ? count - 1 : 1]));
      const board = weightBoard(weights);
      await board.runAll(200);
      const asked = board.asked();
      for (let from = 0; from <= 180; from++) {
        const got = asked.slice(from, from + 20).filter((id) => id === "r0").length;
        if (got < 6 || got > 14) expect.fail(`${got} of the 20 from call ${from} on`);
      }
    },
  );
});

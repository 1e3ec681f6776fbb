import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { Emitter } from "../../../src/events/emitter.js";
import { evidenceOf } from "../../../src/health/evidence.js";
import { createHealth, type Health } from "../../../src/health/health.js";
import type { Outcome } from "../../../src/outcome/outcome.js";
import type { Region, RegionList } from "../../../src/regions/region.js";
import { clockWith, regionNamed, seededRandom } from "../helpers/simulation.js";

const REGIONS = 1_000;
const CALLS = 1_000;
const MiB = 2 ** 20;

// Node exposes `gc` only with a flag at start-up. V8 also accepts the flag later.
setFlagsFromString("--expose-gc");
const collect: unknown = runInNewContext("gc");

function heapUsed(): number {
  // Twice, because array buffers that the first collection finds unused are freed by the second.
  for (let i = 0; i < 2; i++) if (typeof collect === "function") collect();
  return process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
}

/** Health on a clock that the test moves, by one second per round of all regions. */
function healthAt() {
  let now = 0;
  const clock = { ...clockWith(seededRandom(1)), now: () => now, date: () => now };
  return {
    health: createHealth(new Emitter(clock), clock, { ejectionMs: 5_000 }),
    tick: () => {
      now += 1_000;
    },
    now: () => now,
  };
}

const OUTCOMES: readonly (Outcome | undefined)[] = [
  undefined,
  undefined,
  { code: "not_found", origin: "service", execution: "done" },
  { code: "unavailable", origin: "transport", execution: "unknown" },
  { code: "unavailable", origin: "service", execution: "unknown", pushbackMs: 2_000 },
  { code: "internal", origin: "service", execution: "unknown" },
  { code: "canceled", origin: "caller", execution: "unknown" },
];

function callAll(health: Health, regions: readonly Region[], random: () => number, now: number): void {
  for (const region of regions) {
    const permit = health.acquire(region, random() < 0.7 ? "first" : "never", now);
    const outcome = OUTCOMES[Math.floor(random() * OUTCOMES.length)];
    permit.settle(evidenceOf(outcome), now);
    if (outcome?.code === "internal") permit.blame(now);
  }
}

test("a million calls to a thousand regions do not make the heap grow after the first calls", () => {
  const { health, tick, now } = healthAt();
  const regions = Array.from({ length: REGIONS }, (_, i) => regionNamed(`r${i}`));
  const random = seededRandom(2);
  const rounds = (count: number) => {
    for (let i = 0; i < count; i++) {
      callAll(health, regions, random, now());
      tick();
    }
  };
  const empty = heapUsed();
  rounds(CALLS / 10);
  const before = heapUsed();
  rounds(CALLS);
  const after = heapUsed();
  expect(after - before).toBeLessThan(0.5 * MiB);
  // A ring of 100 outcomes takes 900 bytes. The rest is the breaker itself.
  expect((before - empty) / REGIONS, "bytes for a region").toBeLessThan(4_000);
  const statuses = regions.map((region) => health.of(region));
  expect(statuses.every(({ inFlight }) => inFlight === 0)).toBe(true);
  expect(new Set(statuses.map(({ state }) => state)), "some regions are ejected").toContain("ejected");
});

test("regions that come and go leave nothing behind", () => {
  const { health, now } = healthAt();
  const listNo = (n: number) =>
    Array.from({ length: 64 }, (_, i) => regionNamed(`r${n}-${i}`)) as unknown as RegionList;
  const replaceLists = (from: number, to: number) => {
    for (let n = from; n < to; n++) {
      const list = listNo(n);
      health.retain(list);
      callAll(health, list, () => 0.5, now());
    }
  };
  replaceLists(0, 50);
  const before = heapUsed();
  replaceLists(50, 400);
  expect(heapUsed() - before).toBeLessThan(0.5 * MiB);
});

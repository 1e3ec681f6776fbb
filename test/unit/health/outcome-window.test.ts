import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { OutcomeWindow } from "../../../src/health/outcome-window.js";

const WINDOW_MS = 60_000;

/** `true` is a failure. */
function windowWith(calls: number, outcomes: readonly boolean[], at = 0): OutcomeWindow {
  const window = new OutcomeWindow(calls, WINDOW_MS);
  for (const failed of outcomes) window.add(failed, at);
  return window;
}

describe("the outcomes in the window", () => {
  test("are 0 at first, with a failure share of 0", () => {
    const window = windowWith(3, []);
    expect(window.count(0)).toBe(0);
    expect(window.failureShare(0)).toBe(0);
  });

  test("are counted, and the failure share is the share of failures among them", () => {
    const window = windowWith(10, [true, false, false, true]);
    expect(window.count(0)).toBe(4);
    expect(window.failureShare(0)).toBe(0.5);
  });

  test("push out the oldest when the window is full", () => {
    const window = windowWith(3, [true, true, false, false]);
    expect(window.count(0)).toBe(3);
    expect(window.failureShare(0)).toBeCloseTo(1 / 3);
    window.add(false, 0);
    window.add(false, 0);
    expect(window.count(0)).toBe(3);
    expect(window.failureShare(0)).toBe(0);
  });

  test("are forgotten when they are older than the window, even if no new outcome comes in", () => {
    const window = windowWith(3, [true, true]);
    window.add(false, 10);
    expect(window.count(WINDOW_MS), "an outcome exactly as old as the window still counts").toBe(3);
    expect(window.count(WINDOW_MS + 1)).toBe(1);
    expect(window.failureShare(WINDOW_MS + 1)).toBe(0);
    expect(window.count(WINDOW_MS + 11)).toBe(0);
  });

  test("may be limited to one", () => {
    const window = windowWith(1, [false, true]);
    expect(window.failureShare(0)).toBe(1);
    window.add(false, 0);
    expect(window.failureShare(0)).toBe(0);
  });

  test("are removed by clear, from any position in the ring, and the window can be filled again", () => {
    const window = windowWith(3, [true, true, true, true]);
    window.clear();
    expect([window.count(0), window.failureShare(0)]).toEqual([0, 0]);
    for (const failed of [false, true, false]) window.add(failed, 5);
    expect([window.count(5), window.failureShare(5)]).toEqual([3, 1 / 3]);
  });
});

type Step = { readonly failed: boolean | "clear"; readonly afterMs: number };

const steps = (afterMs: fc.Arbitrary<number>) =>
  fc.array(
    fc.record({
      failed: fc.oneof(
        { weight: 20, arbitrary: fc.boolean() },
        { weight: 1, arbitrary: fc.constant("clear" as const) },
      ),
      afterMs,
    }),
    { maxLength: 200 },
  );

/** A simple model of the window, which is slow but easy to check. */
class NaiveWindow {
  #outcomes: { failed: boolean; at: number }[] = [];

  constructor(
    private readonly calls: number,
    private readonly windowMs: number,
  ) {}

  step({ failed }: Step, now: number): void {
    if (failed === "clear") this.#outcomes = [];
    else this.#outcomes = [...this.#within(now), { failed, at: now }].slice(-this.calls);
  }

  counts(now: number): [count: number, share: number] {
    const within = this.#within(now);
    const failures = within.filter(({ failed }) => failed).length;
    return [within.length, within.length === 0 ? 0 : failures / within.length];
  }

  #within(now: number) {
    return this.#outcomes.filter(({ at }) => at >= now - this.windowMs);
  }
}

describe("for random outcomes at random times", () => {
  test("the running counts equal those of a list that is counted again each time", () => {
    const schedule = fc.record({
      calls: fc.integer({ min: 1, max: 12 }),
      windowMs: fc.integer({ min: 1, max: 50 }),
      steps: steps(fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 20 }))),
    });
    const property = fc.property(schedule, ({ calls, windowMs, steps }) => {
      const window = new OutcomeWindow(calls, windowMs);
      const naive = new NaiveWindow(calls, windowMs);
      let now = 0;
      for (const step of steps) {
        now += step.afterMs;
        if (step.failed === "clear") window.clear();
        else window.add(step.failed, now);
        naive.step(step, now);
        expect([window.count(now), window.failureShare(now)]).toEqual(naive.counts(now));
      }
    });
    fc.assert(property, { numRuns: 300 });
  });

  test("a clock that goes back and forth keeps the counts valid, and every outcome is forgotten in the end", () => {
    const schedule = fc.record({
      calls: fc.integer({ min: 1, max: 12 }),
      steps: steps(fc.integer({ min: -1_000, max: 1_000 })),
    });
    const property = fc.property(schedule, ({ calls, steps }) => {
      const window = new OutcomeWindow(calls, 50);
      let now = 0;
      let latest = 0;
      for (const { failed, afterMs } of steps) {
        now += afterMs;
        latest = Math.max(latest, now);
        if (failed === "clear") window.clear();
        else window.add(failed, now);
        const count = window.count(now);
        const failures = window.failureShare(now) * count;
        expect(count).toBeLessThanOrEqual(calls);
        expect(failures).toBeGreaterThanOrEqual(0);
        expect(failures).toBeLessThanOrEqual(count);
        expect(Math.round(failures)).toBeCloseTo(failures);
      }
      expect(window.count(latest + 51)).toBe(0);
      for (let i = 0; i < calls; i++) window.add(false, latest + 51);
      expect(window.failureShare(latest + 51)).toBe(0);
    });
    fc.assert(property, { numRuns: 200 });
  });
});

import { describe, expect, test } from "vitest";
import { clockWith, noAnswer, ok, useSimulatedTime } from "../helpers/simulation.js";
import { switchboard } from "../helpers/switchboard.js";

useSimulatedTime();

const HOUR_MS = 3_600_000;

/** Clocks that a test can set forward or back separately. */
function adjustable() {
  const by = { now: 0, date: 0 };
  const clock = { ...clockWith(), now: () => performance.now() + by.now, date: () => Date.now() + by.date };
  return { by, clock };
}

describe("a wall clock that is set back or forward", () => {
  test.each([-HOUR_MS, HOUR_MS])(
    "by %i ms changes no ejection, and the time that is shown for it fits the new clock",
    async (ms) => {
      const { by, clock } = adjustable();
      const board = switchboard({ a: noAnswer() }, { clock });
      await board.runAll(3);
      by.date = ms;
      const left = (board.status("a").ejectedUntilMs as number) - clock.date();
      expect(left).toBeGreaterThan(29_000);
      expect(left).toBeLessThanOrEqual(30_000);
      await board.runAll(20);
      expect(board.requestsTo("a")).toBe(3);
    },
  );
});

describe("a monotonic clock that goes back, although it should not", () => {
  test("affects no call, and home is back when its time has come again", async () => {
    const { by, clock } = adjustable();
    const board = switchboard({ a: noAnswer() }, { clock });
    by.now = HOUR_MS;
    const settled = await board.runAll(3);
    by.now = 0;
    board.set("a", ok());
    settled.push(...(await board.runAll(50)));
    expect(board.status("a").state).toBe("ejected");
    by.now = HOUR_MS + 31_000;
    settled.push(...(await board.runAll(2)));
    expect(board.status("a").state).toBe("healthy");
    expect(settled.every(({ ok }) => ok)).toBe(true);
  });

  test("in the middle of the failures keeps their count", async () => {
    const { by, clock } = adjustable();
    const board = switchboard({}, { clock, ids: ["a"], policy: { replay: false } });
    for (let i = 0; i < 200; i++) {
      by.now = (i % 7) * -1_000;
      board.set("a", i % 3 === 0 ? noAnswer(1) : ok(1));
      await board.run();
      const { failureShare, state } = board.status("a");
      expect(state).toBe("healthy");
      expect(failureShare).toBeGreaterThanOrEqual(0);
      if (i > 30) expect(failureShare).toBeCloseTo(1 / 3, 1);
    }
  });
});

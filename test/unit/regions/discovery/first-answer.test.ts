import { describe, expect, test, vi } from "vitest";
import { firstAnswer, STAGGER_MS } from "../../../../src/regions/discovery/first-answer.js";
import { clockWith, drive, flush, useSimulatedTime } from "../../helpers/simulation.js";

useSimulatedTime();

/** A plan for one question: it is answered or fails `after` that many milliseconds, or never ends. */
type Plan = { after?: number; fails?: boolean };

function ask(plans: readonly Plan[], signal = new AbortController().signal) {
  const askedAt: number[] = [];
  const signals: AbortSignal[] = [];
  const questions = plans.map(({ after, fails = false }, i) => (given: AbortSignal) => {
    askedAt.push(performance.now());
    signals.push(given);
    return new Promise<number>((resolve, reject) => {
      given.addEventListener("abort", () => reject(new Error(`${i} was aborted`)));
      if (after === undefined) return;
      setTimeout(() => (fails ? reject(new Error(`${i} failed`)) : resolve(i)), after);
    });
  });
  return { askedAt, signals, answer: firstAnswer(questions, signal, clockWith()) };
}

const fails = (after = 0): Plan => ({ after, fails: true });
const answers = (after = 0): Plan => ({ after });
const silent: Plan = {};

describe("who is asked, and when", () => {
  const rows: [string, Plan[], number[], number][] = [
    ["only the first, if it answers in time", [answers(499), answers()], [0], 0],
    ["the second after half a second of silence", [silent, answers(10)], [0, 500], 1],
    ["the second at once, when the first fails", [fails(20), answers()], [0, 20], 1],
    ["one after another, when all fail", [fails(10), fails(10), fails(10), answers()], [0, 10, 20, 30], 3],
    ["one after another, when all are silent", [silent, silent, silent, answers()], [0, 500, 1_000, 1_500], 3],
    [
      "the third when the first, after a silence, and the second have failed",
      [fails(600), fails(10), answers()],
      [0, 500, 600],
      2,
    ],
    [
      "the third half a second after the second, if another is still silent",
      [silent, fails(10), answers()],
      [0, 500, 1_000],
      2,
    ],
    ["the first answer counts even after the second was asked", [answers(700), silent], [0, 500], 0],
  ];
  test.each(rows)("%s", async (_, plans, times, winner) => {
    const { answer, askedAt, signals } = ask(plans);
    expect(await drive(answer)).toMatchObject({ ok: true, value: winner });
    expect(askedAt).toEqual(times);
    expect(signals.every(({ aborted }) => aborted)).toBe(true);
    vi.advanceTimersByTime(10 * STAGGER_MS);
    await flush();
    expect(askedAt, "nothing is asked after that").toEqual(times);
  });

  test("when all fail, it rejects with the error of the first, which is home's", async () => {
    const { answer } = ask([fails(800), fails(0), fails(0)]);
    expect(await drive(answer)).toMatchObject({ ok: false, error: { message: "0 failed" } });
    expect(vi.getTimerCount()).toBe(0);
  });

  test("the signal ends all of them", async () => {
    const controller = new AbortController();
    const { answer, askedAt } = ask([silent, silent], controller.signal);
    setTimeout(() => controller.abort(), 600);
    expect(await drive(answer)).toMatchObject({ ok: false, atMs: 600 });
    expect(askedAt).toEqual([0, 500]);
    expect(vi.getTimerCount()).toBe(0);
  });
});

/** The default limit of an attempt: giving up halfway must not make a call fail that one attempt would have finished. */
import { describe, expect, test, vi } from "vitest";
import { hang, noAnswer, ok, useSimulatedTime } from "../helpers/simulation.js";
import { switchboard } from "../helpers/switchboard.js";

useSimulatedTime();

const TWO = { ids: ["a", "b"] };

describe("two regions that are well, and slow", () => {
  test("answer in 800 ms: a call with 1,500 ms succeeds, the first one too", async () => {
    const board = switchboard({ a: ok(800), b: ok(800) }, TWO);
    const settled = await board.runAll(5, { timeout: 1_500 });
    expect(settled.map(({ ok }) => ok)).toEqual(Array(5).fill(true));
    expect(board.asked()).toEqual(Array(5).fill("a"));
  });

  test("answer in 7 s: the first call of 10 s is the only one that fails", async () => {
    const board = switchboard({ a: ok(7_000), b: ok(7_000) }, TWO);
    const settled = await board.runAll(20);
    expect(settled.slice(1).every(({ ok }) => ok)).toBe(true);
  });

  test("become slow: once a call was given up in vain, the next one waits, and so do those after it", async () => {
    const board = switchboard({}, TWO);
    await board.runAll(10);
    for (const id of TWO.ids) board.set(id, ok(7_000));
    const settled = await board.runAll(20);
    expect(settled.map(({ ok }) => ok)).toEqual([false, ...Array(19).fill(true)]);
  });
});

describe("a home that hangs", () => {
  test("is given up halfway, for a method of which nothing is known", async () => {
    const board = switchboard({ a: hang }, TWO);
    expect(await board.run()).toMatchObject({ ok: true, value: "answer of b", atMs: 5_210 });
  });

  test("is so in a short call too, once it is known that the method is quick", async () => {
    const board = switchboard({}, TWO);
    await board.run();
    board.set("a", hang);
    const startedAt = performance.now();
    expect(await board.run({ timeout: 1_500 })).toMatchObject({ ok: true, atMs: startedAt + 750 + 210 });
  });

  test("is so by what is known of this method, not of others", async () => {
    const board = switchboard({ a: ok(4_900) }, TWO);
    await board.run({ method: "Slow" });
    board.set("a", ok());
    await board.run({ method: "Quick" });
    board.set("a", hang);
    const startedAt = performance.now();
    expect(await board.run({ method: "Slow" })).toMatchObject({ ok: false, atMs: startedAt + 10_000 });
    expect(await board.run({ method: "Quick" })).toMatchObject({ ok: true, atMs: startedAt + 15_210 });
  });

  test("is so again when the slow calls are long ago", async () => {
    const board = switchboard({ a: ok(4_900) }, TWO);
    await board.run();
    board.set("a", ok());
    for (let i = 0; i < 3; i++) {
      vi.advanceTimersByTime(61_000);
      await board.run();
    }
    board.set("a", hang);
    expect(await board.run()).toMatchObject({ ok: true, value: "answer of b" });
  });

  test("is so again at the second call after everything hung", async () => {
    const board = switchboard({ a: hang, b: hang }, TWO);
    await board.runAll(4);
    board.set("b", ok());
    const settled = await board.runAll(2);
    expect(settled.some(({ ok }) => ok)).toBe(true);
  });

  test("is so with health: false, where nothing is remembered", async () => {
    const board = switchboard({ a: hang }, { ...TWO, health: false });
    expect(await board.run()).toMatchObject({ ok: true, value: "answer of b", atMs: 5_210 });
  });
});

describe("an attempt has all of the call's time", () => {
  test("when there is no other region", async () => {
    const board = switchboard({ a: ok(9_000) }, { ids: ["a"] });
    expect(await board.run()).toMatchObject({ ok: true, atMs: 9_000 });
  });

  test("when the other region is ejected", async () => {
    const board = switchboard({ b: noAnswer() }, { ids: ["b", "a"], retryThrottling: false });
    await board.runAll(3);
    expect(board.status("b").state).toBe("ejected");
    board.set("a", ok(9_000));
    expect((await board.run()).ok).toBe(true);
  });

  test("when the call has tried the others", async () => {
    const board = switchboard({ a: noAnswer(), b: ok(9_000) }, TWO);
    expect(await board.run()).toMatchObject({ ok: true, atMs: 9_210 });
  });

  test("when it is the last", async () => {
    const board = switchboard({ a: noAnswer(), b: ok(9_000) }, { policy: { idempotent: true, maxAttempts: 2 } });
    expect(await board.run()).toMatchObject({ ok: true, atMs: 9_210 });
  });

  test("while its request is being made, because none can follow then", async () => {
    const board = switchboard({}, TWO);
    const made = new Promise<string>((resolve) => setTimeout(() => resolve("made"), 9_000));
    const settled = await board.run({
      send: ({ observer }) => {
        observer.onPreparing();
        return made;
      },
    });
    expect(settled).toMatchObject({ ok: true, value: "made" });
  });
});

describe("the limit that the policy names", () => {
  test("holds in any case", async () => {
    const board = switchboard({ a: ok(800) }, { ids: ["a"], policy: { idempotent: true, perAttemptTimeoutMs: 700 } });
    expect(board.eventsOf("attempt")).toEqual([]);
    await board.run({ timeout: 1_500 });
    expect(board.eventsOf("attempt")[0]).toMatchObject({ ok: false, origin: "timeout", elapsedMs: 700 });
  });
});

test("the error of an attempt that was given up halfway says so, and names no option", async () => {
  const board = switchboard({ a: hang, b: hang }, TWO);
  const settled = await board.run({ policy: { maxAttempts: 1, perAttemptTimeoutMs: 5_000 } });
  expect(settled).toMatchObject({
    error: { message: expect.stringContaining("within 5000 ms (perAttemptTimeoutMs)") },
  });
  await board.run({ policy: { sameRegion: false }, timeout: 9_000 });
  expect([...board.world.errors].map((error) => (error as Error).message)).toContainEqual(
    expect.stringMatching(/got no answer from a within 4500 ms \(half of the call's 9000 ms\)$/),
  );
});

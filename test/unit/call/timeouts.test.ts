import { describe, expect, test, vi } from "vitest";
import { InvalidOptionError } from "../../../src/support/errors.js";
import {
  clockWith,
  connecting,
  drive,
  EPOCH,
  hang,
  LocalError,
  noAnswer,
  ok,
  refused,
  simulate,
  useSimulatedTime,
} from "../helpers/simulation.js";

useSimulatedTime();

const idempotent = { idempotent: true };
const starts = (sim: ReturnType<typeof simulate>) => sim.world.requests.map(({ atMs }) => atMs);

describe("timeoutMs", () => {
  test("is 10 s by default, for the whole call", async () => {
    const sim = simulate({ replies: [hang] });
    expect(await sim.run()).toMatchObject({ ok: false, atMs: 10_000, error: { code: "deadline_exceeded" } });
  });

  test("ends the call with all its attempts and waits", async () => {
    const sim = simulate({
      replies: [noAnswer(100), hang],
      policy: { ...idempotent, timeoutMs: 1_000, perAttemptTimeoutMs: 990 },
    });
    expect(await sim.run()).toMatchObject({ ok: false, atMs: 1_000, error: { code: "deadline_exceeded" } });
    expect(starts(sim)).toEqual([0, 300]);
  });

  test("does not end a call that is answered in time", async () => {
    const sim = simulate({ replies: [ok(999)], policy: { timeoutMs: 1_000 } });
    expect(await sim.run()).toMatchObject({ ok: true, atMs: 999 });
  });
});

describe("perAttemptTimeoutMs", () => {
  test.each([
    ["half of the call's timeout for a method that may be replayed", { idempotent: true }, 5_000],
    ["half of it for a method with an idempotency key", { idempotencyKey: true }, 5_000],
    ["all of it for a method that may not be replayed", { idempotent: false }, 10_000],
    ["all of it if replays are off", { idempotent: true, replay: false }, 10_000],
    ["all of it if there is only one attempt", { idempotent: true, maxAttempts: 1 }, 10_000],
    ["the policy's value", { idempotent: true, perAttemptTimeoutMs: 300 }, 300],
    ["the policy's value, for a mutation too", { perAttemptTimeoutMs: 300 }, 300],
    ["at most the time that is left of the call", { timeoutMs: 400, perAttemptTimeoutMs: 900 }, 400],
  ])("is %s", async (_, policy, expected) => {
    const sim = simulate({ replies: [hang], policy });
    await sim.fail();
    expect(sim.eventsOf("attempt")[0]).toMatchObject({ elapsedMs: expected });
  });

  test("is half of the caller's timeout", async () => {
    const sim = simulate({ replies: [hang], policy: idempotent });
    await sim.fail({ timeout: 6_000 });
    expect(sim.eventsOf("attempt")[0]).toMatchObject({ elapsedMs: 3_000, origin: "timeout" });
  });

  test("leaves time for another region when one hangs", async () => {
    const sim = simulate({ replies: [hang, ok()], policy: idempotent });
    expect(await sim.run()).toMatchObject({ ok: true, value: "answer of b", atMs: 5_210 });
  });

  test("does not cause a replay of a mutation, because an attempt that hung may have run", async () => {
    const sim = simulate({ replies: [hang, ok()], policy: { perAttemptTimeoutMs: 300 } });
    expect(await sim.fail()).toMatchObject({ constructor: LocalError, code: "deadline_exceeded" });
    expect(sim.asked()).toEqual(["a"]);
  });
});

describe("connectTimeoutMs", () => {
  test("is 1 s by default, after which any method goes on to the next region at once", async () => {
    const sim = simulate({ replies: [connecting, ok()] });
    expect(await sim.run()).toMatchObject({ ok: true, value: "answer of b", atMs: 1_010 });
    expect(sim.eventsOf("failover")).toMatchObject([{ code: "unavailable", origin: "timeout", execution: "none" }]);
  });

  test("is the policy's value", async () => {
    const sim = simulate({ replies: [connecting, ok()], policy: { connectTimeoutMs: 150 } });
    expect(await sim.run()).toMatchObject({ ok: true, atMs: 160 });
  });

  test("does not end an attempt that cannot be observed", async () => {
    const sim = simulate({ replies: [ok(5_000)] });
    expect(await sim.run()).toMatchObject({ ok: true, atMs: 5_000 });
  });

  test("gives an error that names it when no region is left", async () => {
    const sim = simulate({ replies: [connecting], policy: { sameRegion: false } });
    const error = await sim.fail();
    expect(error).toMatchObject({ constructor: LocalError, code: "unavailable" });
    expect(error.message).toContain("connectTimeoutMs");
  });
});

describe("the caller's timeout", () => {
  test.each([
    ["milliseconds", 700],
    ["a date", new Date(EPOCH + 700)],
  ])("as %s overrides the policy's", async (_, timeout) => {
    const sim = simulate({ replies: [hang], policy: { timeoutMs: 50 } });
    expect(await sim.run({ timeout })).toMatchObject({ ok: false, atMs: 700, error: { code: "deadline_exceeded" } });
  });

  test.each([
    ["0", 0],
    ["negative", -5],
    ["a date in the past", new Date(EPOCH - 1)],
    ["this very moment", new Date(EPOCH)],
  ])("that is already over (%s) ends the call before any attempt", async (_, timeout) => {
    const sim = simulate({ replies: [ok()] });
    expect(await sim.run({ timeout })).toMatchObject({ ok: false, atMs: 0, error: { code: "deadline_exceeded" } });
    expect(sim.asked()).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test.each([Number.NaN, new Date(Number.NaN), "5s", {}, null])("is refused if it is %s", async (timeout) => {
    const sim = simulate({ replies: [ok()] });
    const error = await sim.fail({ timeout: timeout as number });
    expect(error).toBeInstanceOf(InvalidOptionError);
    expect(error.message).toContain("the call's timeout");
    expect(sim.asked()).toEqual([]);
  });

  test("may be infinite, which means no limit", async () => {
    const sim = simulate({ replies: [ok(100_000)] });
    expect(await sim.run({ timeout: Number.POSITIVE_INFINITY })).toMatchObject({ ok: true, atMs: 100_000 });
  });
});

describe("when the process was suspended", () => {
  /** The clock jumps ahead, as on a laptop that sleeps, so all timers are late. */
  function suspendable() {
    let suspendedMs = 0;
    const clock = { ...clockWith(), now: () => performance.now() + suspendedMs };
    const suspendAt = (atMs: number, forMs: number) =>
      setTimeout(() => {
        suspendedMs = forMs;
      }, atMs);
    return { clock, suspendAt };
  }

  test("during a wait, past the deadline, no replay is started", async () => {
    const { clock, suspendAt } = suspendable();
    const sim = simulate({ replies: [noAnswer(), ok()], policy: idempotent, clock });
    suspendAt(100, 3_600_000);
    const settled = await sim.run();
    expect(sim.asked()).toEqual(["a"]);
    expect(settled.ok).toBe(false);
  });

  test("during a wait, past the deadline, no mutation is sent", async () => {
    const { clock, suspendAt } = suspendable();
    const sim = simulate({ replies: [refused(), ok()], ids: ["a"], clock });
    suspendAt(100, 3_600_000);
    await sim.run();
    expect(sim.asked()).toEqual(["a"]);
  });

  test("during an attempt, an answer that has arrived counts", async () => {
    const { clock, suspendAt } = suspendable();
    const sim = simulate({ replies: [ok(200)], clock });
    suspendAt(100, 3_600_000);
    expect(await sim.run()).toMatchObject({ ok: true });
  });
});

test("each of many calls at once has its own deadline", async () => {
  const sim = simulate({ replies: [hang] });
  const results = await drive(Promise.allSettled([100, 200, 300].map((timeout) => sim.start({ timeout }))));
  expect(results).toMatchObject({ ok: true, atMs: 300 });
  expect(sim.eventsOf("call").map(({ elapsedMs }) => elapsedMs)).toEqual([100, 200, 300]);
});

import fc from "fast-check";
import pRetry from "p-retry";
import { describe, expect, test } from "vitest";
import { Backoff } from "../../../src/policy/backoff.js";
import { DEFAULT_POLICY } from "../../../src/policy/policy.js";
import { drive, noAnswer, ok, type Reply, refused, simulate, twirp, useSimulatedTime } from "../helpers/simulation.js";

useSimulatedTime();

const MIDDLE = 0.5;
/** The first `count` waits of a call. */
const nextWaits = (backoff: Backoff, count: number) => Array.from({ length: count }, () => backoff.next());

const idempotent = { idempotent: true };

/** The waits between the end of each attempt and the start of the next, on the simulated clock. */
function waits(sim: ReturnType<typeof simulate>): number[] {
  const latency = (reply: Reply) => ("afterMs" in reply ? reply.afterMs : 0);
  const { requests } = sim.world;
  return requests.slice(1).map((request, i) => {
    const before = requests[i] as (typeof requests)[number];
    return request.atMs - before.atMs - latency(before.reply);
  });
}

describe("the length of a wait", () => {
  test("is initialBackoffMs × backoffMultiplier^(n-1)", () => {
    const backoff = new Backoff({ ...DEFAULT_POLICY, initialBackoffMs: 100, backoffMultiplier: 3 }, MIDDLE);
    expect(nextWaits(backoff, 3)).toEqual([100, 300, 900]);
  });

  test("is at most maxBackoffMs", () => {
    const backoff = new Backoff({ ...DEFAULT_POLICY, maxBackoffMs: 500 }, MIDDLE);
    expect(nextWaits(backoff, 4)).toEqual([200, 400, 500, 500]);
  });

  test("is at most maxBackoffMs, even for the first wait", () => {
    expect(new Backoff({ ...DEFAULT_POLICY, initialBackoffMs: 900, maxBackoffMs: 300 }, MIDDLE).next()).toBe(300);
  });

  test("does not grow with a multiplier of 1", () => {
    const backoff = new Backoff({ ...DEFAULT_POLICY, backoffMultiplier: 1 }, MIDDLE);
    expect(nextWaits(backoff, 3)).toEqual([200, 200, 200]);
  });

  test("is jittered by at most 20 % down or up", () => {
    expect(new Backoff(DEFAULT_POLICY, 0).next()).toBe(160);
    expect(new Backoff(DEFAULT_POLICY, 1 - Number.EPSILON).next()).toBe(240);
    const longest = new Backoff({ ...DEFAULT_POLICY, maxBackoffMs: 1_000 }, 1 - Number.EPSILON);
    expect(nextWaits(longest, 9).at(-1)).toBeCloseTo(1_200);
  });

  test("is within the jitter of the nominal length for any policy", () => {
    const policy = fc.record({
      initialBackoffMs: fc.integer({ min: 1, max: 5_000 }),
      maxBackoffMs: fc.integer({ min: 1, max: 10_000 }),
      backoffMultiplier: fc.double({ min: 1, max: 5, noNaN: true }),
    });
    const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(policy, random, fc.integer({ min: 1, max: 4 }), (own, jitter, n) => {
        const delay = nextWaits(new Backoff({ ...DEFAULT_POLICY, ...own }, jitter), n).at(-1) as number;
        const nominal = Math.min(own.initialBackoffMs * own.backoffMultiplier ** (n - 1), own.maxBackoffMs);
        // Rounded to a whole millisecond.
        expect(delay).toBeGreaterThanOrEqual(nominal * 0.8 - 0.5);
        expect(delay).toBeLessThanOrEqual(nominal * 1.2 + 0.5);
        expect(delay).toBeGreaterThan(0);
      }),
    );
  });
});

describe("the contract with p-retry, whose formula Backoff repeats", () => {
  const policies = fc.record({
    initialBackoffMs: fc.integer({ min: 1, max: 5_000 }),
    maxBackoffMs: fc.integer({ min: 1, max: 10_000 }),
    backoffMultiplier: fc.double({ min: 1, max: 5, noNaN: true }),
  });
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

  test("p-retry waits exactly as long as next() says, for every retry", async () => {
    await fc.assert(
      fc.asyncProperty(policies, random, async (own, jitter) => {
        const backoff = new Backoff({ ...DEFAULT_POLICY, ...own }, jitter);
        const calledAt: number[] = [];
        const fails = () => {
          calledAt.push(performance.now());
          throw new Error("again");
        };
        await drive(pRetry(fails, { ...backoff.schedule, retries: 4 }));
        const waited = calledAt.slice(1).map((at, i) => at - (calledAt[i] as number));
        // Simulated timers use whole milliseconds.
        const said = nextWaits(backoff, 4).map(Math.trunc);
        expect(waited.map(Math.trunc)).toEqual(said);
      }),
      { numRuns: 50 },
    );
  });

  test("a retry that p-retry does not consume starts without a wait and does not lengthen the next wait", async () => {
    const backoff = new Backoff(DEFAULT_POLICY, MIDDLE);
    const calledAt: number[] = [];
    const fails = () => {
      calledAt.push(performance.now());
      throw new Error("again");
    };
    let failures = 0;
    const shouldConsumeRetry = () => ++failures > 2;
    await drive(pRetry(fails, { ...backoff.schedule, retries: 2, shouldConsumeRetry }));
    const waited = calledAt.slice(1).map((at, i) => at - (calledAt[i] as number));
    expect(waited).toEqual([0, 0, ...nextWaits(backoff, 2)]);
  });
});

describe("on the clock", () => {
  test.each([0, 0.25, 0.5, 0.75, 0.999])("with a random of %d, each wait is as long as announced", async (random) => {
    const sim = simulate({
      replies: [noAnswer(7), noAnswer(13), noAnswer(5), noAnswer(3), ok()],
      policy: { ...idempotent, maxAttempts: 5, maxBackoffMs: 700 },
      random: () => random,
    });
    await sim.run();
    const jitter = 0.8 + 0.4 * random;
    const announced = [...sim.eventsOf("failover"), ...sim.eventsOf("retry")].map(({ backoffMs }) => backoffMs);
    expect(announced).toEqual(waits(sim));
    const nominal = [200, 400, 700, 700].map((ms) => ms * jitter);
    for (const [i, wait] of waits(sim).entries())
      expect(Math.abs(wait - (nominal[i] as number))).toBeLessThanOrEqual(1);
  });

  test("a failover after an attempt that never ran starts at once, and its event says so", async () => {
    const sim = simulate({ replies: [refused(), refused(), ok()] });
    await sim.run();
    expect(waits(sim)).toEqual([0, 0]);
    expect(sim.eventsOf("failover").map(({ backoffMs }) => backoffMs)).toEqual([0, 0]);
  });

  test("a failover that starts at once does not count as a wait, so the next wait is the first", async () => {
    const sim = simulate({
      replies: [refused(), noAnswer(), refused(), noAnswer(), ok()],
      ids: ["a", "b", "c", "d", "e"],
      policy: { ...idempotent, maxAttempts: 5 },
    });
    await sim.run();
    expect(waits(sim)).toEqual([0, 200, 0, 400]);
  });

  test("calls that fail at the same time are not replayed at the same time", async () => {
    const randoms = [0.1, 0.9];
    const sim = simulate({
      replies: [noAnswer(), noAnswer(), ok(), ok()],
      policy: idempotent,
      random: () => randoms.shift() as number,
    });
    await drive(Promise.all([sim.start(), sim.start()]));
    expect(sim.world.requests.map(({ call, atMs }) => [call, atMs])).toEqual([
      [1, 0],
      [2, 0],
      [1, 178],
      [2, 242],
    ]);
  });

  test("a promise that nothing ran has the same effect as a proof", async () => {
    const sim = simulate({ replies: [twirp("unavailable", { meta: { retryable: "true" } }), ok()] });
    await sim.run();
    expect(sim.asked()).toEqual(["a", "b"]);
    expect(waits(sim)).toEqual([0]);
  });
});

describe("a wait that would outlast the deadline", () => {
  test("is not started: the call fails at once with its real error", async () => {
    const sim = simulate({
      replies: [noAnswer(850), ok()],
      policy: { ...idempotent, timeoutMs: 1_000, perAttemptTimeoutMs: 900 },
    });
    const settled = await sim.run();
    expect(settled).toEqual({ ok: false, error: sim.world.requests[0]?.error, atMs: 850 });
    expect(sim.eventsOf("replay_refused")).toMatchObject([{ reason: "deadline" }]);
  });

  test("is not started when it would end exactly at the deadline", async () => {
    const sim = simulate({
      replies: [noAnswer(800), ok()],
      policy: { ...idempotent, timeoutMs: 1_000, perAttemptTimeoutMs: 900 },
    });
    expect(await sim.run()).toMatchObject({ ok: false, atMs: 800 });
  });

  test("is one that leaves no time at all: with one millisecond left it is started", async () => {
    const sim = simulate({
      replies: [noAnswer(799), ok(0)],
      policy: { ...idempotent, timeoutMs: 1_000, perAttemptTimeoutMs: 900 },
    });
    expect(await sim.run()).toMatchObject({ ok: true, atMs: 999 });
  });
});

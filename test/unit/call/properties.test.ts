import fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { MAX_ATTEMPTS_LIMIT } from "../../../src/policy/policy.js";
import { executes, type Observed, play, type Scenario, scenario } from "../helpers/scenarios.js";
import { noAnswer, useSimulatedTime } from "../helpers/simulation.js";

useSimulatedTime();

const unhandled: unknown[] = [];
const onUnhandled = (reason: unknown) => unhandled.push(reason);
beforeAll(() => {
  process.on("unhandledRejection", onUnhandled);
});
afterAll(() => {
  process.off("unhandledRejection", onUnhandled);
});
afterEach(() => {
  expect(unhandled.splice(0)).toEqual([]);
});

const RUNS = 300;

async function always(check: (observed: Observed, scenario: Scenario) => void, of = scenario()): Promise<void> {
  await fc.assert(
    fc.asyncProperty(of, async (given) => check(await play(given), given)),
    { numRuns: RUNS },
  );
}

/** Checks P1. @param policy the truth about the method, which may differ from what the client was configured with. */
function runsAtMostOnce({ calls }: Observed, { policy }: Scenario): void {
  for (const { requests } of calls) {
    expect(requests.filter(({ reply }) => executes(reply, policy)).length).toBeLessThanOrEqual(1);
  }
}

describe("for any failures at any time", () => {
  test("a method that is not idempotent executes at most once", async () => {
    await always(runsAtMostOnce, scenario(fc.constant(false)));
  });

  test("that check finds a mutation that is wrongly configured as idempotent", async () => {
    const broken = fc.asyncProperty(scenario(fc.constant(true)), async (given) =>
      runsAtMostOnce(await play(given), given),
    );
    const found = await fc.check(broken, { numRuns: RUNS, seed: 1 });
    expect(found.failed).toBe(true);
    expect(String(found.errorInstance)).toContain("to be less than or equal to 1");
  });

  test("the schedules cover every way to end and to go on", async () => {
    const seen = new Map<string, number>();
    const count = (what: string) => seen.set(what, (seen.get(what) ?? 0) + 1);
    const property = fc.asyncProperty(scenario(), async (given) => {
      for (const event of (await play(given)).sim.events) {
        if (event.type === "replay_refused") count(event.reason);
        else if (event.type !== "call") count(event.type);
        else count(event.ok ? `success after ${event.attempts}` : `${event.code}`);
      }
    });
    await fc.assert(property, { numRuns: RUNS, seed: 1 });
    const reasons = [
      "not_idempotent",
      "code_not_retryable",
      "disabled",
      "max_attempts",
      "no_region",
      "throttled",
      "deadline",
    ];
    const ends = ["success after 1", "success after 2", "success after 3", "canceled", "deadline_exceeded"];
    for (const what of ["failover", "retry", ...reasons, ...ends]) expect(seen.get(what) ?? 0, what).toBeGreaterThan(2);
  });

  test("there are at most maxAttempts attempts", async () => {
    await always(({ calls }, { policy }) => {
      const most = Math.min(policy.maxAttempts ?? 3, MAX_ATTEMPTS_LIMIT);
      for (const { requests } of calls) expect(requests.length).toBeLessThanOrEqual(policy.replay === false ? 1 : most);
    });
  });

  test("a region gets at most as many failing replays as its bucket has tokens", async () => {
    // Failures that cost a token each, and successes that add some.
    const costly = scenario(fc.constant(true)).map((given) => ({
      ...given,
      replies: given.replies.map((reply) => (reply.kind === "ok" ? reply : noAnswer())),
      policy: { idempotent: true, maxAttempts: given.policy.maxAttempts ?? 5, timeoutMs: 60_000 },
      throttling: given.throttling || {},
      calls: given.calls.map((call) => ({ ...call, timeout: undefined, leavesAfterMs: undefined })),
    }));
    await always(({ sim, calls }, { throttling }) => {
      const { maxTokens = 100, tokenRatio = 0.1 } = throttling || {};
      const tokens = maxTokens / 2 + tokenRatio * sim.eventsOf("call").filter((call) => call.ok).length;
      const failed = sim.eventsOf("attempt").filter(({ ok, attempt }) => !ok && attempt > 1);
      for (const region of new Set(sim.asked())) {
        // Replays of overlapping calls may be under way together before the first of them fails.
        const inRegion = failed.filter((event) => event.region === region).length;
        expect(inRegion).toBeLessThanOrEqual(tokens + calls.length);
      }
    }, costly);
  });

  test("a call goes back to a region that failed it only when no untried region is left", async () => {
    await always(({ calls }, { regions, policy }) => {
      for (const { requests } of calls) {
        const tried = new Set<string>();
        for (const { region } of requests) {
          if (tried.has(region.id)) {
            expect(tried.size).toBe(regions);
            expect(policy.sameRegion).not.toBe(false);
          }
          tried.add(region.id);
        }
      }
    });
  });

  test("nothing starts after the caller aborts or the deadline passes, and the call ends then", async () => {
    await always(({ calls }) => {
      for (const { requests, deadlineMs, leftAtMs, settled } of calls) {
        for (const request of requests) {
          expect(request.atMs).toBeLessThan(deadlineMs);
          expect(request.afterAbort).toBe(false);
        }
        expect(settled.atMs).toBeLessThanOrEqual(deadlineMs + 1);
        if (leftAtMs !== undefined) expect(settled.atMs).toBe(leftAtMs);
      }
    });
  });

  test("when a call settles, it leaves no timer, no listener and no unhandled rejection", async () => {
    await always(({ timersLeft, listenersLeft }) => {
      expect({ timersLeft, listenersLeft, unhandled }).toEqual({ timersLeft: 0, listenersLeft: 0, unhandled: [] });
    });
  });

  test("the events of a call report exactly the attempts that the servers saw", async () => {
    await always(({ calls }) => {
      for (const { requests, events, settled } of calls) {
        const asked = requests.map(({ region }) => region.id);
        const attempts = events.filter((event) => event.type === "attempt");
        expect(attempts.map(({ region }) => region)).toEqual(asked);
        expect(attempts.map(({ attempt }) => attempt)).toEqual(asked.map((_, i) => i + 1));
        expect(attempts.map((attempt) => attempt.ok)).toEqual(
          asked.map((_, i) => settled.ok && i === asked.length - 1),
        );

        const replays = events.filter((event) => event.type === "failover" || event.type === "retry");
        const expected = asked.slice(1).map((to, i) => {
          const type = asked.slice(0, i + 1).includes(to) ? "retry" : "failover";
          return { type, from: asked[i], to, attempt: i + 1 };
        });
        expect(replays.map(({ type, from, to, attempt }) => ({ type, from, to, attempt }))).toEqual(expected);

        const ended = events.filter((event) => event.type === "call");
        expect(ended).toMatchObject([{ ok: settled.ok, attempts: asked.length }]);
        expect(ended[0]?.region).toBe(asked.at(-1));
        expect(events.at(-1)).toBe(ended[0]);
      }
    });
  });

  test("the announced waits equal the waits between the attempts that the servers saw", async () => {
    await always(({ calls }) => {
      for (const { events, requests } of calls) {
        const attempts = events.filter((event) => event.type === "attempt");
        const replays = events.filter((event) => event.type === "failover" || event.type === "retry");
        const announced = replays.map(({ backoffMs }) => backoffMs);
        const real = requests.slice(1).map(({ atMs }, i) => {
          const elapsedMs = attempts[i]?.elapsedMs ?? Number.NaN;
          return atMs - (requests[i]?.atMs ?? Number.NaN) - elapsedMs;
        });
        expect(announced).toEqual(real);
      }
    });
  });

  test("the error is the very object that the transport or the RPC library made", async () => {
    await always(({ calls, sim }) => {
      for (const { settled, leftAtMs } of calls) {
        if (settled.ok) continue;
        expect(sim.world.errors.has(settled.error)).toBe(true);
        if (leftAtMs !== undefined) expect(settled.error).toMatchObject({ code: "canceled" });
      }
    });
  });
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { MethodPolicy } from "../../../src/policy/policy.js";
import { executes, type Observed, play, type Scenario, scenario } from "../helpers/scenarios.js";
import { useSimulatedTime } from "../helpers/simulation.js";

useSimulatedTime();

const RUNS = 60;

/** Ejections are so short and start so easily that a scenario of a few seconds has many ejections and probes. */
const health = fc
  .record({
    consecutiveFailures: fc.integer({ min: 1, max: 2 }),
    minimumCalls: fc.integer({ min: 1, max: 4 }),
    failureShare: fc.constantFrom(0.3, 0.5, 1),
    ejectionMs: fc.constantFrom(1, 50, 300, 1_000),
    maxEjectionMs: fc.constantFrom(1, 500, 2_000),
    whenAllEjected: fc.constantFrom("panic" as const, "panic" as const, "fail" as const),
  })
  // The longest is never shorter than the first.
  .map((options) => ({ ...options, maxEjectionMs: Math.max(options.ejectionMs, options.maxEjectionMs) }));

const ownPolicy: fc.Arbitrary<MethodPolicy> = fc.constantFrom(
  { idempotent: true },
  { idempotent: true },
  { idempotent: false },
);

/** Idempotent and other calls on regions that are ejected and probed all the time. */
const busy: fc.Arbitrary<Scenario> = fc
  .tuple(
    scenario(),
    health,
    fc.constantFrom("list" as const, "weight" as const),
    fc.array(fc.tuple(fc.integer({ min: 0, max: 4_000 }), fc.boolean(), fc.integer({ min: 0, max: 500 }), ownPolicy), {
      minLength: 6,
      maxLength: 14,
    }),
  )
  .map(([base, health, order, calls]) => ({
    ...base,
    health,
    order,
    policy: { ...base.policy, replay: true, maxAttempts: 3 },
    calls: calls.map(([startsAtMs, leaves, leavesAfterMs, policy]) => ({
      startsAtMs,
      timeout: undefined,
      leavesAfterMs: leaves ? leavesAfterMs : undefined,
      policy,
    })),
  }));

/** Shrinks a failing schedule for at most five seconds. */
async function always(check: (observed: Observed, scenario: Scenario) => void): Promise<void> {
  const property = fc.asyncProperty(busy, async (given) => check(await play(given), given));
  await fc.assert(property, { numRuns: RUNS, interruptAfterTimeLimit: 5_000 });
}

describe("for any schedule of failures, ejections, probes and aborts", () => {
  test("the schedules cover every case: regions are ejected, probed and readmitted, and probes are aborted", async () => {
    const seen = new Map<string, number>();
    const count = (what: string) => seen.set(what, (seen.get(what) ?? 0) + 1);
    const property = fc.asyncProperty(busy, async (given) => {
      for (const event of (await play(given)).sim.events) {
        if (event.type === "region_ejected") count(event.reason);
        else if (event.type.startsWith("region_")) count(event.type);
        else if (event.type === "call" && event.attempts === 0) count("fails without an attempt");
        else if (event.type === "call" && !event.ok && event.code === "canceled") count("caller leaves");
      }
    });
    await fc.assert(property, { numRuns: 200, seed: 1 });
    const reasons = ["consecutive_failures", "failure_share", "probe_failed", "pushback"];
    const rest = ["region_probe", "region_readmitted", "fails without an attempt", "caller leaves"];
    for (const what of [...reasons, ...rest]) expect(seen.get(what) ?? 0, what).toBeGreaterThan(5);
  });

  test("when all calls have settled, no attempt is under way and no region is still being probed", async () => {
    await always(({ sim, timersLeft, listenersLeft }) => {
      for (const { inFlight, state } of sim.failover.regions()) {
        expect(inFlight).toBe(0);
        expect(state).not.toBe("probing");
      }
      expect({ timersLeft, listenersLeft }).toEqual({ timersLeft: 0, listenersLeft: 0 });
    });
  });

  test("events come in order: ejected before probed, and probed or called before readmitted", async () => {
    await always(({ sim }) => {
      const states = new Map<string, string>();
      for (const event of sim.events) {
        if (event.type !== "region_ejected" && event.type !== "region_probe" && event.type !== "region_readmitted")
          continue;
        const before = states.get(event.region) ?? "region_readmitted";
        if (event.type !== "region_ejected") expect(before, `before ${event.type}`).not.toBe("region_readmitted");
        states.set(event.region, event.type);
      }
      for (const { id, state } of sim.failover.regions()) {
        expect(state === "healthy").toBe((states.get(id) ?? "region_readmitted") === "region_readmitted");
      }
    });
  });

  test("a mutation probes a region only if no other call did within another ejection's time", async () => {
    await always(({ sim, probes, calls }, { health }) => {
      const { ejectionMs = 0 } = health || {};
      const mayFrom = new Map<string, number>();
      let n = 0;
      for (const event of sim.events) {
        // A region that sent a pushback may be called by any call when the pushback is over.
        const longerMs = event.type === "region_ejected" && event.consecutive > 0 ? ejectionMs : 0;
        if (event.type === "region_ejected") mayFrom.set(event.region, event.untilMs + longerMs);
        if (event.type !== "region_probe") continue;
        const call = calls.find(({ id }) => id === probes[n]?.call);
        n++;
        if (call?.plan.policy?.idempotent) continue;
        expect(event.at).toBeGreaterThanOrEqual(mayFrom.get(event.region) as number);
      }
    });
  });

  test("a region is probed by one call at a time", async () => {
    await always(({ probes, sim }) => {
      const freeAt = new Map<string, number>();
      for (const { call, region, atMs } of probes) {
        const before = sim.world.requests.filter((request) => request.call === call && request.atMs < atMs).length;
        const isEnd = (event: { callId: number; attempt: number }) =>
          event.callId === call && event.attempt === before + 1;
        const { elapsedMs } = sim.eventsOf("attempt").find(isEnd) ?? expect.fail("the probe has no end");
        expect(atMs).toBeGreaterThanOrEqual(freeAt.get(region.id) ?? 0);
        freeAt.set(region.id, atMs + elapsedMs);
      }
    });
  });

  test("a method that is not idempotent executes at most once", async () => {
    await always(({ calls }, { policy }) => {
      for (const { requests, plan } of calls.filter(({ plan }) => !plan.policy?.idempotent)) {
        const merged = { ...policy, ...plan.policy };
        expect(requests.filter(({ reply }) => executes(reply, merged)).length).toBeLessThanOrEqual(1);
      }
    });
  });

  test("a call goes back to a region that failed it only when no untried region is left", async () => {
    await always(({ calls }, { regions }) => {
      for (const { requests } of calls) {
        const tried = new Set<string>();
        for (const { region } of requests) {
          if (tried.has(region.id)) expect(tried.size).toBe(regions);
          tried.add(region.id);
        }
      }
    });
  });

  test("the error is the very object that the transport or the RPC library made", async () => {
    await always(({ calls, sim }) => {
      for (const { settled } of calls) if (!settled.ok) expect(sim.world.errors.has(settled.error)).toBe(true);
    });
  });
});

/** Random fault schedules, and a record of one run of such a schedule as seen from outside. */
import fc from "fast-check";
import { vi } from "vitest";
import type { HealthOptions } from "../../../src/health/options.js";
import { parseTwirpCode, TWIRP_CODES, type TwirpCode } from "../../../src/outcome/twirp-code.js";
import type { MethodPolicy } from "../../../src/policy/policy.js";
import type { RetryThrottling } from "../../../src/policy/retry-budget.js";
import type { RegionOrder } from "../../../src/regions/order.js";
import { countListeners } from "./listeners.js";
import {
  broken,
  connecting,
  drive,
  failWith,
  flush,
  hang,
  noAnswer,
  ok,
  type Reply,
  type Settled,
  type Simulation,
  seededRandom,
  simulate,
  twirp,
  unsendable,
} from "./simulation.js";

export interface Scenario {
  readonly regions: number;
  /** One per request, in order; after the last one they start again with the first. */
  readonly replies: readonly Reply[];
  readonly policy: MethodPolicy;
  readonly throttling: RetryThrottling | false;
  readonly calls: readonly PlannedCall[];
  readonly seed: number;
  readonly health?: HealthOptions | false;
  readonly order?: RegionOrder;
}

interface PlannedCall {
  readonly startsAtMs: number;
  readonly timeout: number | { readonly dateInMs: number } | undefined;
  readonly leavesAfterMs: number | undefined;
  /** Overrides the scenario's policy. */
  readonly policy?: MethodPolicy;
}

const latency = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 40 }), fc.integer({ min: 41, max: 2_500 }));
const spelling = fc.constantFrom<string>(...TWIRP_CODES, "cancelled", "data_loss", "UNKNOWN", "no_code");
const retryAfter = fc.option(fc.constantFrom("0", "1", "3", "nonsense"), { nil: undefined, freq: 3 });
const meta = fc.constantFrom<Record<string, unknown>>(
  {},
  {},
  { retryable: "true" },
  { retryable: "true" },
  { retryable: "false" },
  { twirp_invalid_route: "POST /twirp/acme.rooms.v1.RoomService/DialParticipant" },
  { twirp_invalid_route: "POST /twirp/acme.rooms.v1.PhoneService/DialParticipant" },
  { http_error_from_intermediary: "true" },
);
const status = fc.constantFrom(undefined, 302, 400, 401, 403, 404, 429, 451, 500, 502, 503, 504, 520);

const reply: fc.Arbitrary<Reply> = fc.oneof(
  { weight: 3, arbitrary: latency.map(ok) },
  {
    weight: 6,
    arbitrary: fc
      .tuple(spelling, meta, retryAfter, latency)
      .map(([code, own, after, ms]) =>
        twirp(code, { meta: own, ...(after !== undefined && { retryAfter: after }) }, ms),
      ),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(status, retryAfter, latency)
      .map(([code, after, ms]) => failWith({ kind: "http", status: code, retryAfter: after }, ms)),
  },
  { weight: 3, arbitrary: latency.map(noAnswer) },
  { weight: 1, arbitrary: latency.map(broken) },
  {
    weight: 4,
    arbitrary: fc
      .tuple(latency, fc.boolean())
      .map(([afterMs, observed]): Reply => ({ kind: "refused", afterMs, observed })),
  },
  { weight: 2, arbitrary: fc.constant(connecting) },
  { weight: 2, arbitrary: fc.constant(hang) },
  { weight: 1, arbitrary: fc.constant(unsendable) },
);

const codes = fc.subarray<TwirpCode>(["unavailable", "internal", "resource_exhausted", "not_found", "dataloss"]);
const policy = (idempotent: fc.Arbitrary<boolean>): fc.Arbitrary<MethodPolicy> =>
  fc.record(
    {
      idempotent,
      maxAttempts: fc.integer({ min: 1, max: 7 }),
      timeoutMs: fc.integer({ min: 20, max: 6_000 }),
      perAttemptTimeoutMs: fc.integer({ min: 5, max: 3_000 }),
      connectTimeoutMs: fc.integer({ min: 5, max: 1_500 }),
      initialBackoffMs: fc.integer({ min: 1, max: 400 }),
      maxBackoffMs: fc.integer({ min: 1, max: 2_000 }),
      backoffMultiplier: fc.double({ min: 1, max: 3, noNaN: true }),
      sameRegion: fc.boolean(),
      replay: fc.constantFrom(true, true, true, false),
      retryableCodes: codes,
      notExecutedCodes: codes,
    },
    { requiredKeys: ["idempotent"] },
  );

const plannedCall: fc.Arbitrary<PlannedCall> = fc.record({
  startsAtMs: fc.integer({ min: 0, max: 3_000 }),
  timeout: fc.option(
    fc.oneof(
      fc.integer({ min: -5, max: 4_000 }),
      fc.integer({ min: -5, max: 4_000 }).map((dateInMs) => ({ dateInMs })),
    ),
    { nil: undefined, freq: 2 },
  ),
  leavesAfterMs: fc.option(fc.integer({ min: 0, max: 3_000 }), { nil: undefined, freq: 2 }),
});

/** @param idempotent whether the called method is idempotent. */
export const scenario = (idempotent: fc.Arbitrary<boolean> = fc.boolean()): fc.Arbitrary<Scenario> =>
  fc.record({
    regions: fc.integer({ min: 1, max: 5 }),
    replies: fc.array(reply, { minLength: 1, maxLength: 8 }),
    policy: policy(idempotent),
    throttling: fc.oneof(
      fc.constant<false>(false),
      fc.record({
        maxTokens: fc.integer({ min: 1, max: 12 }),
        tokenRatio: fc.double({ min: 0.01, max: 2, noNaN: true }),
      }),
    ),
    calls: fc.array(plannedCall, { minLength: 1, maxLength: 4 }),
    seed: fc.integer(),
  });

/** One call as seen from outside. */
export interface ObservedCall {
  readonly id: number;
  readonly plan: PlannedCall;
  readonly startedAtMs: number;
  readonly deadlineMs: number;
  /** When the caller aborted, if that was before the call settled. */
  readonly leftAtMs: number | undefined;
  readonly settled: Settled<string>;
  readonly requests: Simulation["world"]["requests"];
  readonly events: Simulation["events"];
}

export interface Observed {
  readonly sim: Simulation;
  readonly calls: readonly ObservedCall[];
  /** The requests that probed an ejected region. */
  readonly probes: Simulation["world"]["requests"];
  readonly timersLeft: number;
  readonly listenersLeft: number;
}

/** Plays a scenario: overlapping calls on one `Failover`. */
export async function play(given: Scenario): Promise<Observed> {
  const { regions, replies, policy, throttling, calls, seed, health, order } = given;
  const ids = Array.from({ length: regions }, (_, i) => `r${i}`);
  const sim = simulate({
    replies: (n) => replies[n % replies.length] as Reply,
    ids,
    policy,
    retryThrottling: throttling,
    random: seededRandom(seed),
    ...(health !== undefined && { health }),
    ...(order !== undefined && { order }),
  });
  const listeners: (() => number)[] = [];
  // `region_probe` is emitted just before the probe's request is sent, so the next request is the probe.
  const probes: number[] = [];
  sim.failover.on("region_probe", () => probes.push(sim.world.requests.length));

  // The Failover numbers calls in the order in which they start.
  let started = 0;
  const run = async (plan: PlannedCall): Promise<Omit<ObservedCall, "requests" | "events">> => {
    await new Promise<void>((resolve) => setTimeout(resolve, plan.startsAtMs));
    const id = ++started;
    const controller = new AbortController();
    listeners.push(countListeners(controller.signal));
    const startedAtMs = performance.now();
    let leftAtMs: number | undefined;
    const leave = () => {
      leftAtMs = performance.now();
      controller.abort();
    };
    const leaving = plan.leavesAfterMs === undefined ? undefined : setTimeout(leave, plan.leavesAfterMs);
    const { timeout } = plan;
    const settled = await sim
      .start({
        policy: plan.policy,
        signal: controller.signal,
        timeout: typeof timeout === "object" ? new Date(Date.now() + timeout.dateInMs) : timeout,
      })
      .then(
        (value): Settled<string> => ({ ok: true, value, atMs: performance.now() }),
        (error): Settled<string> => ({ ok: false, error, atMs: performance.now() }),
      );
    clearTimeout(leaving);
    const timeoutMs = (typeof timeout === "object" ? timeout.dateInMs : timeout) ?? policy.timeoutMs ?? 10_000;
    return { id, plan, startedAtMs, deadlineMs: startedAtMs + Math.max(0, timeoutMs), leftAtMs, settled };
  };

  const all = await drive(Promise.all(calls.map(run)));
  if (!all.ok) throw all.error;
  await flush();
  return {
    sim,
    probes: probes.map((n) => sim.world.requests[n] as Simulation["world"]["requests"][number]),
    timersLeft: vi.getTimerCount(),
    listenersLeft: listeners.reduce((sum, count) => sum + count(), 0),
    calls: all.value.map((call) => ({
      ...call,
      requests: sim.world.requests.filter((request) => request.call === call.id),
      events: sim.events.filter((event) => "callId" in event && event.callId === call.id),
    })),
  };
}

/** Whether a simulated server ran the method. It did, unless its answer guarantees that it did not. */
export function executes(reply: Reply, { notExecutedCodes = [] }: MethodPolicy): boolean {
  switch (reply.kind) {
    case "throw":
    case "refused":
    case "connecting":
      return false;
    case "error": {
      const { failure } = reply;
      if (failure.kind === "http") return ![429, 451].includes(failure.status ?? 0);
      if (failure.kind !== "twirp") return true;
      const code = parseTwirpCode(failure.code);
      // An answer without a Twirp code is from a gateway, which cannot promise anything for the service.
      if (code === undefined) return true;
      const { retryable, twirp_invalid_route: route, http_error_from_intermediary: relayed } = failure.meta ?? {};
      // A handler may pass on the bad_route of a service that it called, but that is about another route.
      if (code === "bad_route" && `${route}`.endsWith("/acme.rooms.v1.RoomService/DialParticipant")) return false;
      return !(retryable === "true" || (relayed === undefined && notExecutedCodes.includes(code)));
    }
    default:
      return true;
  }
}

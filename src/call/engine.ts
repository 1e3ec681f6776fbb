/**
 * One call, start to end.
 *
 * The first attempt is all there is to a call that succeeds. When it fails, `#replay` takes over: it asks whether the
 * call may be replayed (`replay.ts`: the policy and what happened), where (`routing.ts`), and whether an attempt, time
 * and a token are left; then p-retry waits as long as the call's `Backoff` says, and the next attempt follows. When any
 * of the questions is answered with no, the caller gets the error that tells the most, as it was.
 *
 * p-retry is told of a failure by throwing, and asks by its hooks whether and when to go on; the answer, `decision`, is
 * made in between.
 */
import pRetry from "p-retry";
import type { Emitter } from "../events/emitter.js";
import { type Health, isDoubtful } from "../health/health.js";
import { Backoff } from "../policy/backoff.js";
import type { Policies } from "../policy/policy-table.js";
import { type RefusalReason, refusalBy } from "../policy/refusal.js";
import type { Throttle } from "../policy/retry-budget.js";
import type { Region } from "../regions/region.js";
import { onAbort } from "../support/abort.js";
import { type Clock, sleep } from "../support/clock.js";
import { type Attempt, makeAttempt, type Succeeded } from "./attempt.js";
import { Call } from "./call-state.js";
import { Report } from "./reporting.js";
import type { Router } from "./routing.js";
import type { RpcCall } from "./rpc-call.js";
import { attachTrace, type FailedAttempt } from "./trace.js";

export interface EngineParts {
  readonly policies: Policies;
  readonly router: Router;
  /** The budgets for replays, by the region's URL and by the method's name. */
  readonly throttles: { readonly regions: Throttle; readonly methods: Throttle };
  readonly health: Health;
  readonly events: Emitter;
  readonly warn: (message: string) => void;
  readonly clock: Clock;
}

/** A replay that was decided on. */
interface Replay {
  readonly region: Region;
  /** A failover to a region that is well, after an attempt that never ran: it adds no load, so it neither waits nor costs. */
  readonly free: boolean;
  readonly waitMs: number;
}

/** What p-retry is told of a failed attempt; what there is to know of it, the call's trail holds. */
const FAILED = new Error("the attempt failed");

export class Engine {
  readonly #parts: EngineParts;
  readonly #report: Report;
  #calls = 0;

  constructor(parts: EngineParts) {
    this.#parts = parts;
    this.#report = new Report(parts.events, parts.clock);
  }

  /** Settles with the value of the attempt that succeeded, or rejects with the error that the caller should see. */
  async run<T>(rpc: RpcCall<T>): Promise<T> {
    const { policies, router, clock } = this.#parts;
    const ofMethod = policies.resolve(rpc.service, rpc.method, rpc.idempotencyLevel);
    const policy = rpc.policy === undefined ? ofMethod : policies.override(ofMethod, rpc.policy);
    const call = new Call(++this.#calls, rpc, policy, clock);
    if (call.aborted || call.startedAt >= call.deadline) throw this.#fail(call, "final");
    const region = router.first(call) ?? (await this.#firstKnown(call));

    const attempt = this.#noted(call, await makeAttempt(call, region, this.#parts));
    return attempt.ok ? this.#succeed(call, attempt) : this.#replay(call, attempt);
  }

  /** Where a call begins that found no region: in one that is discovered now. */
  async #firstKnown<T>(call: Call<T>): Promise<Region> {
    const { router, clock } = this.#parts;
    const isKnown = await router.discover(call);
    if (call.aborted || clock.now() >= call.deadline) throw this.#fail(call, "final");
    const region = router.first(call);
    if (region === undefined) throw this.#fail(call, isKnown ? "no_region" : "undiscovered");
    return region;
  }

  /** The replays. p-retry gets the first failure to begin with, so that its attempts are numbered as ours. */
  async #replay<T>(call: Call<T>, first: FailedAttempt): Promise<T> {
    const backoff = new Backoff(call.policy, this.#parts.clock.random());
    let waits = 0;
    let last = first;
    let decision: Replay | RefusalReason = "final";

    // p-retry gets a signal of its own, since it would add a listener to the caller's for every wait.
    const controller = new AbortController();
    const forget = onAbort(call.rpc.signal, () => controller.abort());
    if (call.aborted) controller.abort();
    let succeeded: Succeeded<T> | undefined;

    const run = async (n: number): Promise<T> => {
      if (n > 1) {
        const { region, free } = decision as Replay;
        if (this.#parts.clock.now() >= call.deadline) {
          // A timer may come late. What begins now would begin after the deadline.
          decision = "deadline";
          throw FAILED;
        }
        this.#report.replay(call, last, region);
        if (call.aborted) throw FAILED; // By a listener.
        if (!free) waits++;
        const attempt = this.#noted(call, await makeAttempt(call, region, this.#parts));
        if (attempt.ok) {
          succeeded = attempt;
          return this.#succeed(call, attempt);
        }
        last = attempt;
      }
      decision = await this.#decide(call, last, backoff.delayMs(waits + 1));
      throw FAILED;
    };

    try {
      return await pRetry(run, {
        ...backoff.schedule,
        retries: call.policy.maxAttempts - 1,
        signal: controller.signal,
        // A retry that is not consumed is one that p-retry does not wait for.
        shouldConsumeRetry: () => typeof decision === "object" && !decision.free,
        shouldRetry: async () => {
          if (typeof decision === "string") return false;
          // p-retry's wait follows; a server that asked for a longer one gets the difference first.
          const extraMs = decision.waitMs - backoff.delayMs(waits + 1);
          if (extraMs > 0 && !decision.free) await sleep(extraMs, call.rpc.signal, this.#parts.clock);
          return true;
        },
      });
    } catch (error) {
      // p-retry drops a result if the abort came with it. What ran and answered has not failed.
      if (succeeded !== undefined) return succeeded.value;
      if (error !== FAILED && !call.aborted) throw error;
      throw this.#fail(call, call.aborted || typeof decision !== "string" ? "final" : decision, last);
    } finally {
      forget();
    }
  }

  /** May the call be replayed after this failure, and where and when? */
  async #decide<T>(call: Call<T>, failed: FailedAttempt, backoffMs: number): Promise<Replay | RefusalReason> {
    const { throttles, clock, router } = this.#parts;
    const refusal = refusalBy(call.policy, failed.outcome);
    if (refusal !== undefined) return refusal;

    // A failure that nothing follows costs its token all the same.
    if (call.failed.length >= call.policy.maxAttempts) {
      this.#charge(call, failed);
      return "max_attempts";
    }
    const { regions, fresh } = await router.next(call);
    const [best] = regions;
    if (best === undefined) {
      this.#charge(call, failed);
      return "no_region";
    }
    if (fresh && failed.outcome.execution === "none") {
      return clock.now() < call.deadline ? { region: best, free: true, waitMs: 0 } : "deadline";
    }

    this.#charge(call, failed);
    const region = regions.find(({ url }) => throttles.regions.allows(url));
    const methodAllows = !isDoubtful(failed.outcome) || throttles.methods.allows(call.name);
    if (region === undefined || !methodAllows) return "throttled";
    const now = clock.now();
    const waitMs = Math.max(backoffMs, call.pushbackLeftMs(region, now));
    return now + waitMs < call.deadline ? { region, free: false, waitMs } : "deadline";
  }

  /**
   * Takes a token: the region's, or the method's where the failure may be a bug of the method alone. A method that is
   * broken everywhere would otherwise use up what all others need to fail over.
   */
  #charge<T>(call: Call<T>, { region, outcome }: FailedAttempt): void {
    const { regions, methods } = this.#parts.throttles;
    if (!isDoubtful(outcome)) regions.onFailure(region.url);
    // One region's `internal` may be that region's: the method answers for it once it failed a call twice.
    else if (call.failed.length > 1) methods.onFailure(call.name);
  }

  /** Writes an attempt down: for the listeners, and in the call's trail. */
  #noted<T>(call: Call<T>, attempt: Attempt<T>): Attempt<T> {
    this.#report.attempt(call, attempt);
    if (!attempt.ok) call.failed.push(attempt);
    return attempt;
  }

  #succeed<T>(call: Call<T>, { value, region }: Succeeded<T>): T {
    const { regions, methods } = this.#parts.throttles;
    regions.onSuccess();
    methods.onSuccess();
    for (const { region: tried, visit } of call.doubtful) {
      if (tried.url !== region.url) visit.blame(this.#parts.clock.now());
    }
    this.#report.succeeded(call, region);
    return value;
  }

  /** The error for the caller, with the call's trail attached. */
  #fail<T>(call: Call<T>, reason: RefusalReason, last?: FailedAttempt): unknown {
    if (last !== undefined) this.#report.refused(call, last, reason);
    const { error, code } = call.verdict(reason);
    attachTrace(error, {
      callId: call.id,
      service: call.rpc.service,
      method: call.rpc.method,
      attempts: call.failed,
      refused: reason,
    });
    this.#report.failed(call, code);
    return error;
  }
}

/**
 * One call, from start to end.
 *
 * Most calls are one attempt that succeeds: `run` makes it and returns. When it fails, `#replay` takes over. It is the
 * loop: decide whether, where and when the call may be sent again; wait; make the next attempt. `#decide` asks in turn
 * what the policy and the outcome say (`refusalBy`), which region is next (`Router`), whether the budgets have a token left
 * (`RetryBudget`) and whether there is time (`Backoff`). The answer is a `Replay`, or the reason why there is none. The
 * caller then gets the error that tells the most, as the library made it.
 */
import pRetry from "p-retry";
import type { Emitter } from "../events/emitter.js";
import { isDoubtful } from "../health/evidence.js";
import type { Health } from "../health/health.js";
import { Backoff } from "../policy/backoff.js";
import type { Policies } from "../policy/policy-table.js";
import { type RefusalReason, refusalBy } from "../policy/refusal.js";
import type { RetryBudget } from "../policy/retry-budget.js";
import type { Region } from "../regions/region.js";
import { onAbort } from "../support/abort.js";
import { type Clock, sleep } from "../support/clock.js";
import type { Attempt, Failed, Succeeded } from "./attempt.js";
import { CallState } from "./call-state.js";
import { Replay } from "./replay.js";
import { Reporter } from "./reporter.js";
import type { Router } from "./routing.js";
import type { RpcCall } from "./rpc-call.js";
import { makeAttempt } from "./running-attempt.js";
import { attachTrace } from "./trace.js";

export interface EngineParts {
  readonly policies: Policies;
  readonly router: Router;
  /** The budgets for replays, one by the region's URL and one by the method's name. */
  readonly budgets: { readonly regions: RetryBudget; readonly methods: RetryBudget };
  readonly health: Health;
  readonly events: Emitter;
  readonly warn: (message: string) => void;
  readonly clock: Clock;
}

export class Engine {
  readonly #parts: EngineParts;
  readonly #reporter: Reporter;
  #calls = 0;
  #closed = false;

  constructor(parts: EngineParts) {
    this.#parts = parts;
    this.#reporter = new Reporter(parts.events, parts.clock);
  }

  /** From now on calls are rejected. Those under way go on. */
  close(): void {
    this.#closed = true;
  }

  /** Resolves with the value of the attempt that succeeded, or rejects with the error that the caller should see. */
  async run<T>(rpc: RpcCall<T>): Promise<T> {
    const { policies, router, clock } = this.#parts;
    const ofMethod = policies.resolve(rpc.service, rpc.method, rpc.idempotencyLevel, rpc);
    const policy = rpc.policy === undefined ? ofMethod : policies.override(ofMethod, rpc.policy);
    const call = new CallState(++this.#calls, rpc, policy, clock);
    const refusal = this.#closed ? "closed" : this.#overReason(call);
    if (refusal !== undefined) throw this.#fail(call, refusal);
    const region = router.first(call) ?? (await this.#discover(call));
    if (typeof region === "string") throw this.#fail(call, region);

    const attempt = await this.#attempt(call, region);
    const ending = attempt.ok ? attempt : await this.#replay(call, attempt);
    if (typeof ending === "string") throw this.#fail(call, ending);
    return this.#succeed(call, ending);
  }

  /** The loop. p-retry calls `step` again after each `Replay` that it throws; what `step` returns is the call's ending. */
  async #replay<T>(call: CallState<T>, first: Failed): Promise<Succeeded<T> | RefusalReason> {
    const { clock } = this.#parts;
    const backoff = new Backoff(call.policy, clock.random());
    let last = first;
    let next: Replay | undefined;

    const step = async (): Promise<Succeeded<T> | RefusalReason> => {
      if (next !== undefined) {
        // A timer may fire late, and nothing may start after the deadline.
        if (clock.now() >= call.deadline) return "deadline";
        this.#reporter.replay(call, last, next.region);
        if (call.aborted) return "aborted"; // By a listener.
        const attempt = await this.#attempt(call, next.region);
        if (attempt.ok) return attempt;
        last = attempt;
      }
      const decision = await this.#decide(call, last, backoff);
      if (typeof decision === "string") return decision;
      next = decision;
      throw next;
    };

    // p-retry gets a signal of its own, because it would add a listener to the caller's for every wait.
    const controller = new AbortController();
    const stopListening = onAbort(call.rpc.signal, () => controller.abort());
    try {
      if (call.aborted) return "aborted";
      return await pRetry(step, {
        ...backoff.schedule,
        retries: call.policy.maxAttempts - 1,
        signal: controller.signal,
        // p-retry waits only before a retry that it consumes.
        shouldConsumeRetry: ({ error }) => error instanceof Replay && !error.transparent,
        shouldRetry: async ({ error }) => {
          if (!(error instanceof Replay)) return false;
          if (error.extraMs > 0) await sleep(error.extraMs, call.rpc.signal, clock);
          return true;
        },
      });
    } catch (error) {
      if (!call.aborted) throw error;
      // p-retry drops a result that arrives together with the abort, but a call that was answered has not failed.
      return call.succeeded ?? "aborted";
    } finally {
      stopListening();
    }
  }

  /** Whether the call may be replayed after this failure, and where and when. */
  async #decide<T>(call: CallState<T>, failed: Failed, backoff: Backoff): Promise<Replay | RefusalReason> {
    const { budgets, clock, router } = this.#parts;
    const refusal = refusalBy(call.policy, failed.outcome);
    if (refusal !== undefined) return refusal;

    const isLast = failed.number >= call.policy.maxAttempts;
    const { regions, fresh } = isLast ? { regions: [], fresh: false } : await router.next(call);
    const [best] = regions;
    if (best !== undefined && fresh && failed.outcome.execution === "none") {
      return clock.now() < call.deadline ? new Replay(best, 0, 0) : "deadline";
    }

    this.#charge(call, failed); // Even if no replay follows.
    if (best === undefined) return isLast ? "max_attempts" : "no_region";
    const region = regions.find(({ url }) => budgets.regions.allows(url));
    const methodAllows = !isDoubtful(failed.outcome) || budgets.methods.allows(call.name);
    if (region === undefined || !methodAllows) return "throttled";
    const now = clock.now();
    const backoffMs = backoff.next();
    const extraMs = Math.max(0, call.pushbackLeftMs(region, now) - backoffMs);
    return now + backoffMs + extraMs < call.deadline ? new Replay(region, backoffMs, extraMs) : "deadline";
  }

  /**
   * Withdraws a token for this failure: the region's, or the method's where the failure may be a bug of that method.
   * Otherwise a method that is broken everywhere would use up what all others need to fail over.
   */
  #charge<T>(call: CallState<T>, { region, outcome, number }: Failed): void {
    const { regions, methods } = this.#parts.budgets;
    if (!isDoubtful(outcome)) regions.withdraw(region.url);
    // One region's `internal` may be that region's own, so the method answers only once it failed a call twice.
    else if (number > 1) methods.withdraw(call.name);
  }

  /** Makes an attempt, and records and reports it. */
  async #attempt<T>(call: CallState<T>, region: Region): Promise<Attempt<T>> {
    const attempt = await makeAttempt(call, region, call.failed.length + 1, this.#parts);
    call.record(attempt);
    this.#reporter.attempt(call, attempt);
    return attempt;
  }

  /** Where a call that knows no region starts: in one that is discovered now. */
  async #discover<T>(call: CallState<T>): Promise<Region | RefusalReason> {
    const { router } = this.#parts;
    const isKnown = await router.discover(call);
    return this.#overReason(call) ?? router.first(call) ?? (isKnown ? "no_region" : "undiscovered");
  }

  #overReason<T>(call: CallState<T>): RefusalReason | undefined {
    if (call.aborted) return "aborted";
    return this.#parts.clock.now() >= call.deadline ? "deadline" : undefined;
  }

  #succeed<T>(call: CallState<T>, succeeded: Succeeded<T>): T {
    const { budgets, clock } = this.#parts;
    budgets.regions.deposit();
    budgets.methods.deposit();
    for (const { region, outcome, permit } of call.failed) {
      if (isDoubtful(outcome) && region.url !== succeeded.region.url) permit.blame(clock.now());
    }
    this.#reporter.succeeded(call, succeeded);
    return succeeded.value;
  }

  /** The error for the caller, with the call's trail attached. */
  #fail<T>(call: CallState<T>, reason: RefusalReason): unknown {
    const { id: callId, rpc, failed } = call;
    const last = failed.at(-1);
    if (last !== undefined) this.#reporter.refused(call, last, reason);
    const { error, code } = call.verdict(reason);
    const attempts = failed.map(({ ok: _ok, number: _number, permit: _permit, ...attempt }) => attempt);
    attachTrace(error, { callId, service: rpc.service, method: rpc.method, attempts, refused: reason });
    this.#reporter.failed(call, code);
    return error;
  }
}

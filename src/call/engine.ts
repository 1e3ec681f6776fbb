/**
 * One call, from start to end.
 *
 * Most calls are one attempt that succeeds: `run` makes it and returns. When it fails, `#replay` takes over. It is the
 * loop: plan whether, where and when the call may be sent again; wait; make the next attempt. `ReplayPlanner` answers with
 * a `Replay`, or with the reason why there is none: the policy and the outcome forbid it, or no region, no token or no time
 * is left. The caller then gets the error that says the most, as the RPC library made it.
 */
import pRetry from "p-retry";
import type { Emitter } from "../events/emitter.js";
import { isDoubtful } from "../health/evidence.js";
import type { Health } from "../health/health.js";
import { Backoff } from "../policy/backoff.js";
import type { Policies } from "../policy/policy-table.js";
import type { RefusalReason } from "../policy/refusal.js";
import type { Region } from "../regions/region.js";
import { onAbort } from "../support/abort.js";
import { type Clock, sleep } from "../support/clock.js";
import type { Attempt, Failed, Succeeded } from "./attempt.js";
import type { RetryBudgets } from "./budgets.js";
import { CallState } from "./call-state.js";
import { Replay } from "./replay.js";
import type { ReplayPlanner } from "./replay-planner.js";
import { Reporter } from "./reporter.js";
import type { Router } from "./routing.js";
import type { RpcCall } from "./rpc-call.js";
import { makeAttempt } from "./running-attempt.js";
import { attachTrace } from "./trace.js";

export interface EngineParts {
  readonly policies: Policies;
  readonly router: Router;
  readonly planner: ReplayPlanner;
  readonly budgets: RetryBudgets;
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

  get closed(): boolean {
    return this.#closed;
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
    const call = new CallState(++this.#calls, rpc, policy, ofMethod, clock);
    const refusal = this.#closed ? "closed" : this.#endedBy(call);
    if (refusal !== undefined) throw this.#fail(call, refusal);
    const region = router.first(call) ?? (await this.#discover(call));
    if (typeof region === "string") throw this.#fail(call, region);

    const attempt = this.#record(call, await makeAttempt(call, region, 1, this.#parts));
    const ending = attempt.ok ? attempt : await this.#replay(call, attempt);
    if (typeof ending === "string") throw this.#fail(call, ending);
    return this.#succeed(call, ending);
  }

  /**
   * The loop. The first run of `step` only plans; each later one makes the attempt that was planned, and plans again. p-retry
   * calls `step` again after each `Replay` (an `Error`) that it throws; what `step` returns is the call's ending.
   */
  async #replay<T>(call: CallState<T>, first: Failed): Promise<Succeeded<T> | RefusalReason> {
    const { planner, clock } = this.#parts;
    const backoff = new Backoff(call.policy, clock.random());
    let last = first;
    let next: Replay | undefined;

    const step = async (): Promise<Succeeded<T> | RefusalReason> => {
      if (next !== undefined) {
        // A timer may fire late, and nothing may start after the deadline.
        if (clock.now() >= call.deadline) return "deadline";
        this.#reporter.replay(call, last, next.region);
        if (call.aborted) return "aborted"; // By a listener.
        const attempt = this.#record(call, await makeAttempt(call, next.region, last.number + 1, this.#parts));
        planner.settle(next, attempt);
        if (attempt.ok) return attempt;
        last = attempt;
      }
      const plan = await planner.plan(call, last, next, backoff);
      if (typeof plan === "string") return plan;
      next = plan;
      throw next;
    };

    // p-retry gets a signal of its own, because it would add a listener to the caller's for every wait.
    const controller = new AbortController();
    const stopListening = onAbort(call.rpc.signal, () => controller.abort());
    try {
      if (call.aborted) return "aborted";
      return await pRetry(step, {
        ...backoff.schedule,
        retries: call.policy.maxAttempts - 1, // As many replays are thrown at most, so p-retry never runs out.
        signal: controller.signal,
        // p-retry waits only before a retry that it consumes. It would call again at once after any other TypeError.
        shouldConsumeRetry: ({ error }) => !(error instanceof Replay) || error.backoffMs > 0,
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
      next?.release(); // If it was not made.
    }
  }

  #record<T>(call: CallState<T>, attempt: Attempt<T>): Attempt<T> {
    call.record(attempt);
    this.#reporter.attempt(call, attempt);
    return attempt;
  }

  /** Where a call that knows no region starts: in one that is discovered now. */
  async #discover<T>(call: CallState<T>): Promise<Region | RefusalReason> {
    const { router } = this.#parts;
    const isKnown = await router.discover(call);
    return this.#endedBy(call) ?? router.first(call) ?? (isKnown ? "no_region" : "undiscovered");
  }

  #endedBy<T>(call: CallState<T>): RefusalReason | undefined {
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

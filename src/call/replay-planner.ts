/**
 * Decides whether a call may be sent again after a failure, and where and when. It asks in turn what the policy and the
 * outcome say (`refusalBy`), which region is next (`Router`), whether the budgets have a token (`RetryBudget`), and whether
 * there is time (`Backoff`).
 */
import type { Outcome } from "../outcome/outcome.js";
import type { Backoff } from "../policy/backoff.js";
import { type RefusalReason, refusalBy } from "../policy/refusal.js";
import type { RetryBudget } from "../policy/retry-budget.js";
import type { Reservation } from "../policy/token-bucket.js";
import type { Region } from "../regions/region.js";
import type { Clock } from "../support/clock.js";
import type { Attempt, Failed } from "./attempt.js";
import { charge, type Reservations, type RetryBudgets, settle } from "./budgets.js";
import type { CallState } from "./call-state.js";
import { Replay } from "./replay.js";
import type { Candidates, Router } from "./routing.js";

export interface PlannerParts {
  readonly router: Router;
  readonly budgets: RetryBudgets;
  readonly clock: Clock;
}

export class ReplayPlanner {
  constructor(private readonly parts: PlannerParts) {}

  /**
   * The replay that follows this failure, or why there is none. Its tokens must be settled or released.
   *
   * @param replay the replay that failed; `undefined` if the first attempt did.
   */
  async plan<T>(
    call: CallState<T>,
    failed: Failed,
    replay: Replay | undefined,
    backoff: Backoff,
  ): Promise<Replay | RefusalReason> {
    const { router, budgets, clock } = this.parts;
    const isCharged = replay?.tokens !== undefined; // `settle` has charged it already.
    const refusal = refusalBy(call.policy, failed.outcome);
    if (refusal !== undefined) return refusal;
    if (failed.number >= call.policy.maxAttempts) {
      if (!isCharged) charge(budgets, call, failed);
      return "max_attempts";
    }
    const { well, others } = await router.next(call);
    const [best] = well;
    if (best !== undefined && isUnsent(failed.outcome)) return this.#inTime(call, new Replay(best, 0, 0, undefined));

    if (!isCharged) charge(budgets, call, failed);
    if (well.length + others.length === 0) return "no_region";
    const place = await this.#place(call, { well, others });
    // A timer may be up to a millisecond early, and a call whose time is over must be seen to be.
    if (place === undefined) return clock.now() + 1 < call.deadline ? "throttled" : "deadline";
    const { region, tokens } = place;
    // Nothing ran and the next region is well, so there is nothing to wait for.
    const backoffMs = failed.outcome.execution === "none" && well.includes(region) ? 0 : backoff.next();
    const extraMs = Math.max(0, call.pushbackLeftMs(region, clock.now()) - backoffMs);
    return this.#inTime(call, new Replay(region, backoffMs, extraMs, tokens));
  }

  /** A replay was made: its tokens go back if the region answered, and are spent if it failed. */
  settle<T>({ tokens }: Replay, attempt: Attempt<T>): void {
    if (tokens === undefined) return;
    settle(tokens, attempt.ok ? undefined : attempt.outcome);
  }

  #inTime<T>(call: CallState<T>, replay: Replay): Replay | RefusalReason {
    if (this.parts.clock.now() + replay.backoffMs + replay.extraMs < call.deadline) return replay;
    replay.release();
    return "deadline";
  }

  /** A region, and the tokens for it. A call waits for its turn only if a region is well. */
  async #place<T>(
    call: CallState<T>,
    { well, others }: Candidates,
  ): Promise<{ readonly region: Region; readonly tokens: Reservations } | undefined> {
    const { regions, methods } = this.parts.budgets;
    const method = await this.#turn(call, methods, call.name, well.length > 0);
    if (method === undefined) return undefined;
    // Prefer the next region now to this one later.
    for (const region of well) {
      const token = regions.reserve(region.url);
      if (token !== undefined) return { region, tokens: { region: token, method } };
    }
    for (const [i, region] of [...well, ...others].entries()) {
      const token = await this.#turn(call, regions, region.url, i < well.length);
      if (token !== undefined) return { region, tokens: { region: token, method } };
    }
    method.release();
    return undefined;
  }

  async #turn<T>(
    call: CallState<T>,
    budget: RetryBudget,
    key: string,
    mayWait: boolean,
  ): Promise<Reservation | undefined> {
    const token = budget.reserve(key);
    if (token !== undefined || !mayWait) return token;
    return budget.waitForTurn(key, call.deadline - this.parts.clock.now(), call.rpc.signal);
  }
}

/** Whether nothing of the request left, so that the next attempt is the first that any server sees. */
function isUnsent({ origin, execution }: Outcome): boolean {
  return execution === "none" && (origin === "transport" || origin === "timeout");
}

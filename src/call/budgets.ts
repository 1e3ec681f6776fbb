/** The retry budgets of a `Failover`, and what each failure is charged to. */
import { isDoubtful } from "../health/evidence.js";
import { type Outcome, PINNED } from "../outcome/outcome.js";
import type { RetryBudget } from "../policy/retry-budget.js";
import type { Reservation } from "../policy/token-bucket.js";
import type { CallState } from "./call-state.js";

/** One for regions, by URL, and one for methods, by name. */
export interface RetryBudgets {
  readonly regions: RetryBudget;
  readonly methods: RetryBudget;
}

/** The tokens that one replay holds. */
export interface Reservations {
  readonly region: Reservation;
  readonly method: Reservation;
}

/**
 * - `region`: the region failed, or was silent until the call's deadline.
 * - `method`: the failure may be a bug of the method. Otherwise a method that is broken everywhere would use up the
 *   tokens that other methods need.
 * - `answered`: nothing, because the handler answered.
 * - `nothing`: the failure says nothing about either, for example because the caller left.
 */
type Charge = "region" | "method" | "answered" | "nothing";

function chargeOf(outcome: Outcome): Charge {
  const { origin, code, execution, httpStatus } = outcome;
  if (httpStatus === PINNED) return "nothing";
  if (origin === "caller") return code === "deadline_exceeded" && execution === "unknown" ? "region" : "nothing";
  if (origin === "client") return "nothing";
  if (execution === "done") return "answered";
  return isDoubtful(outcome) ? "method" : "region";
}

/** Charges a failure of an attempt that held no tokens. */
export function charge(
  { regions, methods }: RetryBudgets,
  { name }: CallState<unknown>,
  failed: { readonly region: { readonly url: string }; readonly outcome: Outcome; readonly number: number },
): void {
  const charged = chargeOf(failed.outcome);
  if (charged === "region") regions.withdraw(failed.region.url);
  // A single `internal` may be the region's fault, so the method is charged only from a call's second failure on.
  if (charged === "method" && failed.number > 1) methods.withdraw(name);
}

/** A replay ended: tokens go back if the region answered, and are spent on what the failure is charged to. */
export function settle({ region, method }: Reservations, outcome: Outcome | undefined): void {
  switch (outcome === undefined ? "answered" : chargeOf(outcome)) {
    case "answered":
      region.giveBack();
      method.giveBack();
      break;
    case "region":
      region.spend();
      break;
    case "method":
      method.spend();
      break;
    case "nothing":
      break;
  }
  region.release();
  method.release();
}

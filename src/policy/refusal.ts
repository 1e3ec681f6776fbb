/** Whether a failed attempt may be followed by another: the policy's part of that question. */
import type { Outcome } from "../outcome/outcome.js";
import { mayRunTwice, type ResolvedPolicy } from "./policy.js";

/**
 * Why a call was not replayed.
 *
 * - `final`: another attempt would end the same way, or nobody waits for it: the handler chose its answer, the
 *   request cannot be built, the caller left or the deadline passed, or the service forbade a replay.
 * - `not_idempotent`: the attempt may have run, and running it twice would do harm.
 * - `code_not_retryable`: the code is not among the policy's `retryableCodes`.
 * - `disabled`: the policy says `failover: false`.
 * - `max_attempts`, `no_region`, `throttled`, `deadline`: it may be replayed, but there is no attempt, no region,
 *   no token or no time left.
 * - `undiscovered`: the call was not sent at all, since its source has not named a region yet.
 */
export type RefusalReason =
  | "final"
  | "not_idempotent"
  | "code_not_retryable"
  | "disabled"
  | "max_attempts"
  | "no_region"
  | "undiscovered"
  | "throttled"
  | "deadline";

/** The reason that forbids a replay, or `undefined` where the policy and the outcome allow one. */
export function refusalBy(policy: ResolvedPolicy, outcome: Outcome): RefusalReason | undefined {
  if (outcome.final || outcome.origin === "caller" || outcome.origin === "client") return "final";
  if (outcome.execution === "done") return "final";
  if (!policy.failover) return "disabled";
  if (outcome.execution === "none") return undefined;
  if (!mayRunTwice(policy)) return "not_idempotent";
  const unanswered = outcome.origin === "transport" || outcome.origin === "timeout";
  return unanswered || policy.retryableCodes.has(outcome.code) ? undefined : "code_not_retryable";
}

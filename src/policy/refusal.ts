/** Whether a failed attempt may be followed by another: what the policy and the outcome say. */
import type { Outcome } from "../outcome/outcome.js";
import { isRetryable, mayRunTwice, namesRetryable, type ResolvedPolicy } from "./policy.js";

/**
 * Why a call was not replayed.
 *
 * Nothing is left to do:
 * - `answered`: the handler ran and chose this answer, and the code is none that the policy names for a method that may run
 *   twice.
 * - `unsendable`: the request could not be built on this side.
 * - `aborted`: the caller aborted the call.
 * - `deadline`: the call's deadline passed, or the wait before the next attempt would outlast it.
 *
 * A replay is not allowed:
 * - `forbidden`: the service forbids it (Twirp meta `retryable: "false"`).
 * - `disabled`: the policy says `replay: false`.
 * - `not_idempotent`: the attempt may have run, and the method may not run twice.
 * - `code_not_retryable`: the code is not among the policy's `retryableCodes`.
 *
 * A replay is allowed, but something is missing for it:
 * - `max_attempts`: the policy's `maxAttempts` are used up.
 * - `no_region`: there is no region to go to.
 * - `throttled`: the retry budget has no token left (`retryThrottling`).
 *
 * The call had no attempt at all:
 * - `undiscovered`: the source of regions has not named one yet.
 * - `closed`: the `Failover` was closed before the call.
 */
export type RefusalReason =
  | "answered"
  | "unsendable"
  | "aborted"
  | "deadline"
  | "forbidden"
  | "disabled"
  | "not_idempotent"
  | "code_not_retryable"
  | "max_attempts"
  | "no_region"
  | "throttled"
  | "undiscovered"
  | "closed";

/**
 * Why the policy or the outcome forbids a replay; `undefined` if both allow one.
 *
 * What the handler chose (`execution: done`) is the call's answer, unless the user named its code and the method may run
 * twice. What may have run is replayed if the method may run twice and there was no answer, or the code is retryable. What
 * did not run may be replayed in any case. The service's word against it, and `replay: false`, stand above all of this.
 */
export function refusalBy(policy: ResolvedPolicy, outcome: Outcome): RefusalReason | undefined {
  const { origin, code, execution } = outcome;
  if (origin === "caller") return code === "canceled" ? "aborted" : "deadline";
  const isWanted = mayRunTwice(policy) && namesRetryable(policy, code);
  if (execution === "done" && (origin === "client" || !isWanted)) return "answered";
  if (origin === "client") return "unsendable";
  if (outcome.forbidden) return "forbidden";
  if (!policy.replay) return "disabled";
  if (execution === "none") return undefined;
  if (!mayRunTwice(policy)) return "not_idempotent";
  const unanswered = origin === "transport" || origin === "timeout";
  return unanswered || isRetryable(policy, code) ? undefined : "code_not_retryable";
}

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
 * - `code_not_retryable`: the code is not among the policy's `retryableCodes`; or an intermediary answered with a redirect or
 *   a 4xx that another region's would give as well, whatever its code.
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
  if (isAboutRequest(outcome)) return "code_not_retryable";
  const unanswered = origin === "transport" || origin === "timeout";
  return unanswered || isRetryable(policy, code) ? undefined : "code_not_retryable";
}

/**
 * Whether an intermediary refused the request for what it is (too large, of a type or a method that it does not take, to be
 * sent elsewhere), as it would in any region. Statuses that have a Twirp code of their own (401, 403, 404, 429) are left to
 * `retryableCodes`. All others read as `internal` or `unknown`, which are retryable for the sake of 5xx.
 */
function isAboutRequest({ origin, code, httpStatus = 0 }: Outcome): boolean {
  if (origin !== "intermediary" || (code !== "internal" && code !== "unknown")) return false;
  return httpStatus >= 300 && httpStatus < 500 && !ABOUT_REGION.has(httpStatus);
}

/** 408 Request Timeout, 421 Misdirected Request, 425 Too Early, 451 (the project is pinned to other regions). */
const ABOUT_REGION: ReadonlySet<number> = new Set([408, 421, 425, 451]);

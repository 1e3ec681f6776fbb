/** Options of a call that the generated client has no parameter for. */

import { checkPolicy, type MethodPolicy } from "../../policy/policy.js";
import { checkKeys, checkNumber, checkObject } from "../../support/checks.js";
import { mustBe } from "../../support/errors.js";
import { checkHeaders, type HeadersSource } from "../../support/headers.js";

/** The options of `with`. One that is `undefined` counts as left out. */
export interface CallOptions {
  /** Ends the calls. A later signal replaces an earlier one; `AbortSignal.any` makes one of both. */
  signal?: AbortSignal | undefined;
  /** The time limit of each call in milliseconds, all attempts and waits included. It replaces the policy's `timeoutMs`. */
  timeoutMs?: number | undefined;
  /** Headers of every attempt. They replace earlier ones of the same name. */
  headers?: HeadersSource | undefined;
  /** The policy of these calls, which takes precedence over their method's; `false` for one attempt and no replay. */
  failover?: MethodPolicy | false | undefined;
}

/** The options that any number of `with`s add up to. */
export interface CallSettings {
  readonly signal?: AbortSignal | undefined;
  readonly timeout?: number | undefined;
  readonly headers: readonly HeadersSource[];
  readonly policy?: MethodPolicy | undefined;
}

/** @throws InvalidOptionError */
export function mergeCallOptions(base: CallSettings, given: CallOptions): CallSettings {
  checkKeys("with()", checkObject("with's options", given), ["signal", "timeoutMs", "headers", "failover"]);
  const { signal, timeoutMs, headers, failover } = given;
  if (signal !== undefined && typeof signal?.addEventListener !== "function") {
    throw mustBe("with.signal", "an AbortSignal", signal);
  }
  // What is left of a deadline may be below zero. Then the call fails at once.
  if (timeoutMs !== undefined) checkNumber("with.timeoutMs", timeoutMs, -Infinity, Infinity, " (milliseconds)");
  // Without warnings here, because each call repeats them where somebody listens.
  if (failover !== undefined && failover !== false) checkPolicy("with.failover", failover, () => {});
  return {
    signal: signal ?? base.signal,
    timeout: timeoutMs ?? base.timeout,
    headers: headers === undefined ? base.headers : [...base.headers, checkHeaders("with.headers", headers)],
    policy: failover === undefined ? base.policy : { ...base.policy, ...(failover || { replay: false }) },
  };
}

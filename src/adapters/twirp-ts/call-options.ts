/** What can be said of a call although the generated client has no place for it. */

import { checkPolicy, type MethodPolicy } from "../../policy/policy.js";
import { checkKeys, checkNumber, checkObject } from "../../support/checks.js";
import { mustBe } from "../../support/errors.js";
import { checkHeaders, type HeadersSource } from "../../support/headers.js";

export interface CallOptions {
  /** Ends the calls. A later one takes the place of an earlier one; `AbortSignal.any` makes one of both. */
  signal?: AbortSignal | undefined;
  /** Each call in milliseconds, all attempts and waits included; over the policy's `timeoutMs`. */
  timeoutMs?: number | undefined;
  /** Sent with every attempt, over those of the same name from before. */
  headers?: HeadersSource | undefined;
  /** The policy of these calls, over that of their method; `false` for one attempt and no replay. */
  failover?: MethodPolicy | false | undefined;
}

/** Options as they come out of any number of `with`s. */
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
  // What is left of a deadline may be less than nothing; then the call fails at once.
  if (timeoutMs !== undefined) checkNumber("with.timeoutMs", timeoutMs, -Infinity, Infinity, " (milliseconds)");
  // Its warnings come with each call, where there is someone to be told.
  if (failover !== undefined && failover !== false) checkPolicy("with.failover", failover, () => {});
  return {
    signal: signal ?? base.signal,
    timeout: timeoutMs ?? base.timeout,
    headers: headers === undefined ? base.headers : [...base.headers, checkHeaders("with.headers", headers)],
    policy: failover === undefined ? base.policy : { ...base.policy, ...(failover || { replay: false }) },
  };
}

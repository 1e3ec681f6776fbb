/** What a failed call went through, reachable from its error without changing the error. */
import type { Outcome } from "../outcome/outcome.js";
import type { RefusalReason } from "../policy/refusal.js";
import type { Region } from "../regions/region.js";

/** An attempt that failed. */
export interface FailedAttempt {
  readonly ok: false;
  readonly region: Region;
  readonly outcome: Outcome;
  /** As the RPC library or the caller's deadline produced it. */
  readonly error: unknown;
  /** Milliseconds since the call began. */
  readonly startedMs: number;
  readonly elapsedMs: number;
}

export interface FailoverTrace {
  readonly callId: number;
  readonly service: string;
  readonly method: string;
  /** In the order in which they were made. Empty if the call ended before its first. */
  readonly attempts: readonly FailedAttempt[];
  /** Why there was no further one. */
  readonly refused: RefusalReason;
}

const traces = new WeakMap<object, FailoverTrace>();

export function attachTrace(error: unknown, trace: FailoverTrace): void {
  if ((typeof error === "object" && error !== null) || typeof error === "function") traces.set(error, trace);
}

/**
 * The trail of attempts behind an error that a call rejected with: which regions were tried, what each came to,
 * and why there was no further attempt. `undefined` for an error of any other kind.
 */
export function failoverTrace(error: unknown): FailoverTrace | undefined {
  return typeof error === "object" && error !== null ? traces.get(error) : undefined;
}

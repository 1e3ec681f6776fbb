/** What a failed call went through, reachable from its error without changing the error. */
import type { Outcome } from "../outcome/outcome.js";
import type { RefusalReason } from "../policy/refusal.js";
import type { Region } from "../regions/region.js";

/** An attempt that failed. */
export interface FailedAttempt {
  /** Where it was made. */
  readonly region: Region;
  /** Its result. */
  readonly outcome: Outcome;
  /** The error, as the RPC library or the caller's deadline produced it. */
  readonly error: unknown;
  /** When it started, in milliseconds since the call began. */
  readonly startedMs: number;
  /** How long it took, in milliseconds. */
  readonly elapsedMs: number;
}

/** What a failed call went through. */
export interface FailoverTrace {
  /** The number of the call, as in its events. */
  readonly callId: number;
  /** The service's name in the `.proto`, the package included. */
  readonly service: string;
  /** The method's name in the `.proto`. */
  readonly method: string;
  /** Its attempts in the order in which they were made; none if the call ended before its first. */
  readonly attempts: readonly FailedAttempt[];
  /** Why there was no further attempt. */
  readonly refused: RefusalReason;
}

const traces = new WeakMap<object, FailoverTrace>();

export function attachTrace(error: unknown, trace: FailoverTrace): void {
  if (isKeyable(error)) traces.set(error, trace);
}

/**
 * The trail of attempts behind an error that a call rejected with: which regions were tried, the result of each
 * attempt, and why there was no further one. `undefined` for any other error.
 */
export function failoverTrace(error: unknown): FailoverTrace | undefined {
  return isKeyable(error) ? traces.get(error) : undefined;
}

/** Whether a value can carry a trace. Libraries may reject with anything, strings included. */
function isKeyable(value: unknown): value is object {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}

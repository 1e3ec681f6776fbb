/** The waits between the attempts of one call. */
import { MAX_TIMER_MS } from "../support/clock.js";
import type { ResolvedPolicy } from "./policy.js";

/** How far a wait may be from its nominal length, each way. */
const JITTER = 0.2;

/** The longest that a call may have to wait after this many waits, in milliseconds. */
export function longestWaitMs(policy: ResolvedPolicy, waits: number): number {
  const { initialBackoffMs, backoffMultiplier, maxBackoffMs } = policy;
  return Math.min(initialBackoffMs * backoffMultiplier ** waits, maxBackoffMs) * (1 + JITTER);
}

/**
 * One call's waits: `initialBackoffMs × backoffMultiplier^(n-1)`, at most `maxBackoffMs`, times a jitter.
 *
 * The jitter is drawn once per call, because it exists to keep calls that failed together from returning together. It
 * must differ between calls, not between the waits of one call.
 */
export class Backoff {
  /** The same waits in the words of p-retry, which keeps the time. */
  readonly schedule: { readonly minTimeout: number; readonly maxTimeout: number; readonly factor: number };
  #waits = 0;

  /** @param random at least 0, below 1. */
  constructor(policy: ResolvedPolicy, random: number) {
    const jitter = 1 - JITTER + 2 * JITTER * random;
    this.schedule = {
      minTimeout: policy.initialBackoffMs * jitter,
      maxTimeout: Math.min(policy.maxBackoffMs * jitter, MAX_TIMER_MS),
      factor: policy.backoffMultiplier,
    };
  }

  /**
   * The length of the next wait in milliseconds, above 0. Each call counts one wait, just as p-retry counts each retry
   * that it waits for.
   */
  next(): number {
    const { minTimeout, maxTimeout, factor } = this.schedule;
    return Math.min(Math.round(minTimeout * factor ** this.#waits++), maxTimeout);
  }
}

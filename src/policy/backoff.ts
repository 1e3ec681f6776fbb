/** The waits between the attempts of one call. */
import { MAX_TIMER_MS } from "../support/clock.js";
import type { ResolvedPolicy } from "./policy.js";

/** How far a wait may lie from its nominal length, each way. */
const JITTER = 0.2;

/**
 * One call's schedule: `initialBackoffMs × backoffMultiplier^(n-1)`, at most `maxBackoffMs`, times a jitter.
 * The jitter is drawn once per call. It is there to keep the calls that failed together from coming back
 * together, and for that it must differ between calls, not between the waits of one.
 */
export class Backoff {
  readonly #initialMs: number;
  readonly #maxMs: number;
  readonly #multiplier: number;

  /** @param random at least 0, below 1. */
  constructor(policy: ResolvedPolicy, random: number) {
    const jitter = 1 - JITTER + 2 * JITTER * random;
    this.#initialMs = policy.initialBackoffMs * jitter;
    this.#maxMs = Math.min(policy.maxBackoffMs * jitter, MAX_TIMER_MS);
    this.#multiplier = policy.backoffMultiplier;
  }

  /** The schedule in the words of `p-retry`, which keeps the time. */
  get schedule(): { minTimeout: number; maxTimeout: number; factor: number } {
    return { minTimeout: this.#initialMs, maxTimeout: this.#maxMs, factor: this.#multiplier };
  }

  /** How long the nth wait (n = 1, 2 …) will be by that schedule, to be weighed against the deadline. */
  delayMs(n: number): number {
    return Math.min(Math.round(this.#initialMs * this.#multiplier ** (n - 1)), this.#maxMs);
  }
}

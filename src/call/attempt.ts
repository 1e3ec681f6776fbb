/** The result of one attempt, as the engine knows it. */
import type { Permit } from "../health/breaker.js";
import type { Region } from "../regions/region.js";
import type { FailedAttempt } from "./trace.js";

export interface Succeeded<T> {
  readonly ok: true;
  /** Counts from 1 within the call. */
  readonly number: number;
  readonly region: Region;
  readonly value: T;
  readonly elapsedMs: number;
}

export interface Failed extends FailedAttempt {
  readonly ok: false;
  /** Counts from 1 within the call. */
  readonly number: number;
  /** Settled, and still good for blaming the region if the call succeeds in another. */
  readonly permit: Permit;
}

export type Attempt<T> = Succeeded<T> | Failed;

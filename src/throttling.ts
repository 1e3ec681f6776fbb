/**
 * Retry throttling: the budget that keeps replays from turning an outage into a bigger one.
 *
 * A fixed number of attempts triples the load of a service exactly when it fails. Here a bucket of tokens is
 * shared by all calls: a failure that could be replayed takes one, a success gives back a little, and while the
 * bucket is at or below half there are no replays. With the defaults, 50 failures in a row stop the replays,
 * and 10 successes pay for one failure: a service that fails up to about one call in ten keeps being retried,
 * one that is down gets its normal load and no more.
 *
 * @see https://github.com/grpc/proposal/blob/master/A6-client-retries.md#throttling-retry-attempts-and-hedged-rpcs
 */
import { InvalidOptionError } from "./errors.js";
import { checkKeys, checkNumber, checkObject } from "./options.js";

export interface RetryThrottling {
  /**
   * The size of the bucket; it starts full. 1 to 1 000, gRPC's range.
   *
   * @default 100
   */
  maxTokens?: number;
  /**
   * What a success gives back, in tokens; above 0, at most 1 000.
   *
   * @default 0.1
   */
  tokenRatio?: number;
}

/** Two verbs, one question. */
export interface Throttle {
  /** An attempt failed in a way that could be replayed. */
  onFailure(): void;
  onSuccess(): void;
  /** May there be a replay now? */
  allows(): boolean;
}

class TokenBucket implements Throttle {
  #tokens: number;

  constructor(
    private readonly maxTokens: number,
    private readonly tokenRatio: number,
  ) {
    this.#tokens = maxTokens;
  }

  onFailure(): void {
    this.#tokens = Math.max(0, this.#tokens - 1);
  }

  onSuccess(): void {
    if (this.#tokens < this.maxTokens) this.#tokens = Math.min(this.maxTokens, this.#tokens + this.tokenRatio);
  }

  allows(): boolean {
    return this.#tokens > this.maxTokens / 2;
  }
}

const UNLIMITED: Throttle = { onFailure() {}, onSuccess() {}, allows: () => true };

/** @throws InvalidOptionError */
export function createThrottle(options: RetryThrottling | false = {}): Throttle {
  if (options === false) return UNLIMITED;
  const given = checkObject("retryThrottling", options);
  checkKeys("retryThrottling", given, ["maxTokens", "tokenRatio"]);
  const tokenRatio = checkNumber("retryThrottling.tokenRatio", given.tokenRatio ?? 0.1, 0, 1000);
  if (tokenRatio === 0) throw new InvalidOptionError("retryThrottling.tokenRatio", "above 0", 0);
  return new TokenBucket(checkNumber("retryThrottling.maxTokens", given.maxTokens ?? 100, 1, 1000), tokenRatio);
}

/**
 * Retry throttling: the budget that keeps replays from turning an outage into a bigger one.
 *
 * A fixed number of attempts triples the load of a service exactly when it fails. Here every region has a bucket of
 * tokens, shared by all calls: a failure that could be replayed takes one from the region that failed, a success
 * anywhere gives all of them back a little, and no replay goes into a region whose bucket is at or below half. With
 * the defaults, 50 failures in a row in a region stop the replays into it, and 10 successes pay for one failure.
 * When everything is down, every region gets its normal load, 50 replays, and no more.
 *
 * A failure that may be a bug of one method (`internal` and the like) is charged to a bucket of the method instead, once
 * it happened twice in a call, so that a method that is broken everywhere loses its own replays, and not those of all
 * others.
 *
 * The bucket is gRPC's, and there too it belongs to a server, not to a client: with one for all regions, a home that is
 * down would empty it, and the calls could no longer fail over to regions that are well.
 *
 * @see https://github.com/grpc/proposal/blob/master/A6-client-retries.md#throttling-retry-attempts-and-hedged-rpcs
 */

import { checkKeys, checkNumber, checkObject } from "../support/checks.js";
import { InvalidOptionError } from "../support/errors.js";

export interface RetryThrottling {
  /**
   * The size of each region's bucket; it starts full. 1 to 1 000, gRPC's range.
   *
   * @default 100
   */
  maxTokens?: number;
  /**
   * What a success gives back to each bucket, in tokens; above 0, at most 1 000.
   *
   * @default 0.1
   */
  tokenRatio?: number;
}

/** Two verbs, one question. */
export interface Throttle {
  /** An attempt failed in a way that could be replayed, and this region or method answers for it. */
  onFailure(key: string): void;
  /** An attempt succeeded, wherever. */
  onSuccess(): void;
  /** May there be a replay now that this one would answer for? */
  allows(key: string): boolean;
  /** What is left in its bucket; `Infinity` without throttling. */
  tokens(key: string): number;
  /** Forgets all others. */
  retain(keys: ReadonlySet<string>): void;
}

interface Bucket {
  tokens: number;
  /** How many successes are in `tokens` already. */
  credited: number;
}

class TokenBuckets implements Throttle {
  readonly #buckets = new Map<string, Bucket>();
  #successes = 0;

  constructor(
    private readonly maxTokens: number,
    private readonly tokenRatio: number,
  ) {}

  onFailure(key: string): void {
    const bucket = this.#bucketOf(key);
    bucket.tokens = Math.max(0, bucket.tokens - 1);
  }

  /** Only counted, so that a success costs nothing; the buckets are credited when they are looked at. */
  onSuccess(): void {
    this.#successes++;
  }

  allows(key: string): boolean {
    return this.tokens(key) > this.maxTokens / 2;
  }

  tokens(key: string): number {
    return this.#bucketOf(key).tokens;
  }

  retain(keys: ReadonlySet<string>): void {
    for (const key of this.#buckets.keys()) if (!keys.has(key)) this.#buckets.delete(key);
  }

  #bucketOf(key: string): Bucket {
    let bucket = this.#buckets.get(key);
    if (bucket === undefined) {
      bucket = { tokens: this.maxTokens, credited: this.#successes };
      this.#buckets.set(key, bucket);
    }
    const credit = (this.#successes - bucket.credited) * this.tokenRatio;
    bucket.tokens = Math.min(this.maxTokens, bucket.tokens + credit);
    bucket.credited = this.#successes;
    return bucket;
  }
}

const UNLIMITED: Throttle = {
  onFailure() {},
  onSuccess() {},
  allows: () => true,
  tokens: () => Number.POSITIVE_INFINITY,
  retain() {},
};

/** @throws InvalidOptionError */
export function createThrottle(options: RetryThrottling | false = {}): Throttle {
  if (options === false) return UNLIMITED;
  const given = checkObject("retryThrottling", options);
  checkKeys("retryThrottling", given, ["maxTokens", "tokenRatio"]);
  const tokenRatio = checkNumber("retryThrottling.tokenRatio", given.tokenRatio ?? 0.1, 0, 1000);
  if (tokenRatio === 0) throw new InvalidOptionError("retryThrottling.tokenRatio", "above 0", 0);
  return new TokenBuckets(checkNumber("retryThrottling.maxTokens", given.maxTokens ?? 100, 1, 1000), tokenRatio);
}

/**
 * The retry budget keeps replays from turning an outage into a bigger one.
 *
 * A fixed number of attempts triples the load of a service exactly when it fails. So every region has a bucket of tokens,
 * shared by all calls: each failure that could be replayed withdraws a token from the region that failed, each success
 * anywhere deposits a little in all of them, and no replay goes into a region whose bucket is half empty or less. With the
 * defaults, 50 failures in a row in a region stop the replays into it, and 10 successes pay for one failure. When
 * everything is down, every region gets its normal load and 50 replays.
 *
 * A failure that may come from a bug in one method (`internal` and the like) is charged to a bucket of that method
 * instead, from the second time in one call on. So a method that is broken everywhere loses its own replays, and not those
 * of all the others.
 *
 * The bucket is gRPC's, and there too each server has its own. With one bucket for all regions, a home that is down would
 * empty it, and calls could no longer fail over to the regions that are well.
 *
 * @see https://github.com/grpc/proposal/blob/master/A6-client-retries.md#throttling-retry-attempts-and-hedged-rpcs
 */
import { checkKeys, checkNumber, checkObject } from "../support/checks.js";
import { mustBe } from "../support/errors.js";

/** The size of the retry budget. */
export interface RetryThrottling {
  /**
   * The size of each region's bucket, in tokens; it starts full. From 1 to 1 000, gRPC's range.
   *
   * @default 100
   */
  maxTokens?: number | undefined;
  /**
   * What a success deposits in each bucket, in tokens; above 0, at most 1 000.
   *
   * @default 0.1
   */
  tokenRatio?: number | undefined;
}

/** A budget for each key: a region's URL, or a method's name. */
export interface RetryBudget {
  /** An attempt succeeded, wherever it was made. */
  deposit(): void;
  /** An attempt failed in a way that could be replayed, and the failure is charged to this key. */
  withdraw(key: string): void;
  /** Whether a replay that would be charged to this key may be made now. */
  allows(key: string): boolean;
  /** What is left in this key's bucket; `Infinity` without throttling. */
  balance(key: string): number;
  /** Forgets all other keys. */
  retain(keys: ReadonlySet<string>): void;
}

/** How many keys have a bucket. Names of methods may come from outside, through a proxy, without end. */
const MAX_BUCKETS = 1_000;

interface Bucket {
  tokens: number;
  /** How many deposits `tokens` already includes. */
  credited: number;
}

class TokenBuckets implements RetryBudget {
  readonly #buckets = new Map<string, Bucket>();
  #deposits = 0;

  constructor(
    private readonly maxTokens: number,
    private readonly tokenRatio: number,
  ) {}

  /** Only counted, because every successful call pays for this; a bucket is credited when it is looked at. */
  deposit(): void {
    this.#deposits++;
  }

  withdraw(key: string): void {
    const tokens = Math.max(0, this.balance(key) - 1);
    // Last in the map, so that the first is the one whose last failure is the longest ago.
    this.#buckets.delete(key);
    this.#buckets.set(key, { tokens, credited: this.#deposits });
    for (const oldest of this.#buckets.keys()) {
      if (this.#buckets.size <= MAX_BUCKETS) break;
      this.#buckets.delete(oldest);
    }
  }

  allows(key: string): boolean {
    return this.balance(key) > this.maxTokens / 2;
  }

  /** A key that never failed has no bucket: it would be full. */
  balance(key: string): number {
    const bucket = this.#buckets.get(key);
    if (bucket === undefined) return this.maxTokens;
    const credit = (this.#deposits - bucket.credited) * this.tokenRatio;
    bucket.tokens = Math.min(this.maxTokens, bucket.tokens + credit);
    bucket.credited = this.#deposits;
    return bucket.tokens;
  }

  retain(keys: ReadonlySet<string>): void {
    for (const key of this.#buckets.keys()) if (!keys.has(key)) this.#buckets.delete(key);
  }
}

const UNLIMITED: RetryBudget = {
  deposit() {},
  withdraw() {},
  allows: () => true,
  balance: () => Number.POSITIVE_INFINITY,
  retain() {},
};

/** @throws InvalidOptionError */
export function createRetryBudget(options: RetryThrottling | false = {}): RetryBudget {
  if (options === false) return UNLIMITED;
  const given = checkObject("retryThrottling", options);
  checkKeys("retryThrottling", given, ["maxTokens", "tokenRatio"]);
  const tokenRatio = checkNumber("retryThrottling.tokenRatio", given.tokenRatio ?? 0.1, 0, 1000);
  if (tokenRatio === 0) throw mustBe("retryThrottling.tokenRatio", "above 0", 0);
  return new TokenBuckets(checkNumber("retryThrottling.maxTokens", given.maxTokens ?? 100, 1, 1000), tokenRatio);
}

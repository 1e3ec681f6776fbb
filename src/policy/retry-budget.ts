/**
 * The retry budget keeps replays from turning an outage into a bigger one.
 *
 * Three attempts for each call triple the load of a service exactly when it fails. So every region has a bucket of tokens,
 * shared by all calls. A failure that could be replayed withdraws a token from the bucket of the region that failed, a
 * success anywhere deposits a little in all of them, and an hour without failures fills an empty one. No replay goes into a
 * region whose bucket is half full or less.
 *
 * A replay reserves its token when it is decided, not when it fails. Otherwise all the calls that are in flight when a
 * region dies would pass before the first of them is charged. A reservation that succeeds is given back, so the region's
 * own answers set the pace: with the defaults, 50 replays may be under way in a region at first, and while calls wait for
 * their turn, each success lets two more go. A call waits within its deadline for a region that is well, and is refused
 * once those ahead of it have failed. When everything is down, every region gets its normal load and 50 replays.
 *
 * A failure that may come from a bug in one method (`internal` and the like) is charged to a bucket of that method
 * instead, from the second time in one call on. So a method that is broken everywhere loses its own replays, and not those
 * of all the others.
 *
 * The bucket is gRPC's, and there too each server has its own. With one bucket for all regions, a home that is down would
 * empty it, and calls could no longer fail over to the regions that are well. The two verbs are those of tower's
 * `retry::budget`.
 *
 * @see https://github.com/grpc/proposal/blob/master/A6-client-retries.md#throttling-retry-attempts-and-hedged-rpcs
 */
import { checkKeys, checkNumber, checkObject } from "../support/checks.js";
import { type Clock, waitAtMost } from "../support/clock.js";
import { mustBe } from "../support/errors.js";
import { type Reservation, TokenBucket } from "./token-bucket.js";

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
  /** An attempt without a reservation failed in a way that could be replayed, and the failure is charged to this key. */
  withdraw(key: string): void;
  /** A token for a replay, if there is one right now. */
  reserve(key: string): Reservation | undefined;
  /** A token for a replay, as soon as it is this call's turn; `undefined` if none comes. */
  waitForTurn(key: string, withinMs: number, signal: AbortSignal | undefined): Promise<Reservation | undefined>;
  /** What is left in this key's bucket; `Infinity` without throttling. */
  balance(key: string): number;
  /** The keys that have a bucket. */
  keys(): Iterable<string>;
  /** Forgets all other keys. */
  retain(keys: ReadonlySet<string>): void;
}

/**
 * The most buckets that are kept, because names of methods may come from outside, through a proxy, without end. The one that
 * was not used for longest goes first; it starts full again.
 */
const MAX_BUCKETS = 1_000;

class TokenBuckets implements RetryBudget {
  readonly #buckets = new Map<string, TokenBucket>();
  #deposits = 0;

  constructor(
    private readonly maxTokens: number,
    private readonly tokenRatio: number,
    private readonly clock: Clock,
  ) {}

  /** Only counted, because every successful call pays for this; a bucket is credited when it is looked at. */
  deposit(): void {
    this.#deposits++;
  }

  withdraw(key: string): void {
    this.#bucketOf(key).withdraw();
  }

  reserve(key: string): Reservation | undefined {
    return this.#bucketOf(key).reserve();
  }

  async waitForTurn(key: string, withinMs: number, signal: AbortSignal | undefined): Promise<Reservation | undefined> {
    const turn = this.#bucketOf(key).waitForTurn();
    const reservation = await waitAtMost(turn.reservation, withinMs, signal, this.clock);
    if (reservation === undefined) turn.leave();
    return reservation;
  }

  /** A key without a bucket has a full one, and a look does not make it one. */
  balance(key: string): number {
    return this.#buckets.has(key) ? this.#bucketOf(key).tokens : this.maxTokens;
  }

  keys(): Iterable<string> {
    return this.#buckets.keys();
  }

  retain(keys: ReadonlySet<string>): void {
    for (const [key, bucket] of this.#buckets) {
      if (keys.has(key)) continue;
      this.#buckets.delete(key);
      bucket.close();
    }
  }

  #bucketOf(key: string): TokenBucket {
    const bucket = this.#buckets.get(key) ?? new TokenBucket(this.maxTokens, this.#deposits, this.clock);
    // Last in the map, so that the first is the one that was not used for longest.
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    for (const [oldest, unused] of this.#buckets) {
      if (this.#buckets.size <= MAX_BUCKETS) break;
      this.#buckets.delete(oldest);
      unused.close();
    }
    bucket.credit(this.#deposits, this.tokenRatio);
    return bucket;
  }
}

const NO_RESERVATION: Reservation = { giveBack() {}, spend() {}, release() {} };

const UNLIMITED: RetryBudget = {
  deposit() {},
  withdraw() {},
  reserve: () => NO_RESERVATION,
  waitForTurn: async () => NO_RESERVATION,
  balance: () => Number.POSITIVE_INFINITY,
  keys: () => [],
  retain() {},
};

/** @throws InvalidOptionError */
export function createRetryBudget(options: RetryThrottling | false = {}, clock: Clock): RetryBudget {
  if (options === false) return UNLIMITED;
  const given = checkObject("retryThrottling", options);
  checkKeys("retryThrottling", given, ["maxTokens", "tokenRatio"]);
  const maxTokens = checkNumber("retryThrottling.maxTokens", given.maxTokens ?? 100, 1, 1000);
  const tokenRatio = checkNumber("retryThrottling.tokenRatio", given.tokenRatio ?? 0.1, 0, 1000);
  if (tokenRatio === 0) throw mustBe("retryThrottling.tokenRatio", "above 0", 0);
  return new TokenBuckets(maxTokens, tokenRatio, clock);
}

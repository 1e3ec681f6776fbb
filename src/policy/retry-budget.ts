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

/** A token that a replay holds while it is under way. Only the first call of any of these counts. */
export interface Reservation {
  /** The replay was answered: the token goes back, and the next in line may go. */
  giveBack(): void;
  /** The replay failed: the token is spent. */
  spend(): void;
  /** The replay was not made, or says nothing: the token goes back. */
  release(): void;
}

/** For this long after its last failure time adds nothing to a bucket, so that waiting does not feed an outage. */
const REST_MS = 10 * 60 * 1000;
/** After that, time alone fills an empty bucket in this long. */
const FILL_MS = 50 * 60 * 1000;

/**
 * The most buckets that are kept, because names of methods may come from outside, through a proxy, without end. The one that
 * was not used for longest goes first; it starts full again.
 */
const MAX_BUCKETS = 1_000;

class TokenBuckets implements RetryBudget {
  readonly #buckets = new Map<string, Bucket>();
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

  #bucketOf(key: string): Bucket {
    const bucket = this.#buckets.get(key) ?? new Bucket(this.maxTokens, this.#deposits, this.clock);
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

class Bucket {
  #tokens: number;
  /** Tokens that replays under way hold. They are still in `tokens`. */
  #reserved = 0;
  /** How many replays more than the tokens allow may be under way, because those before them succeeded. */
  #headStart = 0;
  /** Up to when time was credited; in the future while the bucket rests. */
  #creditedAt: number;
  /** The calls that wait for their turn, in order. */
  readonly #waiting = new Set<(reservation: Reservation | undefined) => void>();

  constructor(
    private readonly maxTokens: number,
    /** How many deposits `tokens` already includes. */
    private creditedDeposits: number,
    private readonly clock: Clock,
  ) {
    this.#tokens = maxTokens;
    this.#creditedAt = clock.now();
  }

  get tokens(): number {
    return this.#tokens;
  }

  credit(deposits: number, tokenRatio: number): void {
    const now = this.clock.now();
    const byTime = (Math.max(0, now - this.#creditedAt) / FILL_MS) * this.maxTokens;
    const bySuccess = (deposits - this.creditedDeposits) * tokenRatio;
    this.#tokens = Math.min(this.maxTokens, this.#tokens + byTime + bySuccess);
    this.creditedDeposits = deposits;
    this.#creditedAt = Math.max(now, this.#creditedAt);
  }

  withdraw(): void {
    this.#tokens = Math.max(0, this.#tokens - 1);
    this.#creditedAt = this.clock.now() + REST_MS;
  }

  reserve(): Reservation | undefined {
    if (this.#tokens - this.#reserved + this.#headStart <= this.maxTokens / 2) return undefined;
    this.#reserved++;
    let held = true;
    const end = (then: () => void) => {
      if (!held) return;
      held = false;
      this.#reserved--;
      then();
      this.#next();
    };
    return {
      giveBack: () => end(() => this.#onSuccess()),
      spend: () => end(() => this.#onFailure()),
      release: () => end(() => {}),
    };
  }

  waitForTurn(): { readonly reservation: Promise<Reservation | undefined>; leave(): void } {
    let grant: (reservation: Reservation | undefined) => void = () => {};
    const reservation = new Promise<Reservation | undefined>((resolve) => {
      grant = resolve;
    });
    this.#waiting.add(grant);
    this.#next();
    const leave = () => {
      this.#waiting.delete(grant);
      // It may have been granted just as the call gave up.
      void reservation.then((granted) => granted?.release());
    };
    return { reservation, leave };
  }

  /** Nobody will get a turn any more. */
  close(): void {
    for (const grant of this.#waiting) grant(undefined);
    this.#waiting.clear();
  }

  /** As in TCP's slow start: the head start grows only while calls wait, and a failure ends it. */
  #onSuccess(): void {
    if (this.#waiting.size > 0) this.#headStart++;
  }

  #onFailure(): void {
    this.withdraw();
    this.#headStart = 0;
  }

  #next(): void {
    for (const grant of this.#waiting) {
      const reservation = this.reserve();
      if (reservation === undefined) break;
      this.#waiting.delete(grant);
      grant(reservation);
    }
    if (this.#reserved > 0) return;
    // Nothing is under way whose success could let a call go.
    this.#headStart = 0;
    this.close();
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

/** One bucket of the retry budget: its tokens, the replays that hold some of them, and the calls that wait for one. */
import type { Clock } from "../support/clock.js";

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

export class TokenBucket {
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

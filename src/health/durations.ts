/**
 * How long the calls of each method take. It decides whether to give up on an attempt halfway, so that another region gets
 * the other half. That helps if the region hangs, and does harm if the method is just slow.
 *
 * A method is named by an object that is the same for all of its calls. What is known about it goes with that object.
 */
export interface Durations {
  /** An attempt succeeded, after `ms`. */
  succeeded(method: object, ms: number, now: number): void;
  /** A call ran out of time although it had given up on an attempt halfway. */
  gaveUpInVain(method: object): void;
  /** A call ran out of time in an attempt that had all of it. */
  waitedInVain(method: object): void;
  /** Whether an attempt that has this much time will probably succeed, as far as is known. */
  isEnough(method: object, ms: number): boolean;
}

/** What counts as enough for a method of which nothing is known, in milliseconds. */
const ENOUGH_MS = 2_000;
/** A success is remembered for one to two of these periods, or until there is a newer one. */
const PERIOD_MS = 60_000;

interface Known {
  /** The slowest success of this period, and of the one before it. */
  slowestMs: number;
  slowestBeforeMs: number;
  periodStartedAt: number;
  /** It may have become slower than any success shows, because attempts are given up. The next call waits. */
  inDoubt: boolean;
}

export class KnownDurations implements Durations {
  readonly #methods = new WeakMap<object, Known>();

  succeeded(method: object, ms: number, now: number): void {
    const known = this.#methods.get(method);
    if (known === undefined) {
      this.#methods.set(method, { slowestMs: ms, slowestBeforeMs: 0, periodStartedAt: now, inDoubt: false });
      return;
    }
    known.inDoubt = false;
    if (now - known.periodStartedAt >= PERIOD_MS) {
      known.slowestBeforeMs = known.slowestMs;
      known.slowestMs = ms;
      known.periodStartedAt = now;
    } else if (ms > known.slowestMs) known.slowestMs = ms;
  }

  gaveUpInVain(method: object): void {
    const known = this.#methods.get(method);
    if (known !== undefined) known.inDoubt = true;
    else {
      const slowestMs = ENOUGH_MS;
      this.#methods.set(method, { slowestMs, slowestBeforeMs: 0, periodStartedAt: 0, inDoubt: true });
    }
  }

  /** Waiting was no better, so the regions hang, and the next call may give up halfway again. */
  waitedInVain(method: object): void {
    const known = this.#methods.get(method);
    if (known !== undefined) known.inDoubt = false;
  }

  isEnough(method: object, ms: number): boolean {
    const known = this.#methods.get(method);
    if (known === undefined) return ms >= ENOUGH_MS;
    return !known.inDoubt && ms >= Math.max(known.slowestMs, known.slowestBeforeMs);
  }
}

/** For `health: false`. */
export const NO_DURATIONS: Durations = {
  succeeded() {},
  gaveUpInVain() {},
  waitedInVain() {},
  isEnough: (_, ms) => ms >= ENOUGH_MS,
};

/**
 * How long the calls of each method take. It decides whether to give up on an attempt halfway, so that another region gets
 * the other half. That helps if the region hangs, and does harm if the method is just slow.
 */
export interface Durations {
  /** An attempt succeeded, after `ms`. */
  succeeded(method: string, ms: number, now: number): void;
  /** A call ran out of time although it had given up on an attempt halfway. */
  gaveUpInVain(method: string): void;
  /** A call ran out of time in an attempt that had all of it. */
  waitedInVain(method: string): void;
  /** Whether an attempt that has this much time will probably succeed, as far as is known. */
  isEnough(method: string, ms: number): boolean;
}

/** What counts as enough for a method of which nothing is known, in milliseconds. */
const ENOUGH_MS = 2_000;
/** A success is remembered for one to two of these periods, or until there is a newer one. */
const PERIOD_MS = 60_000;

/** Names of methods may come from outside, through a proxy, without end. */
const MAX_METHODS = 1_000;

interface Slowest {
  /** The slowest success of this period, and of the one before it. */
  ms: number;
  msBefore: number;
  startedAt: number;
}

export class KnownDurations implements Durations {
  readonly #slowest = new Map<string, Slowest>();
  /** Methods that may have become slower than any success shows, because attempts are given up. The next call waits. */
  readonly #inDoubt = new Set<string>();

  succeeded(method: string, ms: number, now: number): void {
    if (this.#inDoubt.size > 0) this.#inDoubt.delete(method);
    const slowest = this.#slowest.get(method);
    if (slowest === undefined) {
      if (this.#slowest.size >= MAX_METHODS) this.#slowest.clear();
      this.#slowest.set(method, { ms, msBefore: 0, startedAt: now });
    } else if (now - slowest.startedAt >= PERIOD_MS) {
      slowest.msBefore = slowest.ms;
      slowest.ms = ms;
      slowest.startedAt = now;
    } else if (ms > slowest.ms) slowest.ms = ms;
  }

  gaveUpInVain(method: string): void {
    if (this.#inDoubt.size >= MAX_METHODS) this.#inDoubt.clear();
    this.#inDoubt.add(method);
  }

  /** Waiting was no better, so the regions hang, and the next call may give up halfway again. */
  waitedInVain(method: string): void {
    this.#inDoubt.delete(method);
  }

  isEnough(method: string, ms: number): boolean {
    if (this.#inDoubt.has(method)) return false;
    const slowest = this.#slowest.get(method);
    return ms >= (slowest === undefined ? ENOUGH_MS : Math.max(slowest.ms, slowest.msBefore));
  }
}

/** For `health: false`. */
export const NO_DURATIONS: Durations = {
  succeeded() {},
  gaveUpInVain() {},
  waitedInVain() {},
  isEnough: (_, ms) => ms >= ENOUGH_MS,
};

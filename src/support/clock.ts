import { onAbort } from "./abort.js";

/**
 * Time and randomness. Nothing else in this package touches them. The globals are looked up at every use, so fake timers
 * that a test installs drive the whole package, p-retry's included.
 */
export interface Clock {
  /** Milliseconds on a clock that never goes back; for durations. */
  now(): number;
  /** Milliseconds since the Unix epoch; for people, and for deadlines given as a `Date`. */
  date(): number;
  /** At least 0, below 1. */
  random(): number;
  /** 128 random bits, as 32 hexadecimal digits. */
  uuid(): string;
  /** Runs `callback` once after `delayMs`. */
  setTimeout(callback: () => void, delayMs: number): Timer;
  clearTimeout(timer: Timer): void;
}

export type Timer = ReturnType<typeof globalThis.setTimeout>;

export const systemClock: Clock = {
  now: () => performance.now(),
  date: () => Date.now(),
  random: () => Math.random(),
  // Not `randomUUID`, which browsers have on secure pages only.
  uuid: () =>
    Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join(""),
  setTimeout: (callback, delayMs) => globalThis.setTimeout(callback, delayMs),
  clearTimeout: (timer) => globalThis.clearTimeout(timer),
};

/** A time of the clock's `now` as a date, in whole milliseconds since the Unix epoch. */
export function dateOf(time: number, clock: Clock): number {
  return Math.round(clock.date() + time - clock.now());
}

/** The longest delay that a JavaScript timer can hold, about 24.8 days. A longer one would fire at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Waits for `promise`, but no longer than `withinMs` and not past an abort of `signal`. Then it resolves with `undefined`,
 * and the promise goes on for whoever else waits for it. Rejects only if the promise does.
 */
export function waitAtMost<T>(
  promise: Promise<T>,
  withinMs: number,
  signal: AbortSignal | undefined,
  clock: Clock,
): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const leave = () => {
      clock.clearTimeout(timer);
      forget();
      resolve(undefined);
    };
    const timer = clock.setTimeout(leave, Math.min(withinMs, MAX_TIMER_MS));
    const forget = onAbort(signal, leave);
    promise.then(resolve, reject).finally(leave);
    if (signal?.aborted) leave();
  });
}

/** Resolves after `delayMs`, or as soon as `signal` aborts. */
export function sleep(delayMs: number, signal: AbortSignal | undefined, clock: Clock): Promise<void> {
  return waitAtMost<void>(new Promise<never>(() => {}), delayMs, signal, clock);
}

/**
 * Runs `work` for no longer than `withinMs`. Then it rejects and the signal aborts, even if the work ignores that. It keeps
 * no process alive.
 */
export function bounded<T>(work: (signal: AbortSignal) => T | Promise<T>, withinMs: number, clock: Clock): Promise<T> {
  const controller = new AbortController();
  return new Promise((resolve, reject) => {
    const timer = clock.setTimeout(() => {
      const error = new Error(`no answer within ${withinMs} ms`);
      reject(error);
      controller.abort(error);
    }, withinMs);
    unref(timer);
    // Inside a `then`, so that work that throws counts as work that rejects.
    Promise.resolve()
      .then(() => work(controller.signal))
      .then(resolve, reject)
      .finally(() => clock.clearTimeout(timer));
  });
}

/**
 * Runs `callback` when the event loop has done what it is doing now, microtasks included, and before it looks at sockets
 * again. That is no matter of time. It is for Node; elsewhere it comes when a timer comes.
 *
 * @returns a function that forgets it.
 */
export function nextTurn(callback: () => void): () => void {
  const { setImmediate, clearImmediate } = globalThis as {
    setImmediate?: (callback: () => void) => unknown;
    clearImmediate?: (immediate: unknown) => void;
  };
  if (setImmediate === undefined) {
    const timer = globalThis.setTimeout(callback, 0);
    return () => globalThis.clearTimeout(timer);
  }
  const immediate = setImmediate(callback);
  return () => clearImmediate?.(immediate);
}

/** Lets a process end before this timer fires. Browsers' timers are numbers, and keep nothing alive. */
export function unref(timer: unknown): void {
  (timer as { unref?: () => void }).unref?.();
}

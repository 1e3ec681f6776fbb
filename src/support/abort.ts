/**
 * Listening to the caller's abort. A signal gets one listener from here, however many wait for it, and none once nobody
 * does, because one signal often serves many calls (a request's, a process's shutdown), and Node warns of a leak from the
 * eleventh listener on.
 */
const waiting = new WeakMap<AbortSignal, Waiters>();

interface Waiters {
  readonly callbacks: Set<() => void>;
  readonly listener: () => void;
}

/**
 * Calls `callback` when `signal` aborts, but not if it has aborted already.
 *
 * @returns a function that stops the waiting. Calling it again does nothing.
 */
export function onAbort(signal: AbortSignal | undefined, callback: () => void): () => void {
  if (signal === undefined) return ignore;
  const { callbacks, listener } = waitersOf(signal);
  const own = () => callback();
  if (callbacks.size === 0) signal.addEventListener("abort", listener);
  callbacks.add(own);
  return () => {
    if (callbacks.delete(own) && callbacks.size === 0) signal.removeEventListener("abort", listener);
  };
}

function waitersOf(signal: AbortSignal): Waiters {
  let waiters = waiting.get(signal);
  if (waiters === undefined) {
    const callbacks = new Set<() => void>();
    const listener = () => {
      for (const callback of [...callbacks]) if (callbacks.has(callback)) callback();
    };
    waiters = { callbacks, listener };
    waiting.set(signal, waiters);
  }
  return waiters;
}

function ignore(): void {}

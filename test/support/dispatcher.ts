/** What Node's `fetch` sends its requests with, for tests that put a dispatcher of their own in front of it. */
interface Dispatcher {
  dispatch(options: unknown, handler: object): boolean;
}

/** undici keeps its dispatcher under a number of its own for each generation of hooks. */
export function realDispatcher(handler: object): Dispatcher {
  const generations = "onRequestStart" in handler ? [2, 1] : [1, 2];
  const found = generations
    .map((n) => (globalThis as Record<symbol, unknown>)[Symbol.for(`undici.globalDispatcher.${n}`)])
    .find((dispatcher) => dispatcher !== undefined);
  return found as Dispatcher;
}

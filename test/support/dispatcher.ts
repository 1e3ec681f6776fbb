/** What Node's `fetch` sends its requests with, for tests that put a dispatcher of their own in front of it. */
interface Dispatcher {
  dispatch(options: unknown, handler: object): boolean;
}

const globals = globalThis as Record<symbol, unknown>;

/** undici keeps its dispatcher under a number of its own for each generation of hooks. */
const nameOf = (generation: number) => Symbol.for(`undici.globalDispatcher.${generation}`);

/** The real one, even while there is another in its place. */
const replaced = new Map<symbol, unknown>();

export function realDispatcher(handler: object): Dispatcher {
  const generations = "onRequestStart" in handler ? [2, 1] : [1, 2];
  const found = generations
    .map(nameOf)
    .map((name) => replaced.get(name) ?? globals[name])
    .find((dispatcher) => dispatcher !== undefined);
  return found as Dispatcher;
}

/** Has this one in the place of the global one, as after undici's `setGlobalDispatcher`, until the call has settled. */
export async function withDispatcher<T>(dispatcher: object, call: () => Promise<T>): Promise<T> {
  for (const name of [1, 2].map(nameOf)) if (globals[name] !== undefined) replaced.set(name, globals[name]);
  for (const name of replaced.keys()) globals[name] = dispatcher;
  try {
    return await call();
  } finally {
    for (const [name, real] of replaced) globals[name] = real;
    replaced.clear();
  }
}

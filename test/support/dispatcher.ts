/** The global dispatcher of Node's `fetch`, for tests that put another dispatcher in front of it. */
interface Dispatcher {
  dispatch(options: unknown, handler: object): boolean;
}

const globals = globalThis as Record<symbol, unknown>;

/** undici stores its dispatcher under a symbol with another number for each version of its hooks. */
const nameOf = (generation: number) => Symbol.for(`undici.globalDispatcher.${generation}`);

/** The real dispatcher, even while it is replaced. */
const replaced = new Map<symbol, unknown>();

export function realDispatcher(handler: object): Dispatcher {
  const generations = "onRequestStart" in handler ? [2, 1] : [1, 2];
  const found = generations
    .map(nameOf)
    .map((name) => replaced.get(name) ?? globals[name])
    .find((dispatcher) => dispatcher !== undefined);
  return found as Dispatcher;
}

/** Replaces the global dispatcher until the call has settled, as undici's `setGlobalDispatcher` does. */
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

/**
 * Which dispatchers are believed.
 *
 * "Handed over, and not started" proves that nothing was sent only if the dispatcher calls the start hook before it
 * writes. undici's own do. Any other may do as it pleases: undici-thread-interceptor, say, calls the start hook together
 * with the answer. So it has to be seen first to start a request in an earlier turn of the event loop than the one that
 * brings the answer, because nothing that answers by itself has a reason to, and a socket cannot do both in one turn. It
 * is believed for that origin alone, because it may send to one over a socket and answer for another by itself.
 */

/** The part of undici's `Dispatcher` that a request needs. */
export interface Dispatcher {
  dispatch(options: unknown, handler: Handler): boolean;
}

/** The hooks of one request. Their names differ between the generations of undici. */
export type Handler = Record<string, unknown>;

/** The origins for which a dispatcher has earned its word. */
const earned = new WeakMap<Dispatcher, Set<string>>();

/** Whether its start hook can be believed for requests to `origin`. */
export function isBelieved(dispatcher: Dispatcher, origin: string): boolean {
  return isUndicis(dispatcher) || earned.get(dispatcher)?.has(origin) === true;
}

/** It was seen to start a request to `origin` before the turn that brought the answer. */
export function believe(dispatcher: Dispatcher, origin: string): void {
  const origins = earned.get(dispatcher);
  if (origins === undefined) earned.set(dispatcher, new Set([origin]));
  else origins.add(origin);
}

/** What was found of a dispatcher, and what its `dispatch` was then, because that may be replaced later. */
const judged = new WeakMap<Dispatcher, { readonly dispatch: unknown; readonly genuine: boolean }>();

/** Whether it is one of undici's own that write to a socket, or that only choose among such. */
export function isUndicis(dispatcher: Dispatcher): boolean {
  const { dispatch } = dispatcher;
  const known = judged.get(dispatcher);
  if (known?.dispatch === dispatch) return known.genuine;
  const genuine = isGenuine(dispatcher);
  judged.set(dispatcher, { dispatch, genuine });
  return genuine;
}

const BASE = "DispatcherBase<Dispatcher<EventEmitter";

/**
 * The classes of undici 6 to 8, by their names and those of what they extend. A process may have several copies of undici,
 * Node's own and those of packages, so there is no one class to compare with. Not `RetryAgent`, which hands on to any
 * dispatcher, and not `MockAgent`, which answers by itself.
 */
const CLASSES: ReadonlySet<string> = new Set([
  `Agent<${BASE}`,
  `Client<${BASE}`,
  `H2CClient<${BASE}`,
  `H2CClient<Client<${BASE}`,
  `Pool<PoolBase<${BASE}`,
  `BalancedPool<PoolBase<${BASE}`,
  `RoundRobinPool<PoolBase<${BASE}`,
  `ProxyAgent<${BASE}`,
  `EnvHttpProxyAgent<${BASE}`,
  `Socks5ProxyAgent<${BASE}`,
]);

/** undici 8's bridge for handlers of older generations. It keeps to itself what it hands on to. */
const BRIDGE = "Dispatcher1Wrapper<Dispatcher<EventEmitter";

function isGenuine(dispatcher: Dispatcher): boolean {
  try {
    const prototype = Object.getPrototypeOf(dispatcher);
    // What `compose()` makes is a proxy with another `dispatch`, and instances can be patched.
    if (dispatcher.dispatch !== prototype?.dispatch) return false;
    const lineage = lineageOf(prototype);
    if (lineage === BRIDGE) return isBridgeToUndicis(dispatcher);
    return CLASSES.has(lineage) && hasNoPartsOfOthers(dispatcher);
  } catch {
    return false; // It has a getter that throws.
  }
}

/** `Pool<PoolBase<DispatcherBase<…`. A user's subclass adds a name, even if it is the same one again. */
function lineageOf(prototype: object | null): string {
  const names: string[] = [];
  for (let at = prototype; at !== null && at !== undefined && names.length < 8; at = Object.getPrototypeOf(at)) {
    if (Object.getPrototypeOf(at) === null) break; // `Object.prototype`, of whichever realm.
    names.push(at.constructor.name);
  }
  return names.join("<");
}

/** undici's agents and pools take a `factory` for what they send with, and undici 6's take `interceptors`. */
function hasNoPartsOfOthers(dispatcher: object): boolean {
  return Object.getOwnPropertySymbols(dispatcher).every((symbol) => {
    const value = (dispatcher as Record<symbol, unknown>)[symbol];
    if (symbol.description === "factory") return (value as { name?: unknown }).name === "defaultFactory";
    if (symbol.description === "options") return !(value as { interceptors?: unknown } | null)?.interceptors;
    return true;
  });
}

/** undici 8 sets both of its global dispatchers together: the bridge, and what it leads to. */
function isBridgeToUndicis(dispatcher: Dispatcher): boolean {
  const beyond = dispatcherNamed(2);
  return dispatcherNamed(1) === dispatcher && beyond !== undefined && beyond !== dispatcher && isGenuine(beyond);
}

const GLOBAL_NAMES = {
  1: Symbol.for("undici.globalDispatcher.1"),
  2: Symbol.for("undici.globalDispatcher.2"),
} as const;

/** The global dispatcher of one generation of undici's hooks. */
export function dispatcherNamed(generation: 1 | 2): Dispatcher | undefined {
  return (globalThis as Record<symbol, unknown>)[GLOBAL_NAMES[generation]] as Dispatcher | undefined;
}

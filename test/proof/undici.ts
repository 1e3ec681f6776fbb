/** The undici generations that users may install, if the current Node version can run them. */
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

export interface Dispatcher {
  dispatch(options: object, handler: object): boolean;
}

type Compose = (dispatch: Dispatcher["dispatch"]) => Dispatcher["dispatch"];

interface Composable extends Dispatcher {
  compose(interceptor: Compose): Dispatcher;
}

interface MockPool {
  intercept(request: object): { reply(status: number, data: object, options: object): { delay(ms: number): void } };
}

export interface Undici {
  Agent: new (options?: object) => Composable;
  RetryAgent: new (agent: object, options?: object) => Dispatcher;
  MockAgent: new () => Dispatcher & { disableNetConnect(): void; get(origin: string): MockPool };
  interceptors: Record<"responseError" | "retry", (options?: object) => Compose>;
  buildConnector(options: object): Connect;
  fetch: typeof globalThis.fetch;
}

type Connect = (to: { hostname: string; port: string }, callback: unknown) => void;

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
const builtIn = Number(process.versions.undici?.split(".")[0]);

/** undici 8 needs Node 22.19. */
const installed = [6, 7, 8].filter((generation) => generation < 8 || major > 22 || (major === 22 && minor >= 19));
const undici = (generation: number) => require(`undici${generation}`) as Undici;

/** Node's `fetch` works with agents of its own generation and the previous one; see undici's "Compatibility". */
const fitting = installed.filter((generation) => (builtIn >= 8 ? generation >= 7 : generation <= 7));

export const generations = fitting.map((generation) => ({ name: `undici ${generation}`, undici: undici(generation) }));

/** An agent of the newest undici that fits, which never gets a connection to one host. */
export function agentWithout(origin: string): Dispatcher {
  const { Agent, buildConnector } = undici(fitting.at(-1) as number);
  const connect = buildConnector({});
  const { hostname, port } = new URL(origin);
  return new Agent({
    connect: ((to, callback) => {
      if (to.hostname !== hostname || to.port !== port) connect(to, callback);
    }) satisfies Connect,
  });
}

export const agents = fitting.map((generation) => ({
  name: `undici ${generation}'s Agent with 2 connections`,
  agent: new (undici(generation).Agent)({ connections: 2, pipelining: 1 }),
}));

export const pipelining = fitting.map((generation) => ({
  name: `undici ${generation}'s Agent with pipelining`,
  agent: new (undici(generation).Agent)({ connections: 1, pipelining: 10 }),
}));

export const h2Agents = fitting.map((generation) => ({
  name: `undici ${generation}'s Agent`,
  agent: new (undici(generation).Agent)({ allowH2: true, connect: { rejectUnauthorized: false } }),
}));

export const fetches = installed.map((generation) => ({
  name: `undici ${generation}'s own fetch`,
  fetch: undici(generation).fetch,
}));

/** Forwards everything to the global dispatcher, as the dispatcher of a proxy or a logger does. */
export const forwarding = {
  dispatch(options: object, handler: object): boolean {
    const globals = globalThis as unknown as Record<symbol, { dispatch(options: object, handler: object): boolean }>;
    const name = "onRequestStart" in handler ? 2 : 1;
    const real =
      globals[Symbol.for(`undici.globalDispatcher.${name}`)] ?? globals[Symbol.for("undici.globalDispatcher.1")];
    if (real === undefined) throw new Error("no global dispatcher");
    return real.dispatch(options, handler);
  },
};

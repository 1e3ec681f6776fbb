/** A simulated world: regions that answer by a script, in simulated time. */
import { afterAll, afterEach, beforeAll, expect, vi } from "vitest";
import type { RpcCall } from "../../../src/call/rpc-call.js";
import type { FailoverEvent, FailoverEventOf, FailoverEventType } from "../../../src/events/events.js";
import { buildFailover, type Failover, type FailoverOptions } from "../../../src/failover.js";
import type { TwirpCode } from "../../../src/outcome/twirp-code.js";
import type { WireFailure } from "../../../src/outcome/wire-failure.js";
import type { MethodPolicy } from "../../../src/policy/policy.js";
import type { Region } from "../../../src/regions/region.js";
import { type Clock, systemClock } from "../../../src/support/clock.js";

const realSetImmediate = globalThis.setImmediate;

/** 2023-11-14T22:13:20Z. It is a whole second because an HTTP date has no milliseconds. */
export const EPOCH = 1_700_000_000_000;

/** Uses simulated time in every test of the file. The globals are replaced because p-retry uses the global `setTimeout`. */
export function useSimulatedTime(): void {
  const install = () => vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date", "performance"], now: EPOCH });
  beforeAll(install);
  afterEach(install);
  afterAll(() => {
    vi.useRealTimers();
  });
}

/** Runs everything that is due without moving time. */
export const flush = () => new Promise<void>((resolve) => realSetImmediate(resolve));

export type Settled<T> = { ok: true; value: T; atMs: number } | { ok: false; error: unknown; atMs: number };

/** Moves time to the next timer, again and again, until the promise settles. */
export async function drive<T>(promise: Promise<T>): Promise<Settled<T>> {
  let settled: Settled<T> | undefined;
  promise.then(
    (value) => {
      settled = { ok: true, value, atMs: performance.now() };
    },
    (error) => {
      settled = { ok: false, error, atMs: performance.now() };
    },
  );
  await flush();
  while (settled === undefined) {
    if (vi.getTimerCount() === 0) throw new Error("it never settles: no timer is left that could end it");
    vi.advanceTimersToNextTimer();
    await flush();
  }
  return settled;
}

/** A random number generator that gives the same numbers for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The simulated clock. With the default `random` of 0.5, every jitter is at its middle. */
export function clockWith(random: () => number = () => 0.5): Clock {
  return { ...systemClock, random };
}

/** The simulated transport's error, for an error answer or for no answer. */
export class WireError extends Error {
  constructor(readonly failure: WireFailure) {
    super(`wire: ${JSON.stringify(failure)}`);
  }
}

/** The simulated RPC library's error for a failure that did not come from a server. */
export class LocalError extends Error {
  constructor(
    readonly code: TwirpCode,
    message: string,
    cause: unknown,
  ) {
    super(message, { cause });
  }
}

/** What a simulated region does with one request. */
export type Reply =
  | { readonly kind: "ok"; readonly afterMs: number }
  | { readonly kind: "error"; readonly afterMs: number; readonly failure: WireFailure }
  /** No connection is made. If `observed`, the attempt's observer sees that. */
  | { readonly kind: "refused"; readonly afterMs: number; readonly observed: boolean }
  | { readonly kind: "connecting" }
  /** Never settles, and ignores an abort. */
  | { readonly kind: "hang" }
  /** `send` throws because the request could not be built. */
  | { readonly kind: "throw" };

type TwirpDetails = { meta?: Record<string, unknown>; retryAfter?: string };

export const ok = (afterMs = 10): Reply => ({ kind: "ok", afterMs });
export const failWith = (failure: WireFailure, afterMs = 10): Reply => ({ kind: "error", afterMs, failure });
export const twirp = (code: string, details: TwirpDetails = {}, afterMs = 10): Reply =>
  failWith({ kind: "twirp", code, ...details }, afterMs);
export const http = (status: number, retryAfter?: string, afterMs = 10): Reply =>
  failWith({ kind: "http", status, retryAfter }, afterMs);
export const noAnswer = (afterMs = 10): Reply => failWith({ kind: "none" }, afterMs);
export const broken = (afterMs = 10): Reply => failWith({ kind: "broken" }, afterMs);
export const refused = (afterMs = 10): Reply => ({ kind: "refused", afterMs, observed: true });
export const connecting: Reply = { kind: "connecting" };
export const hang: Reply = { kind: "hang" };
export const unsendable: Reply = { kind: "throw" };

/** A request as a simulated server saw it. */
export interface ServedRequest {
  readonly call: number;
  readonly region: Region;
  readonly atMs: number;
  readonly reply: Reply;
  readonly headers: Readonly<Record<string, string>>;
  /** What `send` threw or rejected with. */
  error?: unknown;
  /** Whether the caller had aborted before it was sent. */
  readonly afterAbort: boolean;
}

/** All regions, and the transport to them. */
export class World {
  readonly requests: ServedRequest[] = [];
  /** Every error that the transport or the RPC library made. The caller may only see one of these. */
  readonly errors = new Set<unknown>();
  #calls = 0;

  constructor(private readonly replyTo: (n: number, region: Region) => Reply) {}

  call(init: Partial<RpcCall<string>> = {}): RpcCall<string> {
    const call = ++this.#calls;
    const remember = <E>(error: E): E => {
      this.errors.add(error);
      return error;
    };
    return {
      service: "acme.rooms.v1.RoomService",
      method: "DialParticipant",
      inspect: (error) => (error as WireError).failure,
      createError: (code, message, cause) => remember(new LocalError(code, message, cause)),
      send: ({ region, signal, headers, observer }) => {
        const reply = this.replyTo(this.requests.length, region);
        const afterAbort = init.signal?.aborted === true;
        const request: ServedRequest = { call, region, atMs: performance.now(), reply, headers, afterAbort };
        this.requests.push(request);
        const errorOf = (failure: WireFailure) => {
          request.error = remember(new WireError(failure));
          return request.error;
        };
        if (reply.kind === "throw") throw errorOf({ kind: "unsendable" });
        if (reply.kind === "connecting" || (reply.kind === "refused" && reply.observed)) observer.onHandedOver();
        return new Promise((resolve, reject) => {
          if (reply.kind === "hang" || reply.kind === "connecting") return;
          const timer = setTimeout(() => {
            if (reply.kind === "ok") resolve(`answer of ${region.id}`);
            else if (reply.kind === "error") reject(errorOf(reply.failure));
            else reject(errorOf({ kind: "none", cause: "ECONNREFUSED" }));
          }, reply.afterMs);
          // As in fetch, an abort ends the request with an error.
          signal.addEventListener("abort", () => {
            clearTimeout(timer);
            if (request.error === undefined) reject(errorOf({ kind: "none" }));
          });
        });
      },
      ...init,
    };
  }
}

export const regionNamed = (id: string): Region => ({ id, url: `https://${id}.example.com/twirp` });

export interface SimulationOptions extends Partial<FailoverOptions> {
  /** The replies in the order of the requests (the last one repeats), or a function of the request's number and region. */
  readonly replies: readonly Reply[] | ((n: number, region: Region) => Reply);
  /** The ids of a fixed list of regions, unless `regions` is given. */
  readonly ids?: readonly string[];
  /** The policy of all methods. */
  readonly policy?: MethodPolicy;
  readonly random?: () => number;
  readonly clock?: Clock;
}

export interface Simulation {
  readonly failover: Failover;
  readonly world: World;
  readonly events: FailoverEvent[];
  eventsOf<T extends FailoverEventType>(type: T): FailoverEventOf<T>[];
  /** The ids of the regions that got a request, in order. */
  asked(): string[];
  /** Starts a call without moving time. */
  start(init?: Partial<RpcCall<string>>): Promise<string>;
  /** Runs a call to its end. */
  run(init?: Partial<RpcCall<string>>): Promise<Settled<string>>;
  /** Runs a call that must fail, and returns its error. */
  fail(init?: Partial<RpcCall<string>>): Promise<LocalError | WireError>;
}

export function simulate(options: SimulationOptions): Simulation {
  const { replies, ids = ["a", "b", "c"], policy, random, clock = clockWith(random), ...rest } = options;
  const replyTo =
    typeof replies === "function" ? replies : (n: number) => replies[Math.min(n, replies.length - 1)] as Reply;
  const world = new World(replyTo);
  const failover = buildFailover(
    { regions: ids.map(regionNamed), ...(policy && { policies: { "*": policy } }), ...rest },
    clock,
  );
  const events: FailoverEvent[] = [];
  failover.on("*", (event) => events.push(event));

  const start = (init?: Partial<RpcCall<string>>) => failover.run(world.call(init));
  return {
    failover,
    world,
    events,
    eventsOf: <T extends FailoverEventType>(type: T) =>
      events.filter((event): event is FailoverEventOf<T> => event.type === type),
    asked: () => world.requests.map(({ region }) => region.id),
    start,
    run: (init) => drive(start(init)),
    async fail(init) {
      const settled = await drive(start(init));
      expect(settled.ok, "the call was expected to fail").toBe(false);
      return (settled as { error: LocalError | WireError }).error;
    },
  };
}

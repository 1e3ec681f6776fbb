/**
 * Calls over a transport that answers at once, so that nearly all of the time is spent in the client.
 *
 * The variants take turns in one process, with a block of calls each, so that the machine's other work affects all of
 * them equally.
 */
import { UnaryCall } from "@protobuf-ts/runtime-rpc";
import { ConsecutiveBreaker, circuitBreaker, handleAll, retry, TimeoutStrategy, timeout, wrap } from "cockatiel";
import { failoverInterceptor } from "../dist/adapters/protobuf-ts/index.js";
import { createFailover } from "../dist/index.js";
import { RoomServiceClient } from "../proto/gen/rooms.client.js";

export const ROUNDS = 30;
/** Enough for several garbage collections in a block, because they are part of a call's cost. */
export const CALLS = 10_000;
/** Uncounted rounds, for the compiler. */
const WARM_UP_ROUNDS = 5;

const REGIONS = ["https://a.example.com/twirp", "https://b.example.com/twirp", "https://c.example.com/twirp"];
const REQUEST = { name: "lobby", requestId: "" };

/** The time per call of each block, in nanoseconds, by variant. The bare call is the first. */
export async function measureInMemory() {
  const calls = toMeasure(callVariants(), (call) => async () => {
    for (let i = 0; i < CALLS; i++) await call();
  });
  const parts = toMeasure(partVariants(), (part) => async () => {
    for (let i = 0; i < CALLS; i++) part();
  });

  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    for (const { block, times } of [...calls, ...parts]) {
      // So that no block collects what another left. A full collection would also shrink the heap: each block would
      // then be measured while the heap grows again.
      globalThis.gc?.({ type: "minor" });
      // Cleared timers are removed from their list in the next turn of the event loop.
      await new Promise((resolve) => setImmediate(resolve));
      const startedAt = process.hrtime.bigint();
      await block();
      const time = Number(process.hrtime.bigint() - startedAt) / CALLS;
      if (round >= 0) times.push(time);
    }
  }
  return { calls, parts };
}

function toMeasure(variants, blockOf) {
  return Object.entries(variants).map(([name, run]) => ({ name, block: blockOf(run), times: [] }));
}

function callVariants() {
  const bare = clientWith([]);
  const guarded = clientWith([failoverInterceptor(createFailover({ regions: REGIONS }))]);

  const forgetful = clientWith([failoverInterceptor(createFailover({ regions: REGIONS, health: false }))]);

  const source = { key: "bench", known: REGIONS.map((url, i) => ({ id: `${i}`, url })) };
  const load = async () => ({ regions: source.known, ttlMs: 3_600_000 });
  const discovering = clientWith([failoverInterceptor(createFailover({ regions: { ...source, load } }))]);

  const listenedTo = createFailover({ regions: REGIONS });
  listenedTo.on("attempt", () => {});
  const observed = clientWith([failoverInterceptor(listenedTo)]);

  // One signal for all calls, like a server's shutdown signal. Removing the listeners is part of the cost.
  const { signal } = new AbortController();
  const cockatiel = wrap(
    retry(handleAll, { maxAttempts: 2 }),
    circuitBreaker(handleAll, { halfOpenAfter: 10_000, breaker: new ConsecutiveBreaker(5) }),
    timeout(10_000, TimeoutStrategy.Aggressive),
  );

  return {
    "bare call": () => bare.getRoom(REQUEST).response,
    "with failover": () => guarded.getRoom(REQUEST).response,
    "with failover, its regions discovered": () => discovering.getRoom(REQUEST).response,
    "with failover, without region health": () => forgetful.getRoom(REQUEST).response,
    "with failover, with the caller's signal": () => guarded.getRoom(REQUEST, { abort: signal }).response,
    'with failover, with an "attempt" listener': () => observed.getRoom(REQUEST).response,
    "with cockatiel's retry, circuit breaker and timeout": () =>
      cockatiel.execute((context) => bare.getRoom(REQUEST, { abort: context.signal }).response),
  };
}

function partVariants() {
  const ignore = () => {};
  return {
    // Node creates the signal on first access.
    "new AbortController().signal": () => new AbortController().signal,
    "setTimeout() and clearTimeout()": () => clearTimeout(setTimeout(ignore, 10_000)),
  };
}

/** A client whose transport answers every call with the same message, with promises that are already resolved. */
function clientWith(interceptors) {
  const headers = Promise.resolve({});
  const response = Promise.resolve({ name: "lobby", metadata: "", participants: 3, servedBy: "a" });
  const status = Promise.resolve({ code: "OK", detail: "" });
  const trailers = Promise.resolve({});
  return new RoomServiceClient({
    mergeOptions: (options) => ({ interceptors, abort: options?.abort }),
    unary: (method, request, options) =>
      new UnaryCall(method, options.meta ?? {}, request, headers, response, status, trailers),
  });
}

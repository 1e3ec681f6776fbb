/**
 * Calls over a transport that answers at once, so that nearly all of the time is the client's own.
 *
 * The variants take turns in one process, a block of calls each: whatever else the machine does hits all of them
 * alike.
 */
import { UnaryCall } from "@protobuf-ts/runtime-rpc";
import { ConsecutiveBreaker, circuitBreaker, handleAll, retry, TimeoutStrategy, timeout, wrap } from "cockatiel";
import { failoverInterceptor } from "../dist/adapters/protobuf-ts/index.js";
import { createFailover } from "../dist/index.js";
import { RoomServiceClient } from "../proto/gen/rooms.client.js";

export const ROUNDS = 30;
/** Enough for a block to collect its own garbage several times over, since that is part of what a call costs. */
export const CALLS = 10_000;
/** Rounds that are not counted, for the compiler. */
const WARM_UP_ROUNDS = 5;

const REGIONS = ["https://a.example.com/twirp", "https://b.example.com/twirp", "https://c.example.com/twirp"];
const REQUEST = { name: "lobby", requestId: "" };

/** The time of one call in each block, in nanoseconds, by variant; the bare call is the first. */
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
      // Timers that were cleared are taken out of their list when the event loop comes by.
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

  // One signal for all calls, as a server's shutdown is; that calls leave no listener on it is part of the cost.
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
    "with failover, and no region health": () => forgetful.getRoom(REQUEST).response,
    "with failover, and a signal of the caller's": () => guarded.getRoom(REQUEST, { abort: signal }).response,
    'with failover, and an "attempt" listener': () => observed.getRoom(REQUEST).response,
    "with cockatiel's retry, circuit breaker and timeout": () =>
      cockatiel.execute((context) => bare.getRoom(REQUEST, { abort: context.signal }).response),
  };
}

function partVariants() {
  const ignore = () => {};
  return {
    // Node makes the signal when it is first asked for.
    "new AbortController().signal": () => new AbortController().signal,
    "setTimeout() and clearTimeout()": () => clearTimeout(setTimeout(ignore, 10_000)),
  };
}

/** A client whose transport answers every call with the same message, by promises that have long been resolved. */
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

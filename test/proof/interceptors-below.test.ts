/**
 * Interceptors below ours, and users' options, that change how a request is sent. In every case a request that was judged
 * "not sent" must never be sent later, and an answer to one request must not prove anything about another.
 */
import {
  type MethodInfo,
  type NextUnaryFn,
  RpcError,
  type RpcInterceptor,
  type RpcOptions,
  UnaryCall,
} from "@protobuf-ts/runtime-rpc";
import { TwirpFetchTransport } from "@protobuf-ts/twirp-transport";
import { createFailover } from "twirp-failover";
import { failoverInterceptor } from "twirp-failover/protobuf-ts";
import { afterEach, beforeEach, expect, test } from "vitest";
import { RoomServiceClient } from "../../proto/gen/rooms.client.js";
import * as faults from "../support/faults.js";
import { type Fault, type RegionServer, startRegion } from "../support/region.js";
import { agents } from "./undici.js";

let home: RegionServer;
let second: RegionServer;
beforeEach(async () => {
  home = await startRegion("home");
  second = await startRegion("second");
});
afterEach(async () => {
  await home.close();
  await second.close();
});

function clientWith(below: readonly RpcInterceptor[]): RoomServiceClient {
  const failover = createFailover({
    regions: [home, second].map(({ id, url }) => ({ id, url })),
    policies: { "*": { timeoutMs: 5_000, connectTimeoutMs: 250 } },
  });
  const interceptors = [failoverInterceptor(failover), ...below];
  return new RoomServiceClient(new TwirpFetchTransport({ baseUrl: "", sendJson: true, interceptors }));
}

const dial = (client: RoomServiceClient, requestId: string, options: RpcOptions = {}) =>
  client.dialParticipant({ room: "lobby", phoneNumber: "555", requestId }, options).response.then(
    ({ servedBy }) => servedBy,
    (error: unknown) => error,
  );

const executed = (requestId: string) => [home, second].map((region) => region.saw(requestId).executed);

/** A call with the parts of `made`, which are available when `made` resolves. */
function callOf(method: MethodInfo, input: object, made: Promise<{ call: UnaryCall }>): UnaryCall {
  const part = <K extends "headers" | "response" | "status" | "trailers">(name: K) => {
    const promise = made.then(({ call }) => call[name]);
    promise.catch(() => {});
    return promise as UnaryCall[K];
  };
  return new UnaryCall(method, {}, input, part("headers"), part("response"), part("status"), part("trailers"));
}

const GIVE_UP_MS = 100;

/** Stops waiting after a time, and does not end the request. */
const impatient = (error: () => Error): RpcInterceptor => ({
  interceptUnary(next, method, input, options) {
    const call = next(method, input, options);
    const patience = (input as { requestId: string }).requestId === "slow" ? 10_000 : GIVE_UP_MS;
    const gaveUp = new Promise<never>((_, reject) => setTimeout(() => reject(error()), patience).unref());
    return callOf(method, input, Promise.race([call.response.then(() => ({ call })), gaveUp]));
  },
});

/** The usual workaround for a transport that ignores `timeout`: another signal in place of ours. */
const withOwnSignal: RpcInterceptor = {
  interceptUnary: (next, method, input, options) =>
    next(method, input, { ...options, abort: AbortSignal.timeout(4_000) }),
};

const below: readonly (readonly [string, RpcInterceptor])[] = [
  ["gives up with its own error", impatient(() => new Error("too slow"))],
  ["gives up with an RpcError", impatient(() => new RpcError("too slow", "deadline_exceeded"))],
  ["replaces the signal", withOwnSignal],
];

test.each(
  agents.flatMap(({ name, agent }) => below.map(([does, interceptor]) => ({ name, agent, does, interceptor }))),
)(
  "$name: an interceptor $does while a request waits for a connection; it is never sent",
  async ({ agent, interceptor }) => {
    const client = clientWith([interceptor]);
    const fetchInit = { dispatcher: agent };
    home.always({ before: () => new Promise((resolve) => setTimeout(resolve, 600)) });
    const slow = [dial(client, "slow", { fetchInit }), dial(client, "slow", { fetchInit })];
    await home.arrived(2);
    expect(await dial(client, "waits", { fetchInit })).toBe("second");
    await Promise.all(slow);
    // The connections are free again. A request that was still waiting would have been sent and run by then.
    await new Promise((resolve) => setTimeout(resolve, 900));
    expect(executed("waits")).toEqual([0, 1]);
  },
);

/** Sends the request again by itself. */
const retrying: RpcInterceptor = {
  interceptUnary(next: NextUnaryFn, method, input, options) {
    const attempt = async () => {
      const call = next(method, input, options);
      for (const part of [call.headers, call.status, call.trailers]) part.catch(() => {});
      await call.response;
      return { call };
    };
    return callOf(method, input, attempt().catch(attempt));
  },
};

const proofs: readonly (readonly [string, Fault])[] = [
  ["a 429", faults.http(429)],
  ["a 451", faults.pinned],
  ["bad_route", faults.noRoute],
  ['retryable: "true"', faults.json(503, { code: "unavailable", msg: "no", meta: { retryable: "true" } })],
];

test.each(proofs)(
  "a request that an interceptor sent again: %s for the second proves nothing about the first",
  async (_, proof) => {
    home.script(faults.ran(faults.resets), proof);
    expect(await dial(clientWith([retrying]), "twice")).toBeInstanceOf(RpcError);
    expect(executed("twice")).toEqual([1, 0]);
  },
);

test.each([302, 303, 307, 308])(
  "with redirects followed by the user's options, bad_route behind a %i proves nothing",
  async (status) => {
    home.script(
      faults.ran({
        instead: ({ res }) => res.writeHead(status, { location: `${home.origin}/twirp/nowhere` }).end(),
      }),
    );
    const result = await dial(clientWith([]), "moved", { fetchInit: { redirect: "follow" } });
    expect(result).toBeInstanceOf(RpcError);
    expect(executed("moved")).toEqual([1, 0]);
  },
);

test("an interceptor that is async by mistake causes an error that says so, and the call is not replayed", async () => {
  const mistaken = {
    interceptUnary: async (next: NextUnaryFn, method: MethodInfo, input: object, options: RpcOptions) =>
      next(method, input, options),
  } as unknown as RpcInterceptor;
  const error = await dial(clientWith([mistaken]), "async");
  expect((error as Error).message).toMatch(/returned no UnaryCall; is its interceptUnary async\?/);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(executed("async")[1]).toBe(0);
});

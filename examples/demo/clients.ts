/** The two clients that the demo compares. They differ only in one interceptor. */
import type { RpcInterceptor } from "@protobuf-ts/runtime-rpc";
import { TwirpFetchTransport } from "@protobuf-ts/twirp-transport";
import { createFailover, type Failover, policiesFor, type Region } from "twirp-failover";
import { failoverInterceptor } from "twirp-failover/protobuf-ts";
import { type IRoomServiceClient, RoomServiceClient } from "../../proto/gen/rooms.client.js";
import { RoomService } from "../../proto/gen/rooms.js";

/** Called for every request that is sent, with the id of its call. */
export type OnAttempt = (requestId: string) => void;

const TIMEOUT_MS = 2_500;

/** The `.proto` says which methods may run twice. A method without an idempotency level may not. */
const policies = policiesFor<IRoomServiceClient>(RoomService, {
  "*": { timeoutMs: TIMEOUT_MS, initialBackoffMs: 50 },
  getRoom: { perAttemptTimeoutMs: 500 },
  listRooms: { perAttemptTimeoutMs: 1_000 },
  // A caller would not wait longer for a phone to ring.
  dialParticipant: { timeoutMs: 2_000 },
});

export function createFailoverTo(regions: readonly Region[]): Failover {
  // Ejected for 1.7 s and not for 30 s, so that the region comes back during the demo: its second probe, 5.1 s (±10 %)
  // after it was killed, is after its restart and well before the end.
  return createFailover({ regions, policies, health: { ejectionMs: 1_700 } });
}

export function clientWithFailover(failover: Failover, onAttempt: OnAttempt): RoomServiceClient {
  return new RoomServiceClient(
    new TwirpFetchTransport({ baseUrl: "", interceptors: [failoverInterceptor(failover), reporting(onAttempt)] }),
  );
}

/** A client without the middleware: one URL and a timeout. */
export function clientWithout(home: Region, onAttempt: OnAttempt): RoomServiceClient {
  const withTimeout: RpcInterceptor = {
    interceptUnary: (next, method, input, options) =>
      next(method, input, { ...options, abort: AbortSignal.timeout(TIMEOUT_MS) }),
  };
  return new RoomServiceClient(
    new TwirpFetchTransport({ baseUrl: home.url, interceptors: [withTimeout, reporting(onAttempt)] }),
  );
}

/** It is next to the transport, where it sees every attempt and not only every call. */
function reporting(onAttempt: OnAttempt): RpcInterceptor {
  return {
    interceptUnary(next, method, input, options) {
      onAttempt((input as { requestId: string }).requestId);
      return next(method, input, options);
    },
  };
}

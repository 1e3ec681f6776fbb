/**
 * Calls over loopback HTTP, the shortest real network, to a twirp-ts server in a separate process.
 *
 * The variants take turns call by call. A call takes some hundred microseconds and varies by more than the difference to
 * measure, so many neighbouring calls are needed to see it.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { TwirpFetchTransport } from "@protobuf-ts/twirp-transport";
import { failoverInterceptor } from "../dist/adapters/protobuf-ts/index.js";
import { createFailover } from "../dist/index.js";
import { RoomServiceClient } from "../proto/gen/rooms.client.js";

export const TURNS = 4_000;
const WARM_UP_TURNS = 1_500;
const REQUEST = { name: "lobby", requestId: "" };

/** The time of each call in nanoseconds, by variant. The bare call is the first. */
export async function measureLoopback() {
  const server = fork(fileURLToPath(new URL("server.mjs", import.meta.url)));
  try {
    const [port] = await once(server, "message");
    const variants = callVariants(`http://127.0.0.1:${port}/twirp`).map((variant) => ({ ...variant, times: [] }));
    for (let i = -WARM_UP_TURNS; i < TURNS; i++) {
      // Each variant is first in turn, so that no variant always pays for the garbage of another.
      for (let j = 0; j < variants.length; j++) {
        const { call, times } = variants[(i + WARM_UP_TURNS + j) % variants.length];
        const startedAt = process.hrtime.bigint();
        await call();
        if (i >= 0) times.push(Number(process.hrtime.bigint() - startedAt));
      }
    }
    return variants;
  } finally {
    server.kill();
  }
}

function callVariants(baseUrl) {
  const failover = createFailover({ regions: [baseUrl, "http://b.invalid/twirp", "http://c.invalid/twirp"] });
  const bare = new RoomServiceClient(new TwirpFetchTransport({ baseUrl }));
  const guardedBy = (interceptor) =>
    new RoomServiceClient(new TwirpFetchTransport({ baseUrl: "", interceptors: [interceptor] }));
  const guarded = guardedBy(failoverInterceptor(failover));
  const unobserved = guardedBy(failoverInterceptor(failover, { proofOfSending: false }));
  const limited = async () => {
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), 10_000);
    try {
      await bare.getRoom(REQUEST, { abort: controller.signal }).response;
    } finally {
      clearTimeout(timer);
    }
  };
  return [
    { name: "bare call", call: () => bare.getRoom(REQUEST).response },
    { name: "with failover", call: () => guarded.getRoom(REQUEST).response },
    { name: "with failover, without proofOfSending", call: () => unobserved.getRoom(REQUEST).response },
    // The transport has no time limit itself. The signal also costs time in fetch.
    { name: "with a time limit by hand, no failover", call: limited },
  ];
}

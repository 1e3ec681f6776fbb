/** A program that makes one call by a client of protobuf-ts, and tells what it came to and how much memory that took. */
import { setTimeout as sleep } from "node:timers/promises";
import { RpcError } from "@protobuf-ts/runtime-rpc";
import { TwirpFetchTransport } from "@protobuf-ts/twirp-transport";
import { createFailover, failoverTrace } from "twirp-failover";
import { failoverInterceptor } from "twirp-failover/protobuf-ts";
import { RoomServiceClient } from "../../proto/gen/rooms.client.js";

/** What the program prints, as JSON. */
export interface Report {
  readonly error: Pick<RpcError, "code" | "message"> | undefined;
  readonly outcome: object | undefined;
  /** How much more memory the process had at its worst than before the call. */
  readonly peakBytes: number;
}

const [url = "", sendJson = ""] = process.argv.slice(2);
const failover = createFailover({ regions: [url], policies: { "*": { replay: false } } });
const interceptors = [failoverInterceptor(failover)];
const rooms = new RoomServiceClient(
  new TwirpFetchTransport({ baseUrl: "", sendJson: sendJson === "JSON", interceptors }),
);

// Not the system's own record of the peak, because a process inherits its parent's.
let peak = 0;
const measure = () => {
  peak = Math.max(peak, process.memoryUsage.rss());
};

// The first call loads what every call needs.
await rooms.getRoom({ name: "lobby" }).response;
const before = process.memoryUsage.rss();
const measuring = setInterval(measure, 2);
const error: unknown = await rooms.getRoom({ name: "bomb" }).response.catch((error: unknown) => error);
// For what goes on without anybody waiting for it.
await sleep(300);
clearInterval(measuring);
measure();
const report: Report = {
  error: error instanceof RpcError ? { code: error.code, message: error.message } : undefined,
  outcome: failoverTrace(error)?.attempts[0]?.outcome,
  peakBytes: peak - before,
};
process.stdout.write(JSON.stringify(report));
process.exit();

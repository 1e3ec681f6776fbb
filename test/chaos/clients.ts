/** The three clients. All send the same mutations, and name each in a header as well as in its message. */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { TwirpFetchTransport } from "@protobuf-ts/twirp-transport";
import { createFailover, type FailedOverEvent } from "twirp-failover";
import { failoverInterceptor } from "twirp-failover/protobuf-ts";
import { RoomServiceClient } from "../../proto/gen/rooms.client.js";
import type { FleetRegion } from "./fleet.js";

export type ClientKind = "ours" | "bare" | "livekit";

export const CLIENT_NAMES: Readonly<Record<ClientKind, string>> = {
  ours: "twirp-failover",
  bare: "no failover",
  livekit: "livekit-server-sdk",
};

export interface ChaosClient {
  /** Rejects with what a user of the client would catch. */
  dial(requestId: string): Promise<unknown>;
  /** Failovers by what failed, where the client tells. */
  readonly failovers: ReadonlyMap<string, number>;
  close(): void;
}

const TIMEOUT_MS = 1_500;
const CONNECT_TIMEOUT_MS = 200;

/** Its client has no failover with a timeout below this. */
const LIVEKIT_TIMEOUT_S = 5;
const LIVEKIT_BACKOFF_MS = 20;

const message = (requestId: string) => ({ room: "lobby", phoneNumber: "+15550100", requestId });
const headers = (requestId: string) => ({ "x-request-id": requestId });

export function createClient(kind: ClientKind, regions: readonly FleetRegion[]): Promise<ChaosClient> | ChaosClient {
  const [home] = regions;
  if (home === undefined) throw new Error("no regions");
  switch (kind) {
    case "ours":
      return ours(regions);
    case "bare":
      return bare(home);
    case "livekit":
      return livekit(home);
  }
}

function ours(regions: readonly FleetRegion[]): ChaosClient {
  const failover = createFailover({
    regions: regions.map(({ id, url }) => ({ id, url })),
    policies: { "*": { timeoutMs: TIMEOUT_MS, connectTimeoutMs: CONNECT_TIMEOUT_MS, maxAttempts: 3 } },
  });
  const failovers = new Map<string, number>();
  failover.on("failover", (event) => {
    const why = causeOf(event);
    failovers.set(why, (failovers.get(why) ?? 0) + 1);
  });
  const rooms = new RoomServiceClient(
    new TwirpFetchTransport({ baseUrl: "", interceptors: [failoverInterceptor(failover)] }),
  );
  return {
    dial: (id) => rooms.dialParticipant(message(id), { meta: headers(id) }).response,
    failovers,
    close: () => failover.close(),
  };
}

function causeOf({ origin, cause, httpStatus }: FailedOverEvent): string {
  if (origin === "timeout") return "no connection in time";
  return cause ?? (httpStatus === undefined ? "closed before it was sent" : `HTTP ${httpStatus}`);
}

function bare(home: FleetRegion): ChaosClient {
  const rooms = new RoomServiceClient(new TwirpFetchTransport({ baseUrl: home.url }));
  return {
    dial: (id) =>
      rooms.dialParticipant(message(id), { meta: headers(id), abort: AbortSignal.timeout(TIMEOUT_MS) }).response,
    failovers: new Map(),
    close: () => {},
  };
}

interface TwirpRpc {
  request(service: string, method: string, data: object, headers: object, timeout: number): Promise<unknown>;
}

/** The client below all of LiveKit's service clients. The package keeps it to itself, so it is taken by path. */
async function livekit(home: FleetRegion): Promise<ChaosClient> {
  const index = createRequire(import.meta.url).resolve("livekit-server-sdk");
  const path = join(dirname(index), "TwirpRPC.js");
  const { TwirpRpc } = (await import(pathToFileURL(path).href)) as {
    TwirpRpc: new (host: string, pkg: string, options: object) => TwirpRpc;
  };
  const rpc = new TwirpRpc(home.origin, "acme.rooms.v1", {
    failover: true,
    failoverForce: true,
    failoverBackoffMs: LIVEKIT_BACKOFF_MS,
  });

  // It tells of each failover on the console, and of each error page that it cannot read.
  const { warn, debug } = console;
  const failovers = new Map<string, number>();
  console.warn = (text: unknown) => {
    const why = /failed \((.*)\), retrying/s.exec(String(text))?.[1] ?? "another reason";
    failovers.set(why, (failovers.get(why) ?? 0) + 1);
  };
  console.debug = () => {};
  return {
    dial: (id) => rpc.request("RoomService", "DialParticipant", message(id), headers(id), LIVEKIT_TIMEOUT_S),
    failovers,
    close: () => Object.assign(console, { warn, debug }),
  };
}

/** The clients. All send the same mutations, with an id both in a header and in the message. */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { TwirpFetchTransport } from "@protobuf-ts/twirp-transport";
import { createFailover, type FailedOverEvent, type Failover } from "twirp-failover";
import { failoverInterceptor } from "twirp-failover/protobuf-ts";
import { failoverRpc } from "twirp-failover/twirp-ts";
import { RoomServiceClient } from "../../proto/gen/rooms.client.js";
import { RoomServiceClientJSON, RoomServiceClientProtobuf } from "../../proto/gen/rooms.twirp.js";
import { draw } from "./faults.js";
import type { FleetRegion } from "./fleet.js";

/** Our clients, by adapter. */
export const OUR_KINDS = ["protobuf-ts", "twirp-ts"] as const;
export const KINDS = [...OUR_KINDS, "bare", "livekit"] as const;

export type OurKind = (typeof OUR_KINDS)[number];
export type ClientKind = (typeof KINDS)[number];

/** What fails over, and which library generated the client. */
export const CLIENT_NAMES: Readonly<Record<ClientKind, readonly [string, string?]>> = {
  "protobuf-ts": ["twirp-failover", "protobuf-ts"],
  "twirp-ts": ["twirp-failover", "twirp-ts"],
  bare: ["no failover", "protobuf-ts"],
  livekit: ["livekit-server-sdk"],
};

type Dial = (requestId: string) => Promise<unknown>;

export interface ChaosClient {
  /** Rejects with the error that a user of the client would catch. */
  readonly dial: Dial;
  /** Failovers by the failure before them, if the client reports them. */
  readonly failovers: ReadonlyMap<string, number>;
  close(): void;
}

const TIMEOUT_MS = 1_500;
const CONNECT_TIMEOUT_MS = 200;

/** Its client does not fail over with a timeout below this. */
const LIVEKIT_TIMEOUT_S = 5;
const LIVEKIT_BACKOFF_MS = 20;

const message = (requestId: string) => ({ room: "lobby", phoneNumber: "+15550100", requestId });
const headers = (requestId: string) => ({ "x-request-id": requestId });

export function isOurs(kind: ClientKind): kind is OurKind {
  return (OUR_KINDS as readonly ClientKind[]).includes(kind);
}

export function createClient(kind: ClientKind, regions: readonly FleetRegion[]): Promise<ChaosClient> | ChaosClient {
  const [home] = regions;
  if (home === undefined) throw new Error("no regions");
  if (isOurs(kind)) return ours(kind, regions);
  return kind === "bare" ? bare(home) : livekit(home);
}

function ours(kind: OurKind, regions: readonly FleetRegion[]): ChaosClient {
  const failover = createFailover({
    regions: regions.map(({ id, url }) => ({ id, url })),
    policies: { "*": { timeoutMs: TIMEOUT_MS, connectTimeoutMs: CONNECT_TIMEOUT_MS, maxAttempts: 3 } },
  });
  const failovers = new Map<string, number>();
  failover.on("failover", (event) => {
    const why = causeOf(event);
    failovers.set(why, (failovers.get(why) ?? 0) + 1);
  });
  return { dial: ADAPTERS[kind](failover), failovers, close: () => failover.close() };
}

const ADAPTERS: Readonly<Record<OurKind, (failover: Failover) => Dial>> = {
  "protobuf-ts": (failover) => {
    const rooms = new RoomServiceClient(
      new TwirpFetchTransport({ baseUrl: "", interceptors: [failoverInterceptor(failover)] }),
    );
    return (id) => rooms.dialParticipant(message(id), { meta: headers(id) }).response;
  },
  "twirp-ts": (failover) => {
    const rpc = failoverRpc(failover);
    return (id) => {
      // Each of its two clients makes half of the calls.
      const Client = draw("json", id) < 0.5 ? RoomServiceClientJSON : RoomServiceClientProtobuf;
      return new Client(rpc.with({ headers: headers(id) })).DialParticipant(message(id));
    };
  },
};

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

/** The client below all of LiveKit's service clients. The package does not export it, so it is imported by path. */
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

  // It logs each failover and each error page that it cannot read.
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

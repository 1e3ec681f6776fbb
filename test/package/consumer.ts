/** The main exports of every entry, as a user's TypeScript uses them. It is compiled, and not run. */
import { RpcError, type RpcOptions } from "@protobuf-ts/runtime-rpc";
import { TwirpFetchTransport } from "@protobuf-ts/twirp-transport";
import { RoomServiceClient as LivekitRooms } from "livekit-server-sdk";
import {
  createFailover,
  describe,
  type Failover,
  type FailoverEvent,
  failoverTrace,
  httpRegions,
  InvalidOptionError,
  policiesFor,
  policiesFrom,
  RegionCache,
  type RegionSource,
} from "twirp-failover";
import {
  type ErrorParts,
  HttpFailure,
  type HttpRequest,
  httpCall,
  type RpcCall,
  TwirpHttp,
} from "twirp-failover/adapter";
import { type AttachOptions, attachFailover, livekitFailover, livekitPolicies } from "twirp-failover/livekit";
import { failoverInterceptor } from "twirp-failover/protobuf-ts";
import { srvRegions } from "twirp-failover/srv";
import { type FailoverRpc, failoverRpc } from "twirp-failover/twirp-ts";

// The core.
const source: RegionSource = httpRegions({
  home: new URL("https://us-east.example.com/twirp"),
  headers: async () => ({ authorization: "Bearer …" }),
  fallback: [{ id: "eu-west", url: new URL("https://eu-west.example.com/twirp"), weight: 2 }],
});
const service = { typeName: "acme.rooms.v1.RoomService", methods: ["GetRoom"] as const };
const failover: Failover = createFailover({
  regions: source,
  cache: new RegionCache({ store: new Map<string, string>() as never }),
  policies: {
    "*": { timeoutMs: 5_000, idempotent: undefined },
    ...policiesFor(service, { GetRoom: { idempotent: true } }),
  },
  health: { ejectionMs: 10_000 },
});
const lines: string[] = [];
const remove: () => void = failover.on("*", (event: FailoverEvent) => lines.push(describe(event)));
failover.on("call", (event) => lines.push(event.ok ? event.region : event.code));
// @ts-expect-error: there is no such event.
const wrongEvent = () => failover.on("calls", () => {});
createFailover({ regions: srvRegions({ name: "_twirp._tcp.example.com" }), policies: policiesFrom() });
const attempts: number | undefined = failoverTrace(new RpcError("down"))?.attempts.length;
const isBad = (error: unknown): string | undefined => (error instanceof InvalidOptionError ? error.option : undefined);

// protobuf-ts, with the call option that it is given.
const transport = new TwirpFetchTransport({ baseUrl: "", interceptors: [failoverInterceptor(failover)] });
const own: RpcOptions = { failover: { maxAttempts: 2 }, timeout: 1_500 };
const none: RpcOptions = { failover: false };
// @ts-expect-error: a policy has no such option.
const wrong: RpcOptions = { failover: { maxAttempt: 2 } };

// twirp-ts.
const rpc: FailoverRpc = failoverRpc(failover, { fetch, headers: { "x-app": "rooms" } });
const answer: Promise<object> = rpc
  .with({ signal: AbortSignal.timeout(1_000), timeoutMs: 500, failover: false })
  .request("acme.rooms.v1.RoomService", "GetRoom", "application/json", { name: "lobby" });

// An adapter.
const http = new TwirpHttp({ fetch: (input, init) => fetch(input, init) });
const requests: HttpRequest[] = [{ "x-app": "rooms" }, new Headers()].map((headers) => ({
  route: "acme.rooms.v1.RoomService/GetRoom",
  contentType: "application/json",
  body: "{}",
  headers,
}));
const call: RpcCall<string> = httpCall(http, {
  service: "acme.rooms.v1.RoomService",
  method: "GetRoom",
  methods: ["GetRoom"],
  contentType: "application/protobuf",
  body: new Uint8Array(),
  read: (bytes) => new TextDecoder().decode(bytes),
  toError: ({ code, message, cause }: ErrorParts) => new Error(`${code}: ${message}`, { cause }),
});
const result: Promise<string> = failover.run(call);
const isFailure = (error: unknown): number | undefined =>
  error instanceof HttpFailure ? error.received?.status : undefined;

// LiveKit.
const livekit = livekitFailover({ url: "wss://my.livekit.cloud", token: async () => "…", policies: livekitPolicies });
const options: AttachOptions = { fetch, maxResponseBytes: 1_000_000 };
const rooms: LivekitRooms = attachFailover(
  new LivekitRooms("https://my.livekit.cloud", "key", "secret"),
  livekit,
  options,
);

export { answer, attempts, isBad, isFailure, none, own, remove, requests, result, rooms, transport, wrong, wrongEvent };

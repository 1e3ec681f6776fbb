/**
 * Regions that look like LiveKit's to its SDK, with JSON under `/twirp`, the list under `/settings/regions` and a record
 * of what came in and what ran. And the SDK's clients, on one `Failover` of these regions.
 */
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import {
  AgentDispatchClient,
  ConnectorClient,
  DataPacket_Kind,
  EgressClient,
  IngressClient,
  IngressInput,
  RoomServiceClient,
  SipClient,
} from "livekit-server-sdk";
import type { Failover, FailoverEvent } from "twirp-failover";
import { attachFailover, type LivekitFailoverOptions, livekitFailover } from "twirp-failover/livekit";
import { afterEach, beforeEach } from "vitest";
import type { ListEntry } from "./discovery.js";
import { Leaks } from "./leaks.js";
import type { Fault } from "./region.js";
import { QUICK } from "./wire.js";

export const KEY = "devkey";
export const SECRET = "a secret of at least thirty-two characters";
export const TOKEN = "ey.regions.token";

export interface LivekitRequest {
  /** `livekit.SIP/CreateSIPParticipant` */
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

export interface LivekitRegion {
  readonly id: string;
  readonly origin: string;
  readonly received: readonly LivekitRequest[];
  /** The methods that ran, one entry per run. */
  readonly executed: readonly string[];
  /** The headers of the requests for the list. */
  readonly asked: readonly IncomingHttpHeaders[];
  /** Sets the answer of `/settings/regions`, which is 404 until then. */
  list(...entries: readonly ListEntry[]): void;
  script(...faults: readonly Fault[]): void;
  always(fault: Fault): void;
  close(): Promise<void>;
}

export async function startLivekit(id: string): Promise<LivekitRegion> {
  const received: LivekitRequest[] = [];
  const executed: string[] = [];
  const asked: IncomingHttpHeaders[] = [];
  let entries: readonly ListEntry[] | undefined;
  let scripted: Fault[] = [];
  let usual: Fault = {};

  const server = createServer(async (req, res) => {
    if (req.url === "/settings/regions") {
      asked.push(req.headers);
      // No connection stays idle, because a call on one that the server closes may fail without a proof.
      res.writeHead(entries ? 200 : 404, { "cache-control": "max-age=3600", connection: "close" });
      res.end(entries && JSON.stringify({ regions: entries }));
      return;
    }
    let text = "";
    for await (const chunk of req) text += chunk;
    const method = (req.url ?? "").replace("/twirp/", "");
    received.push({ method, headers: req.headers, body: JSON.parse(text) });
    const fault = scripted.shift() ?? usual;
    await fault.before?.({ req, res });
    if (fault.instead) return fault.instead({ req, res });
    executed.push(method);
    if (fault.after) return fault.after({ req, res });
    // All fields of LiveKit's messages are optional. This one shows which region answered.
    res
      .writeHead(200, { "content-type": "application/json" })
      .end(JSON.stringify({ metadata: id, rooms: [{ name: id }] }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

  return {
    id,
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    executed,
    asked,
    list: (...given) => {
      entries = given;
    },
    script: (...next) => {
      scripted = [...next];
    },
    always: (fault) => {
      usual = fault;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const SDK_CLASSES = {
  rooms: RoomServiceClient,
  egress: EgressClient,
  ingress: IngressClient,
  sip: SipClient,
  dispatch: AgentDispatchClient,
  connector: ConnectorClient,
} as const;

export type SdkClients = { readonly [K in keyof typeof SDK_CLASSES]: InstanceType<(typeof SDK_CLASSES)[K]> };

export function sdkClients(origin: string, options?: { requestTimeout?: number }): SdkClients {
  const all = Object.entries(SDK_CLASSES).map(([name, Class]) => [name, new Class(origin, KEY, SECRET, options)]);
  return Object.fromEntries(all);
}

/** For each client, a call that may run twice if it has one, and a call that must not run twice. */
export const CALLS: readonly { method: string; twice: boolean; call: (clients: SdkClients) => Promise<unknown> }[] = [
  { method: "RoomService/ListRooms", twice: true, call: ({ rooms }) => rooms.listRooms() },
  { method: "RoomService/DeleteRoom", twice: true, call: ({ rooms }) => rooms.deleteRoom("lobby") },
  {
    method: "RoomService/SendData",
    twice: false,
    call: ({ rooms }) => rooms.sendData("lobby", new Uint8Array([1]), DataPacket_Kind.RELIABLE, {}),
  },
  { method: "Egress/ListEgress", twice: true, call: ({ egress }) => egress.listEgress() },
  {
    method: "Egress/StartWebEgress",
    twice: false,
    call: ({ egress }) => egress.startWebEgress("https://example.com", {}),
  },
  { method: "Ingress/ListIngress", twice: true, call: ({ ingress }) => ingress.listIngress() },
  {
    method: "Ingress/CreateIngress",
    twice: false,
    call: ({ ingress }) =>
      ingress.createIngress(IngressInput.RTMP_INPUT, { roomName: "lobby", participantIdentity: "camera" }),
  },
  { method: "SIP/ListSIPInboundTrunk", twice: true, call: ({ sip }) => sip.listSipInboundTrunk() },
  {
    method: "SIP/CreateSIPParticipant",
    twice: false,
    call: ({ sip }) => sip.createSipParticipant("ST_1", "+15550100", "lobby"),
  },
  { method: "AgentDispatchService/ListDispatch", twice: true, call: ({ dispatch }) => dispatch.listDispatch("lobby") },
  {
    method: "AgentDispatchService/CreateDispatch",
    twice: false,
    call: ({ dispatch }) => dispatch.createDispatch("lobby", "agent"),
  },
  {
    method: "Connector/DisconnectWhatsAppCall",
    twice: true,
    call: ({ connector }) => connector.disconnectWhatsAppCall("1", "key"),
  },
  {
    method: "Connector/ConnectTwilioCall",
    twice: false,
    call: ({ connector }) => connector.connectTwilioCall({ twilioCallDirection: 0, roomName: "lobby" }),
  },
];

export interface LivekitBed {
  readonly home: LivekitRegion;
  readonly second: LivekitRegion;
  readonly failover: Failover;
  readonly clients: SdkClients;
  readonly events: readonly FailoverEvent[];
}

export class Livekit {
  readonly leaks = new Leaks();
  readonly #regions: LivekitRegion[] = [];

  async region(id: string): Promise<LivekitRegion> {
    const region = await startLivekit(id);
    this.#regions.push(region);
    return region;
  }

  /** Two regions whose list is already known, and all clients attached. */
  async bed(options: Partial<LivekitFailoverOptions> = {}, sdk?: { requestTimeout?: number }): Promise<LivekitBed> {
    const home = await this.region("home");
    const second = await this.region("second");
    const entries = [home, second].map(({ id, origin }, i) => ({ region: id, url: origin, distance: String(i * 900) }));
    home.list(...entries);
    const failover = failoverTo(home, options);
    const events: FailoverEvent[] = [];
    failover.on("*", (event) => events.push(event));
    const clients = sdkClients(home.origin, sdk);
    for (const client of Object.values(clients)) attachFailover(client, failover);
    await failover.ready();
    return { home, second, failover, clients, events };
  }

  async close(): Promise<void> {
    await Promise.all(this.#regions.map((region) => region.close()));
  }
}

const made = new Set<Failover>();

export function failoverTo(home: LivekitRegion, options: Partial<LivekitFailoverOptions> = {}): Failover {
  const { policies, ...rest } = options;
  // Without timeouts, because the timeouts of LiveKit's table are tested.
  const { timeoutMs: _, ...quick } = QUICK;
  const table = { "*": quick, ...policies };
  const failover = livekitFailover({ url: home.origin, token: TOKEN, policies: table, ...rest });
  made.add(failover);
  return failover;
}

/** Call it in a `describe`: it gives each test a `Livekit`, and checks after each test that nothing is left open. */
export function useLivekit(): () => Livekit {
  let livekit: Livekit;
  beforeEach(() => {
    livekit = new Livekit();
    livekit.leaks.start();
  });
  afterEach(async () => {
    try {
      // A request for a list does not belong to a call, and may outlive all calls.
      await Promise.all(Array.from(made, (failover) => failover.ready()));
      await livekit.leaks.expectNone();
    } finally {
      made.clear();
      livekit.leaks.stop();
      await livekit.close();
    }
  });
  return () => livekit;
}

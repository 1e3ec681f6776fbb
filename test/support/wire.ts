/** What every test on the wire starts with: regions, a generated client over them, and a record of all events. */
import type { RpcInterceptor, RpcOptions } from "@protobuf-ts/runtime-rpc";
import { TwirpFetchTransport, type TwirpOptions } from "@protobuf-ts/twirp-transport";
import {
  createFailover,
  type Failover,
  type FailoverEvent,
  type FailoverEventOf,
  type FailoverEventType,
  type FailoverOptions,
  failoverTrace,
  type HttpRegionsOptions,
  httpRegions,
  type MethodPolicy,
  type Outcome,
} from "twirp-failover";
import { failoverInterceptor, type InterceptorOptions } from "twirp-failover/protobuf-ts";
import { afterEach, beforeEach, expect } from "vitest";
import { RoomServiceClient } from "../../proto/gen/rooms.client.js";
import { Leaks } from "./leaks.js";
import { type RegionServer, startRegion } from "./region.js";

/** Twirp's two wire formats, for `describe.each`. */
export const FORMATS = [
  { format: "binary", sendJson: false },
  { format: "JSON", sendJson: true },
] as const;

/** Waits short enough for tests, timeouts long enough for a busy machine. */
export const QUICK: MethodPolicy = {
  initialBackoffMs: 5,
  maxBackoffMs: 20,
  timeoutMs: 20_000,
  connectTimeoutMs: 10_000,
};

export const EVENT_TYPES: readonly FailoverEventType[] = [
  "attempt",
  "failover",
  "retry",
  "replay_refused",
  "call",
  "region_ejected",
  "region_probe",
  "region_readmitted",
  "regions_changed",
  "discovery_failed",
  "warning",
];

let requests = 0;

/** A name for a request that no other request of this process has. */
export const newRequestId = (): string => `request-${++requests}`;

/** The three kinds of methods, each as a call that resolves with the region that answered. */
export const METHODS = {
  read: async (client: RoomServiceClient, requestId: string, options?: RpcOptions) =>
    (await client.getRoom({ name: "lobby", requestId }, options).response).servedBy,
  update: async (client: RoomServiceClient, requestId: string, options?: RpcOptions) =>
    (await client.updateRoomMetadata({ name: "lobby", metadata: "m", requestId }, options).response).servedBy,
  mutation: async (client: RoomServiceClient, requestId: string, options?: RpcOptions) =>
    (await client.dialParticipant({ room: "lobby", phoneNumber: "1", requestId }, options).response).servedBy,
} as const;

export type MethodKind = keyof typeof METHODS;

export interface ClientOptions extends Partial<FailoverOptions> {
  /** For every method. */
  policy?: MethodPolicy;
  transport?: Partial<TwirpOptions>;
  interceptor?: InterceptorOptions;
  /** Interceptors outside of ours, and below it. */
  above?: RpcInterceptor[];
  below?: RpcInterceptor[];
}

/** A generated client, its Failover, and the events so far. */
export class TestClient {
  readonly failover: Failover;
  readonly rooms: RoomServiceClient;
  readonly events: FailoverEvent[] = [];

  constructor(regions: FailoverOptions["regions"], given: ClientOptions) {
    const { policy, transport, interceptor, above = [], below = [], ...options } = given;
    this.failover = createFailover({ regions, policies: { "*": { ...QUICK, ...policy } }, ...options });
    for (const type of EVENT_TYPES) this.failover.on(type, (event) => this.events.push(event));
    const interceptors = [...above, failoverInterceptor(this.failover, interceptor), ...below];
    this.rooms = new RoomServiceClient(new TwirpFetchTransport({ baseUrl: "", ...transport, interceptors }));
  }

  eventsOf<T extends FailoverEventType>(type: T): FailoverEventOf<T>[] {
    return this.events.filter((event): event is FailoverEventOf<T> => event.type === type);
  }

  /** How many attempts the events tell of, by region. */
  attemptsIn(region: string): number {
    return this.eventsOf("attempt").filter((event) => event.region === region).length;
  }
}

export class Wire {
  readonly leaks = new Leaks();
  readonly #regions: RegionServer[] = [];

  async region(id: string): Promise<RegionServer> {
    const region = await startRegion(id);
    this.#regions.push(region);
    return region;
  }

  /** A client with a home and a second region. */
  async pair(sendJson: boolean, options: ClientOptions = {}) {
    const home = await this.region("home");
    const second = await this.region("second");
    const client = this.client([home, second], { ...options, transport: { sendJson, ...options.transport } });
    return { home, second, client, rooms: client.rooms, failover: client.failover };
  }

  client(regions: readonly Pick<RegionServer, "id" | "url">[], options: ClientOptions = {}): TestClient {
    return new TestClient(
      regions.map(({ id, url }) => ({ id, url })),
      options,
    );
  }

  /** A client whose regions are discovered. */
  discovering(sendJson: boolean, source: HttpRegionsOptions, options: ClientOptions = {}): TestClient {
    return new TestClient(httpRegions(source), { ...options, transport: { sendJson, ...options.transport } });
  }

  async close(): Promise<void> {
    await Promise.all(this.#regions.map((region) => region.close()));
  }
}

/** To be called in a `describe`: gives each of its tests a `Wire`, and checks afterwards that nothing was left. */
export function useWire(): () => Wire {
  let wire: Wire;
  beforeEach(() => {
    wire = new Wire();
    wire.leaks.start();
  });
  afterEach(async () => {
    try {
      await wire.leaks.expectNone();
    } finally {
      wire.leaks.stop();
      await wire.close();
    }
  });
  return () => wire;
}

/** The error that a call rejects with. */
export async function errorOf(call: PromiseLike<unknown>): Promise<unknown> {
  try {
    await call;
  } catch (error) {
    return error;
  }
  throw new Error("the call was expected to fail");
}

/** What each attempt of a failed call came to. */
export function outcomesOf(error: unknown): Outcome[] {
  return failoverTrace(error)?.attempts.map((attempt) => attempt.outcome) ?? [];
}

/** The servers received just the attempts that the client told of. */
export function expectTruth(client: TestClient, ...regions: readonly RegionServer[]): void {
  for (const region of regions) expect(client.attemptsIn(region.id), region.id).toBe(region.saw().received);
}

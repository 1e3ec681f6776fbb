/** What every test on the wire starts with: regions, a client over them, and a record of all events. */
import {
  type Failover,
  type FailoverOptions,
  failoverTrace,
  type HttpRegionsOptions,
  httpRegions,
  type Outcome,
} from "twirp-failover";
import { afterEach, beforeEach, expect } from "vitest";
import type { RoomServiceClient } from "../../proto/gen/rooms.client.js";
import type { ClientKind } from "./clients.js";
import { Leaks } from "./leaks.js";
import { type RegionServer, startRegion } from "./region.js";
import { AnyClient, type AnyOptions, type ClientOptions, type Recorded, TestClient } from "./test-clients.js";

export { CLIENTS } from "./clients.js";
export { KINDS, type MethodKind } from "./methods.js";
export {
  AnyClient,
  type AnyOptions,
  type ClientOptions,
  EVENT_TYPES,
  METHODS,
  QUICK,
  TestClient,
} from "./test-clients.js";

/** Twirp's two wire formats, for what is about protobuf-ts alone. */
export const FORMATS = [
  { format: "binary", sendJson: false },
  { format: "JSON", sendJson: true },
] as const;

let requests = 0;

/** A name for a request that no other request of this process has. */
export const newRequestId = (): string => `request-${++requests}`;

type RegionEntry = Pick<RegionServer, "id" | "url">;

interface Pair<C> {
  readonly home: RegionServer;
  readonly second: RegionServer;
  readonly client: C;
  readonly failover: Failover;
}

/** A client is made of any kind; or, for what is about protobuf-ts alone, by whether it sends JSON. */
export class Wire {
  readonly leaks = new Leaks();
  readonly #regions: RegionServer[] = [];

  async region(id: string): Promise<RegionServer> {
    const region = await startRegion(id);
    this.#regions.push(region);
    return region;
  }

  /** A client with a home and a second region. */
  pair(kind: ClientKind, options?: AnyOptions): Promise<Pair<AnyClient>>;
  pair(sendJson: boolean, options?: ClientOptions): Promise<Pair<TestClient> & { readonly rooms: RoomServiceClient }>;
  async pair(kind: ClientKind | boolean, options: ClientOptions = {}): Promise<object> {
    const home = await this.region("home");
    const second = await this.region("second");
    const client = clientOf(kind, regionsOf([home, second]), options);
    const rooms = client instanceof TestClient ? client.rooms : undefined;
    return { home, second, client, failover: client.failover, rooms };
  }

  connect(kind: ClientKind, regions: readonly RegionEntry[], options: AnyOptions = {}): AnyClient {
    return new AnyClient(kind, regionsOf(regions), options);
  }

  /** Of protobuf-ts. */
  client(regions: readonly RegionEntry[], options: ClientOptions = {}): TestClient {
    return new TestClient(regionsOf(regions), options);
  }

  /** A client whose regions are discovered. */
  discovering(kind: ClientKind, source: HttpRegionsOptions, options?: AnyOptions): AnyClient;
  discovering(sendJson: boolean, source: HttpRegionsOptions, options?: ClientOptions): TestClient;
  discovering(kind: ClientKind | boolean, source: HttpRegionsOptions, options: ClientOptions = {}) {
    return clientOf(kind, httpRegions(source), options);
  }

  async close(): Promise<void> {
    await Promise.all(this.#regions.map((region) => region.close()));
  }
}

function clientOf(kind: ClientKind | boolean, regions: FailoverOptions["regions"], options: ClientOptions) {
  if (typeof kind !== "boolean") return new AnyClient(kind, regions, options);
  return new TestClient(regions, { ...options, transport: { sendJson: kind, ...options.transport } });
}

const regionsOf = (servers: readonly RegionEntry[]) => servers.map(({ id, url }) => ({ id, url }));

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
export function expectTruth(client: Recorded, ...regions: readonly RegionServer[]): void {
  for (const region of regions) expect(client.attemptsIn(region.id), region.id).toBe(region.saw().received);
}

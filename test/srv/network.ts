/** Regions on loopback, their SRV records in a real DNS server, and clients that know only the records' name. */
import { setDefaultResultOrder } from "node:dns";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { setImmediate as turn } from "node:timers/promises";
import type { RegionSource } from "twirp-failover";
import { type SrvRegionsOptions, srvRegions } from "twirp-failover/srv";
import { afterEach, beforeEach, describe, vi } from "vitest";
import { findProgram, freePort } from "../proxy/program.js";
import type { RegionServer } from "../support/region.js";
import { type ClientOptions, METHODS, newRequestId, TestClient, useWire, type Wire } from "../support/wire.js";
import { DNSMASQ, NAME, RunningDnsmasq, type SrvRecord } from "./dnsmasq.js";
import { Relay } from "./relay.js";

// Records name hosts, not addresses. The regions listen on 127.0.0.1, and nothing on ::1 is a region.
setDefaultResultOrder("ipv4first");
const HOST = "localhost";

type Share = Pick<SrvRecord, "priority" | "weight">;

export class Network {
  readonly #realNow = performance.now.bind(performance);
  readonly #relays: Relay[] = [];
  readonly #loads: Promise<unknown>[] = [];
  #aheadMs = 0;

  private constructor(
    readonly wire: Wire,
    readonly dns: RunningDnsmasq,
  ) {
    vi.spyOn(performance, "now").mockImplementation(() => this.#realNow() + this.#aheadMs);
  }

  static async start(wire: Wire): Promise<Network> {
    return new Network(wire, await RunningDnsmasq.start([]));
  }

  /** A region and its record. */
  async region(id: string, share: Share = {}): Promise<RegionServer & { record: SrvRecord }> {
    const region = await this.wire.region(id);
    return Object.assign(region, { record: this.recordOf(region, share) });
  }

  recordOf({ origin }: RegionServer, share: Share = {}): SrvRecord {
    return { target: HOST, port: Number(new URL(origin).port), ...share };
  }

  /** A record of a port on which nothing listens. */
  async deadRecord(share: Share = {}): Promise<SrvRecord> {
    return { target: HOST, port: await freePort(), ...share };
  }

  source(given: Partial<SrvRegionsOptions> = {}): RegionSource {
    const defaults = { name: NAME, protocol: "http:", resolver: this.dns.address, allowedHosts: [HOST] } as const;
    const source = srvRegions({ ...defaults, ...given });
    const load: RegionSource["load"] = (request) => {
      const loading = source.load(request);
      this.#loads.push(loading.catch(() => {}));
      return loading;
    };
    return { ...source, load };
  }

  client(given: Partial<SrvRegionsOptions> = {}, options: ClientOptions = {}): TestClient {
    return new TestClient(this.source(given), options);
  }

  /** A DNS server in front of the real one that is silent until it is released. */
  async relay(upstream?: string): Promise<Relay> {
    const relay = await Relay.start(upstream);
    this.#relays.push(relay);
    return relay;
  }

  /** Moves the clock by so many milliseconds. Timers and sockets are not affected. */
  pass(ms: number): void {
    this.#aheadMs += ms;
  }

  /** Makes the client query again if that is due, and resolves when the result is in use. */
  async refreshed({ failover }: TestClient): Promise<void> {
    await failover.ready();
    await turn(); // What is asked in the background is asked a few promises later,
    await Promise.all(this.#loads);
    await turn(); // and its answer used a few promises later.
  }

  async stop(): Promise<void> {
    vi.restoreAllMocks();
    await Promise.all([this.dns.stop(), ...this.#relays.map((relay) => relay.close())]);
  }
}

/**
 * Runs tests with a DNS server, a new one for each test. If dnsmasq is not installed, the tests are skipped with a message,
 * but in CI they fail.
 */
export function withDnsmasq(title: string, body: (network: () => Network) => void): void {
  const leftOut = findProgram(DNSMASQ) === undefined && !process.env.CI;
  if (leftOut) console.warn(`${DNSMASQ} is not installed: these tests are skipped`);
  describe.skipIf(leftOut)(title, () => {
    let network: Network | undefined;
    const wire = useWire();
    beforeEach(async () => {
      network = undefined;
      network = await Network.start(wire());
    });
    afterEach(() => network?.stop());
    body(() => {
      if (network === undefined) throw new Error(`${DNSMASQ} is not running`);
      return network;
    });
  });
}

/** Makes `count` reads and returns the ids of the regions that answered, in order. Rejects if a call does. */
export async function reads({ rooms }: TestClient, calls: number): Promise<string[]> {
  const answered: string[] = [];
  let left = calls;
  const caller = async () => {
    while (left-- > 0) answered.push(await METHODS.read(rooms, newRequestId()));
  };
  await Promise.all(Array.from({ length: 8 }, caller));
  return answered;
}

/** The share of them that each region answered, from 0 to 1. */
export function sharesOf(answered: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const id of answered) counts[id] = (counts[id] ?? 0) + 1;
  return Object.fromEntries(Object.entries(counts).map(([id, count]) => [id, count / answered.length]));
}

/** A mutation. It may only follow attempts that provably never ran. */
export const mutate = ({ rooms }: TestClient): Promise<string> => METHODS.mutation(rooms, newRequestId());

/** The number of open UDP sockets of this process; `undefined` if the system does not report it. */
export function udpSockets(): number | undefined {
  try {
    const inodes = ["/proc/net/udp", "/proc/net/udp6"].flatMap((path) =>
      readFileSync(path, "utf8")
        .split("\n")
        .map((line) => `socket:[${line.trim().split(/\s+/)[9]}]`),
    );
    const targets = readdirSync("/proc/self/fd").map(targetOf);
    return targets.filter((target) => inodes.includes(target)).length;
  } catch {
    return undefined;
  }
}

function targetOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return ""; // The descriptor with which the directory was read.
  }
}

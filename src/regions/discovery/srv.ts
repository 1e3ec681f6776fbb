/// <reference types="node" />
/**
 * Regions from DNS SRV records, in Node: `_twirp._tcp.example.com` names hosts and ports, says which of them come first
 * (priority), and how they share the calls (weight).
 *
 * ```ts
 * const failover = createFailover({ regions: srvRegions({ name: "_twirp._tcp.example.com" }) });
 * ```
 *
 * @packageDocumentation
 */
import { Resolver } from "node:dns/promises";
import { checkKeys, checkNumber, checkObject, checkString, toUrl } from "../../support/checks.js";
import { mustBe, show } from "../../support/errors.js";
import { checkRegions, MAX_REGIONS, type Region, type RegionInit, type RegionList } from "../region.js";
import type { RegionSource } from "../source.js";
import { AllowedHosts } from "./allowed-hosts.js";

/** The options of `srvRegions`. One that is `undefined` counts as left out. */
export interface SrvRegionsOptions {
  /** The name of the records. */
  name: string;
  /**
   * The scheme of every host, which the records do not say.
   *
   * @default "https:"
   */
  protocol?: "https:" | "http:" | undefined;
  /**
   * The path prefix of Twirp on every host, which the records do not say either.
   *
   * @default "/twirp"
   */
  prefix?: string | undefined;
  /**
   * DNS servers to ask, as `"10.0.0.2"` or `"127.0.0.1:5353"`.
   *
   * @default the system's
   */
  resolver?: string | readonly string[] | undefined;
  /**
   * For how long the records count as current, in milliseconds; at least 3 000. Node does not expose the TTL of an SRV
   * record, but the resolver that is asked respects it, so asking more often costs one packet.
   *
   * @default 30_000
   */
  ttlMs?: number | undefined;
  /**
   * Hosts that the records may name, each with all its subdomains, on any port. Without this limit, whoever can forge a DNS
   * answer would get the calls' credentials.
   *
   * @default the name without the labels that begin with `_`: `example.com`
   */
  allowedHosts?: readonly string[] | undefined;
  /**
   * Regions to use while the records cannot be resolved.
   *
   * @default []: the first call waits for the records
   */
  fallback?: readonly RegionInit[] | undefined;
}

interface SrvRecord {
  readonly name: string;
  readonly port: number;
  readonly priority: number;
  readonly weight: number;
}

/**
 * Each server is asked twice, so that one lost packet is not an outage, as far as the two seconds of a request for a list
 * allow. c-ares looks for overdue answers once per `timeout`, and waits twice as long in the second round. After three
 * silent servers there is time to ask a fourth.
 */
const QUERY = { timeout: 450, tries: 2 };

/**
 * Regions from DNS SRV records.
 *
 * @throws InvalidOptionError
 */
export function srvRegions(options: SrvRegionsOptions): RegionSource {
  const names = ["name", "protocol", "prefix", "resolver", "ttlMs", "allowedHosts", "fallback"];
  checkKeys("srvRegions()", checkObject("srvRegions's options", options), names);
  const name = checkName(options.name);
  const protocol = options.protocol ?? "https:";
  if (protocol !== "https:" && protocol !== "http:") {
    throw mustBe("srvRegions.protocol", '"https:" or "http:"', protocol);
  }
  const prefix = checkPrefix(options.prefix ?? "/twirp");
  const ttlMs = checkNumber("srvRegions.ttlMs", options.ttlMs ?? 30_000, 3_000, Number.MAX_SAFE_INTEGER);
  const servers = checkServers(options.resolver);
  const domain = name.replace(/^(?:_[^.]*\.)+/, "");
  const allowedHosts = new AllowedHosts(options.allowedHosts ?? [domain], {
    option: "srvRegions.allowedHosts",
    protocol,
    isUsualPort: () => true, // SRV records exist to name ports.
  });
  const fallback = checkFallback(options.fallback ?? []);

  const read = (answer: string, warn: (message: string) => void): RegionList => {
    const records: unknown = JSON.parse(answer);
    if (!Array.isArray(records)) throw new Error("the answer has no list of records");
    const fit: Required<Omit<Region, "distance">>[] = [];
    for (const record of records) {
      const region = readRecord(record, protocol, prefix, allowedHosts);
      if (typeof region === "string") warn(`${name}: a record was left out: ${region}`);
      else fit.push(region);
    }
    // DNS servers rotate their answers, and the same records must make the same list.
    fit.sort((a, b) => a.priority - b.priority || b.weight - a.weight || (a.url < b.url ? -1 : 1));
    const regions = fit.filter(({ url }, i) => fit.findIndex((other) => other.url === url) === i);
    if (regions.length === 0) throw new Error(`${name} has no record that can be used`);
    if (regions.length > MAX_REGIONS) {
      warn(`${name} names ${regions.length} regions; only the first ${MAX_REGIONS} are used`);
    }
    return regions.slice(0, MAX_REGIONS) as unknown as RegionList;
  };

  return {
    key: [name, protocol, prefix, allowedHosts, ...servers].join(" "),
    name,
    known: fallback,
    order: "weight",
    restore: read,
    async load({ signal, warn }) {
      const resolver = new Resolver(QUERY);
      if (servers.length > 0) resolver.setServers(servers);
      signal.addEventListener("abort", () => resolver.cancel(), { once: true });
      const answer = JSON.stringify(await resolver.resolveSrv(name));
      return { regions: read(answer, warn), ttlMs, answer };
    },
  };
}

/** The region, or what is wrong with its record. */
function readRecord(record: unknown, protocol: string, path: string, allowedHosts: AllowedHosts) {
  const { name, port, priority, weight } = (record ?? {}) as Partial<Record<keyof SrvRecord, unknown>>;
  if (name === "") return 'its target is ".": there is no such service';
  const base = `${protocol}//${name}:${port}`;
  const url = toUrl(base);
  if (typeof name !== "string" || !isUint16(port) || port === 0 || url === undefined) {
    return `${show(name)}, port ${show(port)}`;
  }
  if (!isUint16(priority) || !isUint16(weight)) return `${show(name)} has no priority or no weight`;
  const refusal = allowedHosts.refusal(url);
  if (refusal !== undefined) return `it ${refusal}`;
  return { id: url.host, url: url.origin + path, priority, weight };
}

function isUint16(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 0xffff;
}

function checkFallback(value: unknown): readonly Region[] {
  return Array.isArray(value) && value.length === 0 ? [] : checkRegions("srvRegions.fallback", value);
}

function checkName(value: unknown): string {
  const name = checkString("srvRegions.name", value).toLowerCase().replace(/\.$/, "");
  if (/^(?=.{1,253}$)(?:_?[a-z0-9](?:[a-z0-9_-]{0,62})\.)*[a-z0-9-]{1,63}$/.test(name)) return name;
  throw mustBe("srvRegions.name", 'a DNS name such as "_twirp._tcp.example.com"', value);
}

function checkPrefix(value: unknown): string {
  if (typeof value === "string" && /^(?:\/[^?#]*)?$/.test(value)) return value.replace(/\/+$/, "");
  throw mustBe("srvRegions.prefix", 'a path such as "/twirp", or ""', value);
}

function checkServers(value: unknown): readonly string[] {
  const servers = value === undefined ? [] : Array.isArray(value) ? value : [value];
  try {
    new Resolver().setServers(servers);
    return servers;
  } catch {
    throw mustBe("srvRegions.resolver", 'addresses such as "10.0.0.2" or "127.0.0.1:5353"', value);
  }
}

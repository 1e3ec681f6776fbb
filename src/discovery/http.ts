/**
 * Regions from an HTTP endpoint, in the shape that LiveKit's `/settings/regions` has.
 *
 * What it answers decides where the caller's credentials go next, so the answer is checked as an attacker's
 * would be: `region-answer.ts` says which entries are fit to be called.
 */
import { readBounded } from "../bounded-body.js";
import { InvalidOptionError } from "../errors.js";
import { checkBaseUrl, checkKeys, checkObject, parseUrl, redact } from "../options.js";
import type { LoadedRegions, RegionSource } from "../region-source.js";
import { regionAt } from "../regions.js";
import { parentDomain, parseRegionAnswer } from "./region-answer.js";

export interface HttpRegionsOptions {
  /** The base URL that is used when all is well, the path prefix included: `https://my.livekit.cloud/twirp`. */
  home: string;
  /**
   * Where to ask for the list.
   *
   * @default `/settings/regions` on the origin of `home`
   */
  url?: string;
  /**
   * Headers of that request, an `Authorization` for example; or a function that makes them for each request,
   * so that a token can be renewed. They are sent to `url` alone, and redirects are not followed.
   */
  headers?: Record<string, string> | (() => Record<string, string> | Promise<Record<string, string>>);
  /**
   * Hosts that may be called when the list names them, each with all its subdomains.
   *
   * @default the parent domain of home: `livekit.cloud` for `my.livekit.cloud`. An address, or a name like
   * `localhost`, stands for itself alone. Name the hosts where the parent domain is not yours alone, as it is on
   * a hosting platform (`x.vercel.app`).
   */
  allowedHosts?: readonly string[];
}

/** The largest answer that is read, in bytes. */
const MAX_ANSWER_BYTES = 64 * 1024;

const HOST = /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$|^\[[0-9a-f:.]+\]$/;

/** @throws InvalidOptionError */
export function httpRegions(options: HttpRegionsOptions): RegionSource {
  checkKeys("httpRegions", checkObject("httpRegions", options), ["home", "url", "headers", "allowedHosts"]);
  const home = checkBaseUrl("httpRegions.home", options.home);
  const url = options.url === undefined ? `${new URL(home).origin}/settings/regions` : checkUrl(options.url);
  const headers = checkHeaders(options.headers);
  const allowedHosts = checkHosts(options.allowedHosts) ?? [parentDomain(new URL(home).hostname)];

  return {
    // Another home or other hosts would make another list of the same answer.
    key: [url, home, ...allowedHosts].join(" "),
    known: [regionAt(home)],
    async load(signal, warn): Promise<LoadedRegions> {
      const response = await fetch(url, {
        headers: { accept: "application/json", ...(await headers()) },
        redirect: "manual",
        signal,
      });
      if (!response.ok) {
        await response.body?.cancel();
        throw new Error(`HTTP ${response.status}`);
      }
      const { bytes, more } = await readBounded(response, MAX_ANSWER_BYTES);
      if (more) throw new Error(`the answer is larger than ${MAX_ANSWER_BYTES} bytes`);
      const text = new TextDecoder().decode(bytes);
      const regions = parseRegionAnswer(text, { home, allowedHosts, warn });
      return { regions, ttlMs: maxAgeMs(response.headers.get("cache-control")) };
    },
  };
}

/** `max-age` of a `Cache-Control` header in milliseconds; 0 without one, or with `no-store` or `no-cache`. */
function maxAgeMs(cacheControl: string | null): number {
  if (cacheControl === null || /\bno-(?:store|cache)\b/i.test(cacheControl)) return 0;
  const seconds = /(?:^|[\s,])max-age="?(\d+)/i.exec(cacheControl)?.[1];
  return seconds === undefined ? 0 : Number(seconds) * 1000;
}

function checkUrl(value: unknown): string {
  const url = typeof value === "string" ? parseUrl(value) : undefined;
  if (url === undefined || url.username !== "" || url.password !== "") {
    throw new InvalidOptionError("httpRegions.url", "a full http(s) URL without credentials", redact(value));
  }
  return url.href;
}

function checkHeaders(given: HttpRegionsOptions["headers"]): () => Promise<Record<string, string>> {
  if (typeof given === "function") return async () => given();
  const fixed = given ?? {};
  try {
    if (typeof fixed !== "object") throw fixed;
    new Headers(fixed);
  } catch {
    // Neither here nor in the platform's own message is a place for the value, which may be a token.
    throw new InvalidOptionError(
      "httpRegions.headers",
      "an object of valid HTTP headers, or a function",
      "(not shown)",
    );
  }
  return async () => fixed;
}

function checkHosts(hosts: unknown): string[] | undefined {
  if (hosts === undefined) return undefined;
  if (!Array.isArray(hosts)) throw new InvalidOptionError("httpRegions.allowedHosts", "a list of host names", hosts);
  return hosts.map(checkHost);
}

function checkHost(host: unknown, i: number): string {
  const name = typeof host === "string" ? host.toLowerCase() : "";
  if (HOST.test(name)) return name;
  throw new InvalidOptionError(`httpRegions.allowedHosts[${i}]`, 'a host name such as "example.com"', host);
}

/**
 * Regions from an HTTP endpoint, in the shape that LiveKit's `/settings/regions` has.
 *
 * What it answers decides where the caller's credentials go next, so the answer is checked as an attacker's
 * would be: `allowed-hosts.ts` says which entries are fit to be called.
 */
import { readBounded } from "../../support/bounded-body.js";
import { checkBaseUrl, checkKeys, checkObject, parseUrl, redact } from "../../support/checks.js";
import { systemClock } from "../../support/clock.js";
import { mustBe } from "../../support/errors.js";
import { checkHeaders, type HeadersSource, makeHeaders } from "../../support/headers.js";
import { checkRegions, MAX_REGIONS, type Region, type RegionList, regionAt } from "../region.js";
import type { LoadRequest, RegionSource } from "../source.js";
import { AllowedHosts, rulesOfHome } from "./allowed-hosts.js";
import { firstAnswer } from "./first-answer.js";
import { parseRegionAnswer } from "./region-answer.js";

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
   * so that a token can be renewed. They are sent to `url`, and to the same path in the other known regions when home,
   * being the one that is asked, cannot answer. Redirects are not followed.
   */
  headers?: HeadersSource;
  /**
   * Hosts that may be called when the list names them, each with all its subdomains: `"example.com"`, on the usual
   * port and home's; or `"example.com:8443"`, on that port.
   *
   * @default the parent domain of home: `livekit.cloud` for `my.livekit.cloud`. An address, or a name like
   * `localhost`, stands for itself alone. Name the hosts where the parent domain is not yours alone, as it is on
   * hosting platforms, of which only the best known are recognised.
   */
  allowedHosts?: readonly string[];
  /**
   * Regions that are known without asking, after home: used until the first list is in, and when an answer names no
   * other region. They are yours, so `allowedHosts` does not bind them.
   *
   * @default []
   */
  fallback?: readonly (string | Region)[];
}

type Warn = (message: string) => void;

/** The largest answer that is read, in bytes. */
const MAX_ANSWER_BYTES = 64 * 1024;

/** Home and three others. If four regions are silent, it is the network on this side that is down. */
const MAX_ASKED = 4;

/** @throws InvalidOptionError */
export function httpRegions(options: HttpRegionsOptions): RegionSource {
  const names = ["home", "url", "headers", "allowedHosts", "fallback"];
  checkKeys("httpRegions()", checkObject("httpRegions's options", options), names);
  const home = checkBaseUrl("httpRegions.home", options.home);
  const { origin } = new URL(home);
  const url = options.url === undefined ? `${origin}/settings/regions` : checkUrl(options.url);
  const headers = checkHeaders("httpRegions.headers", options.headers ?? {});
  const allowedHosts = new AllowedHosts(options.allowedHosts, rulesOfHome("httpRegions.allowedHosts", new URL(home)));
  const known = withFallback(home, options.fallback);

  const parse = (text: string, warn: Warn, before: readonly Region[]): RegionList => {
    const regions = parseRegionAnswer(text, { home, allowedHosts, othersKnown: before.length > 1, warn });
    return regions.length > 1 ? regions : known;
  };
  const ask = async (endpoint: string, { signal, warn, known }: LoadRequest) => {
    const answer = await readAnswer(endpoint, await makeHeaders("httpRegions.headers", headers), signal);
    return { ...answer, regions: parse(answer.answer, warn, known) };
  };
  return {
    // Another home, other hosts or another fallback would make another list of the same answer.
    key: [url, home, allowedHosts, JSON.stringify(known.slice(1))].join(" "),
    name: url.replace(/\?.*$/s, ""), // A query may hold a token.
    known,
    restore: (text, warn) => parse(text, warn, known),
    load: (request) => {
      const questions = endpoints(url, origin, request.known).map(
        (endpoint) => (signal: AbortSignal) => ask(endpoint, { ...request, signal }),
      );
      return firstAnswer(questions, request.signal, systemClock);
    },
  };
}

/** Where the list can be had: at its URL, and, where home itself serves it, in the other regions too. */
function endpoints(url: string, home: string, known: readonly Region[]): string[] {
  const path = url.startsWith(`${home}/`) ? url.slice(home.length) : undefined;
  const origins = path === undefined ? [] : known.map((region) => new URL(region.url).origin);
  // A fallback may be on plain http beside a home on https: calls go there, as the user says, but not this token.
  const safe = origins.filter((origin) => origin.startsWith("https:") || url.startsWith("http:"));
  return [...new Set([url, ...safe.map((origin) => origin + path)])].slice(0, MAX_ASKED);
}

async function readAnswer(url: string, headers: Readonly<Record<string, string>>, signal: AbortSignal) {
  const response = await fetch(url, {
    headers: { accept: "application/json", ...headers },
    redirect: "manual",
    signal,
  });
  if (!response.ok) {
    await response.body?.cancel();
    throw new Error(`HTTP ${response.status}`);
  }
  const { bytes, more } = await readBounded(response, MAX_ANSWER_BYTES);
  if (more) throw new Error(`the answer is larger than ${MAX_ANSWER_BYTES} bytes`);
  return { answer: new TextDecoder().decode(bytes), ttlMs: maxAgeMs(response.headers.get("cache-control")) };
}

function withFallback(home: string, fallback: unknown): RegionList {
  if (fallback === undefined) return [regionAt(home)];
  const given = Array.isArray(fallback) && fallback.length === 0 ? [] : checkRegions("httpRegions.fallback", fallback);
  const others = given.filter(({ url }) => url !== home).slice(0, MAX_REGIONS - 1);
  return [given.find(({ url }) => url === home) ?? regionAt(home), ...others];
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
    throw mustBe("httpRegions.url", "a full http(s) URL without credentials", redact(value));
  }
  return url.href;
}

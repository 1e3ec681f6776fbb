/**
 * Regions from an HTTP endpoint, in the format of LiveKit's `/settings/regions`.
 *
 * The answer decides where the caller's credentials go next, so it is checked as if an attacker had written it:
 * `allowed-hosts.ts` says which hosts may be called.
 */
import { readBounded } from "../../support/bounded-body.js";
import { checkBaseUrl, checkKeys, checkObject, parseUrl, redact } from "../../support/checks.js";
import { systemClock } from "../../support/clock.js";
import { InvalidOptionError, mustBe, show } from "../../support/errors.js";
import { checkHeaders, type HeadersSource, makeHeaders } from "../../support/headers.js";
import {
  checkRegion,
  checkRegions,
  MAX_REGIONS,
  type Region,
  type RegionInit,
  type RegionList,
  regionAt,
  statedOf,
} from "../region.js";
import type { LoadRequest, RegionSource } from "../source.js";
import { AllowedHosts, rulesOfHome } from "./allowed-hosts.js";
import { firstAnswer } from "./first-answer.js";
import { parseRegionAnswer } from "./region-answer.js";

/** The options of `httpRegions`. One that is `undefined` counts as left out. */
export interface HttpRegionsOptions {
  /**
   * The region that is used when all is well: its base URL, the path prefix included (`https://my.livekit.cloud/twirp`), or
   * an object with more.
   *
   * An `id` that you give here keeps the name of the region in events and in the status the same all the time, whatever the
   * list calls it. Without one it is named by its host until the list comes in, and then as in the list, if it is there.
   */
  home: RegionInit;
  /**
   * Where to ask for the list.
   *
   * @default `/settings/regions` on the origin of `home`
   */
  url?: string | URL | undefined;
  /**
   * Headers of that request, for example an `Authorization`, or a function that makes them for each request, so that a token
   * can be renewed. They are sent to `url`, and, if home serves the list and cannot answer, to the same path in the other
   * known regions. Redirects are not followed.
   */
  headers?: HeadersSource | undefined;
  /**
   * Hosts that may be called if the list names them, each with all its subdomains: `"example.com"` on the usual port and on
   * home's, `"example.com:8443"` on that port only.
   *
   * @default the parent domain of home: `livekit.cloud` for `my.livekit.cloud`. Home alone, with its subdomains, if that is
   * an address, a name like `localhost`, a name directly below a registry (`example.com`, `example.co.uk`), or one on a
   * platform where strangers get names too (`x.us-central1.run.app`), as far as the Public Suffix List knows it. Name the
   * hosts if the parent domain is not yours alone for any other reason.
   */
  allowedHosts?: readonly string[] | undefined;
  /**
   * Regions that are known without asking, after home. They are used until the first list arrives, and if an answer names no
   * other region. They are your own statement, so `allowedHosts` does not apply to them, and what you say of one (`id`,
   * `weight`, `priority`, `distance`) holds when the list names its URL. Another region of the list that has such an id is
   * named by its host.
   *
   * @default []
   */
  fallback?: readonly RegionInit[] | undefined;
}

type Warn = (message: string) => void;

/** The largest answer that is read, in bytes. */
const MAX_ANSWER_BYTES = 64 * 1024;

/** Home and three others. If four regions are silent, the network on this side is down. */
const MAX_ASKED = 4;

/**
 * Regions from an HTTP endpoint, in the format of LiveKit's `/settings/regions`.
 *
 * @throws InvalidOptionError
 */
export function httpRegions(options: HttpRegionsOptions): RegionSource {
  const names = ["home", "url", "headers", "allowedHosts", "fallback"];
  checkKeys("httpRegions()", checkObject("httpRegions's options", options), names);
  const { known, stated } = readStatements(options);
  const home = known[0].url;
  const { origin } = new URL(home);
  const url = options.url === undefined ? `${origin}/settings/regions` : checkUrl(options.url);
  const headers = checkHeaders("httpRegions.headers", options.headers ?? {});
  const rules = rulesOfHome("httpRegions.allowedHosts", new URL(home));
  let hosts = options.allowedHosts === undefined ? undefined : new AllowedHosts(options.allowedHosts, rules);

  const parse = async (text: string, warn: Warn, before: readonly Region[]): Promise<RegionList> => {
    hosts ??= new AllowedHosts([await domainOf(home)], rules);
    const regions = parseRegionAnswer(text, {
      home,
      allowedHosts: hosts,
      stated,
      othersKnown: before.length > 1,
      warn,
    });
    return regions.length > 1 ? regions : known;
  };
  const ask = async (endpoint: string, { signal, warn, known }: LoadRequest) => {
    const answer = await readAnswer(endpoint, await makeHeaders("httpRegions.headers", headers), signal);
    return { ...answer, regions: await parse(answer.answer, warn, known) };
  };
  return {
    // With another home, other hosts or another fallback, the same answer would make another list.
    key: [url, home, hosts ?? "(default)", JSON.stringify([...stated])].join(" "),
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

/** Whose hosts may be called if the user names none. What it takes to know that is large, and loaded here alone. */
async function domainOf(home: string): Promise<string> {
  const { homeDomain } = await import("./home-domain.js");
  return homeDomain(new URL(home).hostname);
}

/** Where to ask for the list: at its URL, and, if home itself serves it, in the other regions too. */
function endpoints(url: string, home: string, known: readonly Region[]): string[] {
  const path = url.startsWith(`${home}/`) ? url.slice(home.length) : undefined;
  const origins = path === undefined ? [] : known.map((region) => new URL(region.url).origin);
  // A fallback may use plain http beside a home on https. Calls go there, because the user says so, but this token does not.
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

interface Statements {
  /** What is known without asking, home first. */
  readonly known: RegionList;
  /** What the user says of these regions, by URL. */
  readonly stated: ReadonlyMap<string, Partial<Region>>;
}

function readStatements(options: HttpRegionsOptions): Statements {
  const { fallback: given = [] } = options;
  const home = checkHome(options.home);
  const fallback = checkFallback(given);
  const stated = new Map(fallback.map((region, i) => [region.url, statedOf(given[i], region)]));
  stated.set(home.url, { ...stated.get(home.url), ...statedOf(options.home, home) });

  const others = fallback.filter(({ url }) => url !== home.url).slice(0, MAX_REGIONS - 1);
  const known: RegionList = [{ ...regionAt(home.url), ...stated.get(home.url) }, ...others];
  const same = others.find(({ id }) => id === known[0].id);
  if (same !== undefined) {
    const option = `httpRegions.fallback[${fallback.indexOf(same)}]`;
    const problem = `httpRegions.home and ${option} have the same id, ${show(same.id)}; give each an id of its own`;
    throw new InvalidOptionError(`${option}.id`, same.id, problem);
  }
  return { known, stated };
}

function checkFallback(given: unknown): readonly Region[] {
  return Array.isArray(given) && given.length === 0 ? [] : checkRegions("httpRegions.fallback", given);
}

function checkHome(given: unknown): Region {
  const isObject = typeof given === "object" && given !== null && !Array.isArray(given);
  return isObject ? checkRegion("httpRegions.home", given) : regionAt(checkBaseUrl("httpRegions.home", given));
}

/** `max-age` of a `Cache-Control` header in milliseconds; 0 without one, or with `no-store` or `no-cache`. */
function maxAgeMs(cacheControl: string | null): number {
  if (cacheControl === null || /\bno-(?:store|cache)\b/i.test(cacheControl)) return 0;
  const seconds = /(?:^|[\s,])max-age="?(\d+)/i.exec(cacheControl)?.[1];
  return seconds === undefined ? 0 : Number(seconds) * 1000;
}

function checkUrl(value: unknown): string {
  const text = value instanceof URL ? value.href : value;
  const url = typeof text === "string" ? parseUrl(text) : undefined;
  if (url === undefined || url.username !== "" || url.password !== "") {
    throw mustBe("httpRegions.url", "a full http(s) URL without credentials", redact(text));
  }
  return url.href;
}

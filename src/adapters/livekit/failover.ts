import { createFailover, type Failover, type FailoverOptions } from "../../failover.js";
import type { MethodPolicy } from "../../policy/policy.js";
import type { PolicyTable } from "../../policy/policy-table.js";
import { type HttpRegionsOptions, httpRegions } from "../../regions/discovery/http.js";
import { checkBoolean, checkKeys, checkObject, checkString, parseUrl, redact } from "../../support/checks.js";
import { InvalidOptionError, mustBe } from "../../support/errors.js";
import { checkHeaders, type HeadersSource, makeHeaders } from "../../support/headers.js";
import { REQUEST_ID_HEADER } from "./attach.js";
import { livekitPolicies } from "./policies.js";

/** The options of `livekitFailover`. One that is `undefined` counts as left out. */
export interface LivekitFailoverOptions extends Omit<FailoverOptions, "regions"> {
  /** The URL of the server or the Cloud project, as the SDK takes it: `wss://my.livekit.cloud`. */
  url: string;
  /**
   * The name of the region at `url` in events and in the status.
   *
   * @default the host of `url`; once the list is in, its name there, if it is there
   */
  homeId?: string | undefined;
  /**
   * The access token (a JWT) that the list of regions is requested with, or a function that makes one for each request,
   * because tokens expire. Any token that is valid for the project will do. Give either this or `headers`.
   */
  token?: string | (() => string | Promise<string>) | undefined;
  /** All headers of that request, for a server that takes something else than a token; or a function that makes them. */
  headers?: HeadersSource | undefined;
  /**
   * Hosts that may be called if the list names them, each with all its subdomains.
   *
   * @default `livekit.cloud` and `livekit.run` for a project there; else the default of `httpRegions`
   */
  allowedHosts?: readonly string[] | undefined;
  /**
   * Regions that are known without asking, by their base URL: `https://my.eu.livekit.cloud/twirp`. With them the first call
   * of a process survives a project URL that cannot be reached. What you say of one, such as an `id`, holds when the list
   * names its URL.
   *
   * @default []
   */
  fallback?: HttpRegionsOptions["fallback"];
  /**
   * Whether all your regions together run one `X-Livekit-Request-Id` only once, whichever of them it reaches. Then every
   * method may be replayed. The id is sent in any case.
   *
   * @default false
   */
  requestIdIsKey?: boolean | undefined;
  /** Policies that take precedence over `livekitPolicies`, key by key and option by option. */
  policies?: PolicyTable | undefined;
}

const OPTIONS = Object.keys({
  url: 0,
  homeId: 0,
  token: 0,
  headers: 0,
  allowedHosts: 0,
  fallback: 0,
  requestIdIsKey: 0,
  policies: 0,
  cache: 0,
  order: 0,
  health: 0,
  retryThrottling: 0,
} satisfies Record<keyof LivekitFailoverOptions, 0>);

/** LiveKit's own domains, whose hosts may all see a project's tokens. */
const CLOUD = ["livekit.cloud", "livekit.run"] as const;

/**
 * Makes a `Failover` for a LiveKit server or Cloud project.
 *
 * @throws InvalidOptionError
 */
export function livekitFailover(options: LivekitFailoverOptions): Failover {
  checkKeys("livekitFailover()", checkObject("livekitFailover's options", options), OPTIONS);
  const {
    url,
    homeId,
    token,
    headers,
    allowedHosts,
    fallback,
    requestIdIsKey = false,
    policies = {},
    ...rest
  } = options;
  checkBoolean("livekitFailover.requestIdIsKey", requestIdIsKey);
  const origin = checkUrl(url);
  if (homeId !== undefined) checkString("livekitFailover.homeId", homeId);
  const hosts = allowedHosts ?? (isCloud(origin) ? CLOUD : undefined);
  const regions = httpRegions({
    home: { id: homeId, url: `${origin}/twirp` },
    headers: headersOf(token, headers),
    ...(hosts && { allowedHosts: hosts }),
    ...(fallback && { fallback }),
  });
  return createFailover({ ...rest, regions, policies: layered(policies, requestIdIsKey) });
}

/** The origin, with the scheme http(s). A path is refused, because the SDK silently drops it. */
function checkUrl(given: unknown): string {
  const url = typeof given === "string" ? parseUrl(given.replace(/^ws(?=s?:)/i, "http")) : undefined;
  // Only an origin, with or without a slash at its end.
  if (url !== undefined && url.href === `${url.origin}/`) return url.origin;
  const shown = typeof given === "string" ? String(redact(given)).replace(/[?#].*$/s, "?…") : given;
  const expected = 'the ws(s) or http(s) URL of a server without a path, such as "wss://my.livekit.cloud"';
  throw mustBe("livekitFailover.url", expected, shown);
}

function isCloud(origin: string): boolean {
  const { hostname } = new URL(origin);
  return CLOUD.some((domain) => hostname.endsWith(`.${domain}`));
}

function headersOf(token: unknown, headers: HeadersSource | undefined): HeadersSource {
  if ((token === undefined) === (headers === undefined)) {
    const given = token === undefined ? "neither was given" : "both were given";
    const problem = `livekitFailover() takes either token or headers; ${given}`;
    throw new InvalidOptionError("livekitFailover.token", "(not shown)", problem);
  }
  if (headers !== undefined) {
    const checked = checkHeaders("livekitFailover.headers", headers);
    return () => makeHeaders("livekitFailover.headers", checked);
  }
  return typeof token === "function" ? async () => bearing(await token()) : bearing(token);
}

function bearing(token: unknown): Record<string, string> {
  if (typeof token === "string" && /^[\w.~+/-]+=*$/.test(token)) return { authorization: `Bearer ${token}` };
  // Even a value that is refused may be a token, so it is not shown.
  const expected = 'a JWT without "Bearer", or a function that returns one';
  throw mustBe("livekitFailover.token", expected, "(not shown)");
}

/** An option that is `undefined` counts as left out here too. `createFailover` refuses what is not a policy. */
function layered(given: PolicyTable, requestIdIsKey: boolean): PolicyTable {
  const table: Record<string, MethodPolicy | undefined> = { ...livekitPolicies };
  if (requestIdIsKey) table["*"] = { idempotencyKey: REQUEST_ID_HEADER };
  for (const [key, policy] of Object.entries(checkObject("policies", given))) {
    if (policy === undefined) continue;
    const isPolicy = typeof policy === "object" && policy !== null && !Array.isArray(policy);
    const said = isPolicy ? Object.entries(policy).filter(([, value]) => value !== undefined) : [];
    table[key] = isPolicy ? { ...table[key], ...Object.fromEntries(said) } : (policy as MethodPolicy);
  }
  return table as PolicyTable;
}

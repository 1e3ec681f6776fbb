/**
 * Which hosts a list of regions may send calls to. The calls carry the caller's credentials, so whoever can change the list,
 * or the answer on its way, must not be able to name a host of their own.
 */

import { toUrl } from "../../support/checks.js";
import { mustBe, show } from "../../support/errors.js";

/** A host name or an address. Letters of other scripts are converted to ASCII first. */
const HOST = /^(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])$/;

interface AllowedHost {
  readonly name: string;
  /** The only port that is allowed; without it, the usual ones are. */
  readonly port?: string;
}

export interface HostRules {
  /** How to name the list of hosts in an error. */
  readonly option: string;
  /** The hosts that are allowed if the user names none. */
  readonly defaults: readonly string[];
  /** The scheme of home. A region may use another one only if it is `https:`. */
  readonly protocol: string;
  /** Whether a host may be called on the port of this URL if the list names no port. */
  readonly isUsualPort: (url: URL) => boolean;
}

export class AllowedHosts {
  readonly #hosts: readonly AllowedHost[];

  /** @throws InvalidOptionError */
  constructor(
    given: unknown,
    private readonly rules: HostRules,
  ) {
    const { option, defaults } = rules;
    const hosts = given ?? defaults;
    if (!Array.isArray(hosts)) throw mustBe(option, "a list of host names", hosts);
    this.#hosts = hosts.map((host, i) => checkHost(`${option}[${i}]`, host));
  }

  /** What is wrong with a region at this URL; `undefined` if nothing is. */
  refusal(url: URL): string | undefined {
    if (url.protocol !== "https:" && url.protocol !== this.rules.protocol) return `has the scheme ${url.protocol}`;
    if (url.username !== "" || url.password !== "") return "has credentials in its url";
    const named = this.#hosts.filter(({ name }) => url.hostname === name || url.hostname.endsWith(`.${name}`));
    if (named.length === 0) return `is at ${show(url.hostname)}, which is not in allowedHosts (${this})`;
    if (named.some(({ port }) => (port === undefined ? this.rules.isUsualPort(url) : port === portOf(url))))
      return undefined;
    return `is at port ${portOf(url)}, which allowedHosts does not name: "${url.hostname}:${portOf(url)}"`;
  }

  toString(): string {
    return this.#hosts.map(({ name, port }) => (port === undefined ? name : `${name}:${port}`)).join(", ");
  }
}

/** The rules for a list with a home: hosts in home's own domain, on the scheme's port or on home's. */
export function rulesOfHome(option: string, home: URL): HostRules {
  return {
    option,
    defaults: [parentDomain(home.hostname)],
    protocol: home.protocol,
    isUsualPort: (url) =>
      url.port === "" ||
      portOf(url) === portOf(home) ||
      // Regions on one machine differ in nothing but the port.
      (isLoopback(home.hostname) && isLoopback(url.hostname)),
  };
}

function portOf({ port, protocol }: URL): string {
  return port === "" ? (protocol === "https:" ? "443" : "80") : port;
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(?:\.\d+){3}$/.test(hostname);
}

function checkHost(option: string, value: unknown): AllowedHost {
  const url = typeof value === "string" && !/[\s/\\@]/.test(value) ? toUrl(`http://${value}`) : undefined;
  // A path or a user would have no effect, and `example.com:80` is not the same as no port.
  const port = typeof value === "string" ? /:(\d+)$/.exec(value)?.[1] : undefined;
  if (url === undefined || url.href !== `http://${url.host}/` || !HOST.test(url.hostname)) {
    throw mustBe(option, 'a host name such as "example.com", or "example.com:8443"', value);
  }
  return { name: url.hostname, ...(port !== undefined && { port: String(Number(port)) }) };
}

/** The second-level domains of country registries: any label of up to three letters (`co.uk`), and a few longer ones. */
const REGISTRIES = /^(?:.{1,3}|asso|firm|gouv|govt|info|name|priv|school|store)\...$/;

/** Platforms where anybody gets a name. There are more; users of those have to name their hosts. */
const SHARED = new Set(
  `a.run.app amazonaws.com appspot.com azurewebsites.net cloudfront.net firebaseapp.com fly.dev github.io gitlab.io
  herokuapp.com netlify.app ngrok-free.app ngrok.io nip.io onrender.com pages.dev sslip.io trycloudflare.com ts.net
  up.railway.app vercel.app web.app workers.dev`.split(/\s+/),
);

/**
 * The domain whose hosts count as home's own: all labels but the first, if two or more are left. Names directly under a
 * registry's domain (`example.com`, `example.co.uk`) or a shared one stand for themselves.
 */
export function parentDomain(host: string): string {
  // A dot at the end only says that the name is complete.
  const labels = host.split(".").filter((label) => label !== "");
  const isAddress = host.startsWith("[") || /^\d+$/.test(labels.at(-1) as string);
  const parent = labels.slice(1).join(".");
  const isOwn = labels.length > 2 && !REGISTRIES.test(parent) && !SHARED.has(parent);
  return isAddress || !isOwn ? labels.join(".") : parent;
}

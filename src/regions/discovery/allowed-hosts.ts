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
    const { option } = rules;
    if (!Array.isArray(given)) throw mustBe(option, "a list of host names", given);
    this.#hosts = given.map((host, i) => checkHost(`${option}[${i}]`, host));
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

/** The rules for a list with a home: hosts on the scheme's port or on home's. */
export function rulesOfHome(option: string, home: URL): HostRules {
  return {
    option,
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
  // A path or a user would have no effect. `URL` drops port 80, so the port is read from the text.
  const port = typeof value === "string" ? /:(\d+)$/.exec(value)?.[1] : undefined;
  if (url === undefined || url.href !== `http://${url.host}/` || !HOST.test(url.hostname)) {
    throw mustBe(option, 'a host name such as "example.com", or "example.com:8443"', value);
  }
  return { name: url.hostname, ...(port !== undefined && { port: String(Number(port)) }) };
}

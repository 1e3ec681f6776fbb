/** Parses discovery answers as `httpRegions` does, and collects the warnings. */
import { AllowedHosts, rulesOfHome } from "../../../src/regions/discovery/allowed-hosts.js";
import { homeDomain } from "../../../src/regions/discovery/home-domain.js";
import { parseRegionAnswer } from "../../../src/regions/discovery/region-answer.js";

export const HOME = "https://my.livekit.cloud/twirp";

export interface Rules {
  readonly home?: string;
  /** @default the hosts that are allowed if the user names none */
  readonly allowedHosts?: readonly string[];
}

/** @param answer a string is parsed unchanged; any other value is first turned into JSON. */
export function parse(answer: unknown, { home = HOME, allowedHosts }: Rules = {}) {
  const warnings: string[] = [];
  const text = typeof answer === "string" ? answer : JSON.stringify(answer);
  const { hostname } = new URL(home);
  const hosts = new AllowedHosts(allowedHosts ?? [homeDomain(hostname)], rulesOfHome("allowedHosts", new URL(home)));
  const list = parseRegionAnswer(text, {
    home,
    allowedHosts: hosts,
    othersKnown: false,
    warn: (message) => warnings.push(message),
  });
  return { list, ids: list.map(({ id }) => id), urls: list.map(({ url }) => url), warnings };
}

export const entry = (region: unknown, url: unknown, distance?: unknown) => ({
  region,
  url,
  ...(distance !== undefined && { distance }),
});

export const at = (name: string) => `https://${name}.livekit.cloud`;

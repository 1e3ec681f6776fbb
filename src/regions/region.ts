/** Where calls can go. */

import { checkBaseUrl, checkKeys, checkNumber, checkObject, checkString } from "../support/checks.js";
import { InvalidOptionError } from "../support/errors.js";

export interface Region {
  /** How events, traces and status pages name the region. */
  readonly id: string;
  /** The http(s) base of its Twirp server, the path prefix included: `https://eu.example.com/twirp`. */
  readonly url: string;
  /** Its share of the calls with `order: "weight"`; 0 for only when there is no other. Default 1. */
  readonly weight?: number;
  /** With `order: "weight"`, regions of the lowest value share the calls; the others are for when these fail. Default 0. */
  readonly priority?: number;
  /** How far away it is, in any unit, for `order: "distance"`. Default 0. */
  readonly distance?: number;
}

/** Regions in the order in which they are preferred; the first is home. Never empty. */
export type RegionList = readonly [Region, ...Region[]];

/** The most regions that one list may have. */
export const MAX_REGIONS = 64;

/**
 * Checks a list as the user wrote it. A region given as a URL alone is named by its host.
 *
 * @throws InvalidOptionError
 */
export function checkRegions(option: string, value: unknown): RegionList {
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_REGIONS) {
    throw new InvalidOptionError(option, `a list of 1 to ${MAX_REGIONS} regions`, value);
  }
  const regions = value.map((item, i) => checkRegion(`${option}[${i}]`, item));
  for (const key of ["id", "url"] as const) {
    const seen = new Set<string>();
    for (const [i, region] of regions.entries()) {
      if (seen.has(region[key])) {
        throw new InvalidOptionError(
          `${option}[${i}]`,
          `a region whose ${key} no other region has`,
          region[key],
          HINTS[key],
        );
      }
      seen.add(region[key]);
    }
  }
  return regions as unknown as RegionList;
}

const HINTS = { id: "; regions on one host need ids of their own", url: "" };

function checkRegion(option: string, value: unknown): Region {
  if (typeof value === "string") return regionAt(checkBaseUrl(option, value));
  const given = checkObject(option, value);
  checkKeys(option, given, ["id", "url", "weight", "priority", "distance"]);
  const amount = (name: "weight" | "priority" | "distance") =>
    given[name] !== undefined && { [name]: checkNumber(`${option}.${name}`, given[name], 0, Number.MAX_SAFE_INTEGER) };
  return {
    id: checkString(`${option}.id`, given.id),
    url: checkBaseUrl(`${option}.url`, given.url),
    ...amount("weight"),
    ...amount("priority"),
    ...amount("distance"),
  };
}

/** A region named by its host. */
export function regionAt(url: string): Region {
  return { id: new URL(url).host, url };
}

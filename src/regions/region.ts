/** Where calls can go. */
import { checkBaseUrl, checkKeys, checkNumber, checkObject, checkString } from "../support/checks.js";
import { InvalidOptionError, mustBe, show } from "../support/errors.js";

/** A region as the library knows it. */
export interface Region {
  /** How events, traces and status pages name the region. */
  readonly id: string;
  /** The http(s) base of its Twirp server, the path prefix included: `https://eu.example.com/twirp`. */
  readonly url: string;
  /**
   * Its share of the calls with `order: "weight"`; one with 0 is called only if there is no other.
   *
   * @default 1
   */
  readonly weight?: number;
  /**
   * With `order: "weight"`, the regions of the lowest value share the calls, and the others stand by for them.
   *
   * @default 0
   */
  readonly priority?: number;
  /**
   * How far away it is, in any unit, for `order: "distance"`.
   *
   * @default 0
   */
  readonly distance?: number;
}

/** A region as a user writes it: its URL, or an object with more. */
export type RegionInit = string | URL | RegionOptions;

/** What can be said of a region, as in `Region`. */
export interface RegionOptions {
  /**
   * How events, traces and status pages name the region.
   *
   * @default the host of its URL
   */
  readonly id?: string | undefined;
  /** The http(s) base of its Twirp server, the path prefix included: `https://eu.example.com/twirp`. */
  readonly url: string | URL;
  /** Its share of the calls with `order: "weight"`; see `Region`. */
  readonly weight?: number | undefined;
  /** Its rank with `order: "weight"`; see `Region`. */
  readonly priority?: number | undefined;
  /** How far away it is, for `order: "distance"`; see `Region`. */
  readonly distance?: number | undefined;
}

/** Regions in the order of preference; the first is home. Never empty. */
export type RegionList = readonly [Region, ...Region[]];

/** The most regions that one list may have. */
export const MAX_REGIONS = 64;

/**
 * Checks a list as the user wrote it. A region without an id is named by its host.
 *
 * @throws InvalidOptionError
 */
export function checkRegions(option: string, value: unknown): RegionList {
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_REGIONS) {
    throw mustBe(option, `a list of 1 to ${MAX_REGIONS} regions`, value);
  }
  const regions = value.map((item, i) => checkRegion(`${option}[${i}]`, item));
  for (const key of ["url", "id"] as const) {
    for (const [i, region] of regions.entries()) {
      const first = regions.findIndex((other) => other[key] === region[key]);
      if (first === i) continue;
      const problem = `${option}[${first}] and ${option}[${i}] have the same ${key}, ${show(region[key])}${HINTS[key]}`;
      throw new InvalidOptionError(`${option}[${i}].${key}`, region[key], problem);
    }
  }
  return regions as unknown as RegionList;
}

const HINTS = { id: "; give each an id of its own", url: "" };

/** @throws InvalidOptionError */
export function checkRegion(option: string, value: unknown): Region {
  if (typeof value === "string" || value instanceof URL) return regionAt(checkBaseUrl(option, value));
  const given = checkObject(option, value);
  if (typeof given.load === "function") {
    const problem = `${option} must be a region; got a source of regions, which is given by itself: regions: httpRegions(…)`;
    throw new InvalidOptionError(option, value, problem);
  }
  checkKeys(option, given, ["id", "url", "weight", "priority", "distance"]);
  const amount = (name: "weight" | "priority" | "distance") =>
    given[name] !== undefined && { [name]: checkNumber(`${option}.${name}`, given[name], 0, Number.MAX_SAFE_INTEGER) };
  const region = regionAt(checkBaseUrl(`${option}.url`, given.url));
  return {
    ...region,
    ...(given.id !== undefined && { id: checkString(`${option}.id`, given.id) }),
    ...amount("weight"),
    ...amount("priority"),
    ...amount("distance"),
  };
}

/** What the user says of a region, without defaults: an id only if the user gave one. */
export function statedOf(given: RegionInit | undefined, { id, ...rest }: Region): Partial<Region> {
  const hasId = typeof given === "object" && "id" in given && given.id !== undefined;
  return hasId ? { id, ...rest } : rest;
}

/** A region named by its host. */
export function regionAt(url: string): Region {
  return { id: new URL(url).host, url };
}

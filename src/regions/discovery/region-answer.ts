/**
 * Reads `{"regions":[{"region":"us-east","url":"https://…","distance":"12"}]}`, as untrusted input: a region in
 * the list will be sent the caller's credentials. An entry that is not fit for that is left out with a warning;
 * an answer that is no list at all is an error.
 */

import { redact, toUrl } from "../../support/checks.js";
import { show } from "../../support/errors.js";
import { MAX_REGIONS, type Region, type RegionList, regionAt } from "../region.js";
import type { AllowedHosts } from "./allowed-hosts.js";

export interface AnswerRules {
  /** The base URL of the home region; its path prefix is that of the others. */
  readonly home: string;
  readonly allowedHosts: AllowedHosts;
  /**
   * What the user says of regions, by URL. It takes precedence over the answer, so that a region has the same id before and
   * after the list comes in.
   */
  readonly stated?: ReadonlyMap<string, Partial<Region>>;
  /** Whether regions other than home are known already. An answer that names none is not believed then. */
  readonly othersKnown: boolean;
  readonly warn: (message: string) => void;
}

/**
 * Reads an answer: home first, then the others, the nearest first, under the names that the answer gives them unless the
 * user has. Throws for text that is not such a list, and for a list that names nobody, because what was known before is
 * better than that.
 */
export function parseRegionAnswer(text: string, rules: AnswerRules): RegionList {
  const answer: unknown = JSON.parse(text);
  const entries = isRecord(answer) ? answer.regions : undefined;
  if (!Array.isArray(entries)) throw new Error("the answer has no list of regions");
  if (entries.length > MAX_REGIONS) {
    rules.warn(`discovery named ${entries.length} regions; only the first ${MAX_REGIONS} are used`);
  }

  const { stated = new Map<string, Partial<Region>>() } = rules;
  const asStated = (region: Region): Region => ({ ...region, ...stated.get(region.url) });

  let home = asStated(regionAt(rules.home));
  let others: Region[] = [];
  let fit = 0;
  for (const entry of entries.slice(0, MAX_REGIONS)) {
    const read = readEntry(entry, rules);
    if (typeof read === "string") rules.warn(`discovery: a region was left out: ${read}`);
    else {
      fit++;
      const region = asStated(read);
      if (region.url === home.url) home = region;
      else others.push(region);
    }
  }
  if (fit === 0 && rules.othersKnown) throw new Error("the answer names no region that can be called");
  // The user's id for one region is not another's, so one that the answer calls by it is named by its host.
  const isOwn = ({ url }: Region) => stated.get(url)?.id !== undefined;
  const ownIds = new Set([home, ...others].filter(isOwn).map(({ id }) => id));
  others = others.map((region) =>
    ownIds.has(region.id) && !isOwn(region) ? { ...region, ...regionAt(region.url) } : region,
  );
  others.sort((a, b) => (a.distance ?? 0) - (b.distance ?? 0));

  const list: [Region, ...Region[]] = [home];
  for (const region of others.slice(0, MAX_REGIONS - 1)) {
    if (list.some(({ id, url }) => id === region.id || url === region.url)) {
      rules.warn(`discovery: a region was left out: ${show(region.id)} is there twice`);
    } else {
      list.push(region);
    }
  }
  return list;
}

/** The region, or what is wrong with its entry. */
function readEntry(entry: unknown, { home, allowedHosts }: AnswerRules): Region | string {
  if (!isRecord(entry)) return "it is not an object";
  const { region: id, url: text } = entry;
  if (typeof id !== "string" || !/^[\x21-\x7e]{1,64}$/.test(id)) return `its name is ${show(id)}`;
  const isShort = typeof text === "string" && text.length <= 2048;
  const url = isShort ? toUrl(text.replace(/^ws(?=s?:)/i, "http")) : undefined;
  if (url === undefined) return `its url is ${show(redact(text))}`;

  const refusal = allowedHosts.refusal(url);
  if (refusal !== undefined) return `${show(id)} ${refusal}`;
  return { id, url: url.origin + new URL(home).pathname.replace(/\/+$/, ""), distance: readDistance(entry) };
}

const FARTHEST = Number.MAX_SAFE_INTEGER;

/** In protobuf's JSON an int64 is a string, and is left out if it is 0. */
function readDistance(entry: { distance?: unknown }): number {
  const { distance: given = 0 } = entry;
  const distance = typeof given === "string" && /^\d{1,19}$/.test(given) ? Number(given) : given;
  return typeof distance === "number" && distance >= 0 && distance <= FARTHEST ? distance : FARTHEST;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

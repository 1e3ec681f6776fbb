/** The order in which regions are tried, apart from their health. */
import { mustBe } from "../support/errors.js";
import type { Region } from "./region.js";

/**
 * The order in which regions are tried.
 *
 * - `list`: as in the list; the first gets all calls as long as it is well.
 * - `distance`: the nearest first.
 * - `weight`: each gets a share of the calls, by its weight. Regions of a higher `priority` value are called only when
 *   those of the lower ones are down, as in DNS SRV.
 */
export type RegionOrder = "list" | "distance" | "weight";

/** Sorts regions into the order in which one call should try them. */
export type SortRegions = (regions: readonly Region[]) => readonly Region[];

/** @throws InvalidOptionError */
export function createSorter(order: RegionOrder | undefined, random: () => number): SortRegions {
  switch (order) {
    case undefined:
    case "list":
      return (regions) => regions;
    case "distance":
      return (regions) => [...regions].sort((a, b) => (a.distance ?? 0) - (b.distance ?? 0));
    case "weight":
      return byWeight(random);
    default:
      throw mustBe("order", '"list", "distance" or "weight"', order);
  }
}

const GOLDEN_RATIO = (Math.sqrt(5) - 1) / 2;

/**
 * Draws one region after another, each with a probability in proportion to its weight among those that are left.
 *
 * The draws are not independent: steps of the golden ratio cover the interval evenly, so the shares hold over a few calls
 * and not only on the average of many. Only the start is random, so that clients do not move in step.
 */
function byWeight(random: () => number): SortRegions {
  let position = random();
  return (regions) => {
    position = (position + GOLDEN_RATIO) % 1;
    return byPriority(regions).flatMap((group) => drawAll(group, position));
  };
}

/** Groups of regions with the same priority, the lowest value first. */
function byPriority(regions: readonly Region[]): readonly (readonly Region[])[] {
  const values = new Set(regions.map(({ priority = 0 }) => priority));
  if (values.size < 2) return [regions];
  return [...values].sort((a, b) => a - b).map((value) => regions.filter(({ priority = 0 }) => priority === value));
}

function drawAll(regions: readonly Region[], position: number): Region[] {
  const left = [...regions];
  const drawn: Region[] = [];
  for (let at = position; left.length > 1; at = (at + Math.SQRT2) % 1) {
    drawn.push(...left.splice(indexAt(left, at), 1));
  }
  return [...drawn, ...left];
}

/** The index of the region whose part of the interval from 0 to 1 contains the position. */
function indexAt(regions: readonly Region[], position: number): number {
  const total = regions.reduce((sum, { weight = 1 }) => sum + weight, 0);
  // All weights are 0, which is what some DNS servers send when they have none: treat the regions as equals.
  if (total === 0) return Math.floor(position * regions.length);
  let rest = position * total;
  const index = regions.findIndex(({ weight = 1 }) => {
    rest -= weight;
    return rest < 0;
  });
  return Math.max(0, index); // Rounding can push the position past the last region.
}

/** In which order the regions are tried, health aside. */
import { InvalidOptionError } from "../support/errors.js";
import type { Region } from "./region.js";

/**
 * - `list`: as the list has them; the first gets all calls as long as it is well.
 * - `distance`: the nearest first.
 * - `weight`: each gets a share of the calls, by its weight; a region of a higher `priority` value only when those of
 *   the lower ones are down, as in DNS SRV.
 */
export type RegionOrder = "list" | "distance" | "weight";

/** Puts regions into the order in which a call should try them. */
export type Arrange = (regions: readonly Region[]) => readonly Region[];

/** @throws InvalidOptionError */
export function createOrder(order: RegionOrder | undefined, random: () => number): Arrange {
  switch (order) {
    case undefined:
    case "list":
      return (regions) => regions;
    case "distance":
      return (regions) => [...regions].sort((a, b) => (a.distance ?? 0) - (b.distance ?? 0));
    case "weight":
      return byWeight(random);
    default:
      throw new InvalidOptionError("order", '"list", "distance" or "weight"', order);
  }
}

const GOLDEN_RATIO = (Math.sqrt(5) - 1) / 2;

/**
 * Draws one region after the other, each with a chance in proportion to its weight among those that are left. The
 * draws are not independent: steps of the golden ratio cover the interval evenly, so that the shares hold over a few
 * calls and not only on the average of many. Only where they start is random, so that clients do not march in step.
 */
function byWeight(random: () => number): Arrange {
  let position = random();
  return (regions) => {
    position = (position + GOLDEN_RATIO) % 1;
    return byPriority(regions).flatMap((group) => drawAll(group, position));
  };
}

/** Regions of one priority together, the lowest value first. */
function byPriority(regions: readonly Region[]): readonly (readonly Region[])[] {
  const values = new Set(regions.map(({ priority = 0 }) => priority));
  if (values.size < 2) return [regions];
  return [...values].sort((a, b) => a - b).map((value) => regions.filter(({ priority = 0 }) => priority === value));
}

function drawAll(regions: readonly Region[], position: number): Region[] {
  const left = [...regions];
  const arranged: Region[] = [];
  for (let at = position; left.length > 1; at = (at + Math.SQRT2) % 1) {
    arranged.push(...left.splice(drawn(left, at), 1));
  }
  return [...arranged, ...left];
}

/** The index of the region in whose part of the interval from 0 to 1 the position lies. */
function drawn(regions: readonly Region[], position: number): number {
  const total = regions.reduce((sum, { weight = 1 }) => sum + weight, 0);
  // As equals: 0 is what some DNS servers say of all records, for want of a weight.
  if (total === 0) return Math.floor(position * regions.length);
  let rest = position * total;
  const index = regions.findIndex(({ weight = 1 }) => {
    rest -= weight;
    return rest < 0;
  });
  return Math.max(0, index); // What rounding leaves of the last one's part.
}

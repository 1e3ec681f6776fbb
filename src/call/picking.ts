/** Which regions are next. Pure: it looks, and takes nothing; a probe's permit is taken by the attempt. */
import type { Region } from "../regions/region.js";
import type { FailedAttempt } from "./trace.js";

/** The regions that this call has not tried, in order. By URL, since a list that came in meanwhile may rename one. */
export function untriedRegions(regions: readonly Region[], failed: readonly FailedAttempt[]): Region[] {
  return regions.filter(({ url }) => !failed.some((attempt) => attempt.region.url === url));
}

/** The regions that failed this call, the one whose last failure is the longest ago first. */
export function failedRegions(regions: readonly Region[], failed: readonly FailedAttempt[]): Region[] {
  const lastFailure = ({ url }: Region) => failed.findLastIndex((attempt) => attempt.region.url === url);
  return regions.filter((region) => lastFailure(region) >= 0).sort((a, b) => lastFailure(a) - lastFailure(b));
}

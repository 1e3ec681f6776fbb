/** Which region is next. Pure: it looks, and takes nothing. */
import type { Region, RegionList } from "./regions.js";
import type { FailedAttempt } from "./trace.js";

/** The first region that this call has not tried. By URL, since a list that came in meanwhile may rename one. */
export function pickUntried(regions: RegionList, failed: readonly FailedAttempt[]): Region | undefined {
  return regions.find(({ url }) => !failed.some((attempt) => attempt.region.url === url));
}

/** Of the regions that failed this call, the one whose last failure is the longest ago. */
export function pickFailed(regions: RegionList, failed: readonly FailedAttempt[]): Region | undefined {
  const lastFailure = (url: string) => failed.findLastIndex((attempt) => attempt.region.url === url);
  const [first, ...others] = regions.filter(({ url }) => lastFailure(url) >= 0);
  return others.reduce<Region | undefined>(
    (oldest, region) => (oldest && lastFailure(oldest.url) < lastFailure(region.url) ? oldest : region),
    first,
  );
}

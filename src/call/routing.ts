/** Where a call goes: to the regions that are known now, in the user's order, the ejected ones last. */
import type { Health } from "../health/health.js";
import { PINNED } from "../outcome/outcome.js";
import { DISCOVERY_TIMEOUT_MS } from "../regions/cache.js";
import type { RegionDirectory } from "../regions/directory.js";
import type { SortRegions } from "../regions/order.js";
import type { Region } from "../regions/region.js";
import { type Clock, waitAtMost } from "../support/clock.js";
import type { CallState } from "./call-state.js";
import type { FailedAttempt } from "./trace.js";

export interface RouterParts {
  readonly directory: RegionDirectory;
  readonly health: Health;
  readonly sort: SortRegions;
  /** Separate from `sort`, because weighted ordering is stateful. */
  readonly sortReplays: SortRegions;
  readonly clock: Clock;
}

/** Where a replay may go, the best region first. */
export interface Candidates {
  /** Regions that are well and that this call has not tried. */
  readonly well: readonly Region[];
  /** Untried regions that are ejected; if everything was tried, the regions that failed this call. */
  readonly others: readonly Region[];
}

type Failures = readonly FailedAttempt[];

/** Picks regions. It only looks: the permit for a region is acquired by the attempt, so no abort can keep one. */
export class Router {
  constructor(private readonly parts: RouterParts) {}

  /**
   * Where a call starts: the first region that is well. If none is, the first of all, or none if the user wants calls to
   * fail then. `undefined` also if no region is known.
   */
  first<T>(call: CallState<T>): Region | undefined {
    const { directory, health, sort } = this.parts;
    directory.applyChanges();
    directory.refreshInBackground();
    const regions = directory.current();
    const admits = (region: Region) => health.admits(region, call.probeEligibility);
    const admitted = regions.every(admits) ? regions : regions.filter(admits);
    if (admitted.length > 0) return sort(admitted)[0];
    return health.failsWhenAllEjected ? undefined : sort(regions)[0];
  }

  /** Waits for the first list if no region is known without it. Resolves with whether there is one now. */
  async discover<T>(call: CallState<T>): Promise<boolean> {
    const isKnown = () => this.parts.directory.current().length > 0;
    if (!isKnown()) await this.#refreshUntil(isKnown, call);
    return isKnown();
  }

  /** Where a replay goes: to an untried region that is well, else to an untried one, else to one that failed this call. */
  async next<T>(call: CallState<T>): Promise<Candidates> {
    const untried = await this.#untried(call);
    if (untried.length > 0) return this.#admittedFirst(call, untried);
    if (!call.policy.sameRegion) return { well: [], others: [] };
    const failed = failedRegions(this.parts.directory.current(), call.failed);
    return { well: [], others: failed.filter((region) => !isPinnedElsewhere(region, call.failed)) };
  }

  /** Whether there is a region that is well and untried, were the attempt in this one to fail now. Changes nothing. */
  hasOther<T>(call: CallState<T>, than: Region): boolean {
    const { directory, health } = this.parts;
    const others = untriedRegions(directory.current(), call.failed).filter(({ url }) => url !== than.url);
    return others.some((region) => health.admits(region, "never"));
  }

  #admittedFirst<T>(call: CallState<T>, untried: readonly Region[]): Candidates {
    const { health, sortReplays } = this.parts;
    const admitted = untried.filter((region) => health.admits(region, call.probeEligibility));
    // When the alternative is to fail, a region whose ejection is over is worth a replay.
    const mayGo = (region: Region) => !health.failsWhenAllEjected || health.admits(region, "first");
    const others = untried.filter((region) => !admitted.includes(region) && mayGo(region));
    return { well: sortReplays(admitted), others: sortReplays(others) };
  }

  /** The regions that this call has not tried. If there are none and the list may be old, the source is asked first. */
  async #untried<T>(call: CallState<T>): Promise<Region[]> {
    const { directory } = this.parts;
    directory.applyChanges();
    const untried = () => untriedRegions(directory.current(), call.failed);
    const isListWrong = isFirstPinned(call.failed);
    if (isListWrong) directory.invalidate();
    // An old list is good enough to go on with, unless a server said that it is wrong.
    if (untried().length > 0 && !isListWrong) directory.refreshInBackground();
    else await this.#refreshUntil(() => !isListWrong && untried().length > 0, call);
    return untried();
  }

  /** Waits no longer than discovery may take, nor than the call may. */
  async #refreshUntil<T>(isEnough: () => boolean, call: CallState<T>): Promise<void> {
    const { directory, clock } = this.parts;
    if (!directory.isStale()) return;
    // A timer may be up to a millisecond early, and a call whose time is over must be seen to be.
    const withinMs = Math.min(DISCOVERY_TIMEOUT_MS, Math.ceil(call.deadline - clock.now()) + 1);
    await waitAtMost(directory.refreshUntil(isEnough), withinMs, call.rpc.signal, clock);
  }
}

/** The regions that this call has not tried, in order. Told apart by URL, because a new list may rename a region. */
export function untriedRegions(regions: readonly Region[], failed: Failures): Region[] {
  return regions.filter(({ url }) => !failed.some((attempt) => attempt.region.url === url));
}

/** The regions that failed this call, the one whose last failure is the longest ago first. */
export function failedRegions(regions: readonly Region[], failed: Failures): Region[] {
  const lastFailure = ({ url }: Region) => failed.findLastIndex((attempt) => attempt.region.url === url);
  return regions.filter((region) => lastFailure(region) >= 0).sort((a, b) => lastFailure(a) - lastFailure(b));
}

const isPinned = ({ outcome }: FailedAttempt) => outcome.httpStatus === PINNED;

/** Whether this region said that the project is served by other regions. */
function isPinnedElsewhere({ url }: Region, failed: Failures): boolean {
  return failed.some((attempt) => attempt.region.url === url && isPinned(attempt));
}

/** Whether the last attempt is the first to say so. Once per call is enough: the next list will not be better. */
function isFirstPinned(failed: Failures): boolean {
  const first = failed.find(isPinned);
  return first !== undefined && first === failed.at(-1);
}

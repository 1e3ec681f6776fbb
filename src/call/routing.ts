/** Where a call goes: the regions as they are known now, in the order that the user wants, the ejected ones last. */

import type { Health } from "../health/health.js";
import { PINNED } from "../outcome/outcome.js";
import { DISCOVERY_TIMEOUT_MS } from "../regions/cache.js";
import type { RegionDirectory } from "../regions/directory.js";
import type { Arrange } from "../regions/order.js";
import type { Region } from "../regions/region.js";
import { type Clock, waitAtMost } from "../support/clock.js";
import type { Call } from "./call-state.js";
import { failedRegions, untriedRegions } from "./picking.js";
import type { FailedAttempt } from "./trace.js";

export interface RouterParts {
  readonly directory: RegionDirectory;
  readonly health: Health;
  readonly arrange: Arrange;
  /** Of its own, since with weights it has a place in a sequence. */
  readonly arrangeReplay: Arrange;
  readonly clock: Clock;
}

/** Where a replay may go, the best first. */
export interface Candidates {
  readonly regions: readonly Region[];
  /** Is the best one a region that this call has not tried and that is well? */
  readonly fresh: boolean;
}

const isPinned = ({ outcome }: FailedAttempt) => outcome.httpStatus === PINNED;

export class Router {
  constructor(private readonly parts: RouterParts) {}

  /** Where a call begins: home, as long as it is well; nowhere, if none is known, or none is well and the user wants it so. */
  first<T>(call: Call<T>): Region | undefined {
    const { directory, health, arrange } = this.parts;
    directory.warm();
    const regions = directory.current();
    const admits = (region: Region) => health.admits(region, call.probing);
    const admitted = regions.every(admits) ? regions : regions.filter(admits);
    if (admitted.length > 0) return arrange(admitted)[0];
    return health.failsWhenAllEjected ? undefined : arrange(regions)[0];
  }

  /** Waits for the first list, where nothing is known without it. Is there anything now? */
  async discover<T>(call: Call<T>): Promise<boolean> {
    const isKnown = () => this.parts.directory.current().length > 0;
    if (!isKnown()) await this.#learn(call, isKnown);
    return isKnown();
  }

  /** An untried region that is well, else an untried one, else one that failed, if the policy allows that. */
  async next<T>(call: Call<T>): Promise<Candidates> {
    const untried = await this.#untried(call);
    if (untried.length > 0) return this.#admittedFirst(call, untried);
    if (!call.policy.sameRegion) return { regions: [], fresh: false };
    const failed = failedRegions(this.parts.directory.current(), call.failed);
    const isServed = ({ url }: Region) =>
      !call.failed.some((attempt) => attempt.region.url === url && isPinned(attempt));
    return { regions: failed.filter(isServed), fresh: false };
  }

  #admittedFirst<T>(call: Call<T>, untried: readonly Region[]): Candidates {
    const { health, arrangeReplay } = this.parts;
    const admitted = untried.filter((region) => health.admits(region, call.probing));
    // When the alternative is to fail, a region whose ejection is over is worth a replay.
    const mayGo = (region: Region) => !health.failsWhenAllEjected || health.admits(region, "due");
    const others = untried.filter((region) => !admitted.includes(region) && mayGo(region));
    return { regions: [...arrangeReplay(admitted), ...arrangeReplay(others)], fresh: admitted.length > 0 };
  }

  /** The regions that this call has not tried; the source is asked when there is none and the list may be old. */
  async #untried<T>(call: Call<T>): Promise<Region[]> {
    const { directory } = this.parts;
    const untried = () => untriedRegions(directory.current(), call.failed);
    const isWrong = this.#doubts(call);
    // An old list is good enough to go on with, as long as no server said that it is wrong.
    if (untried().length > 0 && !isWrong) directory.warm();
    else await this.#learn(call, () => !isWrong && untried().length > 0);
    return untried();
  }

  /** Did a server just say that this project is not served there? Once a call: the next list is as good as it gets. */
  #doubts<T>(call: Call<T>): boolean {
    if (call.failed.find(isPinned) !== call.failed.at(-1)) return false;
    this.parts.directory.doubt();
    return true;
  }

  /** No longer than discovery may take, or the call. */
  async #learn<T>(call: Call<T>, isEnough: () => boolean): Promise<void> {
    const { directory, clock } = this.parts;
    if (!directory.isStale()) return;
    // A timer may be up to a millisecond early, and a call that is out of time should be seen to be.
    const withinMs = Math.min(DISCOVERY_TIMEOUT_MS, Math.ceil(call.deadline - clock.now()) + 1);
    await waitAtMost(directory.learn(isEnough), withinMs, call.rpc.signal, clock);
  }
}

/**
 * One region's circuit breaker: whether the region gets calls, what ejects it, and what brings it back. It is only a
 * state machine: time is passed in, and each transition is reported to its owner.
 *
 * The shape is gobreaker's two-step breaker: an attempt acquires a permit before it starts and settles it when it ends.
 * Every transition starts a new generation, and a permit of an older generation no longer counts.
 */
import type { EjectionReason } from "../events/events.js";
import { MAX_PUSHBACK_MS } from "../outcome/pushback.js";
import type { Evidence } from "./evidence.js";
import type { HealthSettings } from "./options.js";
import { OutcomeWindow } from "./outcome-window.js";

export type BreakerState =
  | { readonly kind: "healthy" }
  /**
   * Gets no calls; from `until` on, one call may test it. `consecutive` counts its ejections in a row, and is 0 for one
   * that rests on nothing but the server's own wish.
   */
  | {
      readonly kind: "ejected";
      readonly until: number;
      readonly consecutive: number;
      /** It rests on attempts alone that never had a connection, so the cause may be a pool of this side that is full. */
      readonly mayBeOurPool?: true;
    }
  /** The test is under way. */
  | { readonly kind: "probing"; readonly consecutive: number };

/**
 * Whether a call may be the probe that tests a region whose ejection is over.
 *
 * - `first`: as soon as the ejection is over.
 * - `last_resort`: only if no eligible call came for another `ejectionMs`.
 * - `never`: not at all.
 */
export type ProbeEligibility = "first" | "last_resort" | "never";

/** What one attempt holds of its region's breaker, from its start to its end. `now` is the clock's. */
export interface Permit {
  /** Whether this attempt tests an ejected region. */
  readonly probe: boolean;
  /** The attempt ended. Call it exactly once. */
  settle(evidence: Evidence, now: number): void;
  /** A settled attempt turned out to be the region's fault, because the same call succeeded in another region. */
  blame(now: number): void;
}

export interface BreakerListener {
  ejected(reason: EjectionReason, until: number, consecutive: number): void;
  probing(): void;
  readmitted(): void;
}

/** How far an ejection may be from its nominal length, each way, so that regions ejected together return one by one. */
const JITTER = 0.1;

type Kind = Evidence["kind"];

const isSilence = (kind: Kind): boolean => kind === "unanswered" || kind === "unconnected";
const isAnswer = (kind: Kind): boolean => kind !== "nothing" && !isSilence(kind);
const isSignOfLife = (kind: Kind): kind is "success" | "alive" => kind === "success" || kind === "alive";

export class Breaker {
  #state: BreakerState = { kind: "healthy" };
  /** Counts the transitions. */
  #generation = 0;
  #unanswered = 0;
  /** How many of those never had a connection. */
  #unconnected = 0;
  /** When the region last answered anyone, be it with an error. */
  #answeredAt = Number.NEGATIVE_INFINITY;
  #inFlight = 0;
  #probeInFlight = false;
  /** Until when the server asked to be left alone: the least time of an ejection. */
  #pushedBackUntil = Number.NEGATIVE_INFINITY;
  /** Why it is ejected, and the share of failures at that moment: the window goes on and would forget it. */
  #ejection: { readonly reason: EjectionReason; readonly failureShare: number } | undefined;
  /** The last ejection, to tell a relapse from new trouble. */
  #relapse = { until: Number.NEGATIVE_INFINITY, consecutive: 0 };
  readonly #window: OutcomeWindow;

  constructor(
    private readonly settings: HealthSettings,
    private readonly random: () => number,
    private readonly listener: BreakerListener,
  ) {
    this.#window = new OutcomeWindow(settings.windowCalls, settings.windowMs);
  }

  get state(): BreakerState {
    return this.#state;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Why the region is ejected; `undefined` unless it is. */
  get ejectionReason(): EjectionReason | undefined {
    return this.#state.kind === "ejected" ? this.#ejection?.reason : undefined;
  }

  /** The share of its last calls that failed; while the region is out, as it was at its ejection. */
  failureShare(now: number): number {
    return this.#ejection?.failureShare ?? this.#window.failureShare(now);
  }

  /** Whether a call may go here, as a probe if the region is ejected. Changes nothing. */
  admits(now: number, eligibility: ProbeEligibility): boolean {
    if (this.#state.kind === "healthy") return true;
    if (this.#state.kind === "probing" || this.#probeInFlight || eligibility === "never") return false;
    // After a `Retry-After` (`consecutive` is 0 then) anyone may call once the time has come.
    const waitsLonger = eligibility === "last_resort" && this.#consecutive > 0;
    return now >= this.#state.until + (waitsLonger ? this.settings.ejectionMs : 0);
  }

  /**
   * An attempt starts. It may start even if `admits` says no, because there may be nowhere else to go; it is not a probe
   * then.
   */
  acquire(now: number, eligibility: ProbeEligibility): Permit {
    this.#inFlight++;
    const probe = this.#state.kind !== "healthy" && this.admits(now, eligibility);
    if (probe) {
      this.#probeInFlight = true;
      this.#become({ kind: "probing", consecutive: this.#consecutive });
      this.listener.probing();
    }
    return new BreakerPermit(this, this.#generation, probe, now);
  }

  /** @internal For the permit. */
  settle({ generation, probe, startedAt }: BreakerPermit, evidence: Evidence, now: number): void {
    const { pushbackMs } = evidence;
    // A region that answered somebody meanwhile is there. This side had no connection to spare.
    const isOurPool = evidence.kind === "unconnected" && this.#answeredAt >= startedAt;
    const kind = isOurPool ? "nothing" : evidence.kind;
    this.#inFlight--;
    if (probe) this.#probeInFlight = false;
    if (isAnswer(kind)) this.#answeredAt = now;
    const isCurrent = generation === this.#generation;
    // Several calls may bring the same `Retry-After`, and the longest counts, so those of before the ejection do too.
    const isHeard = pushbackMs !== undefined && (isCurrent || this.#state.kind === "ejected");
    if (isHeard) {
      this.#pushedBackUntil = Math.max(this.#pushedBackUntil, now + Math.min(pushbackMs, MAX_PUSHBACK_MS));
    }
    if (isCurrent) this.#judge(kind, probe, now);
    else if (isSignOfLife(kind)) this.#liftMistake();
    if (isHeard) this.#pushBack(now);
  }

  /** @internal For the permit. */
  blame({ generation, probe }: BreakerPermit, now: number): void {
    if (generation === this.#generation && this.#state.kind === "healthy") this.#count("failure", now);
    // A probe with a doubtful answer ended its own generation. If nothing has happened since, it still decides.
    const isLastProbe = probe && generation + 1 === this.#generation;
    if (isLastProbe && this.#state.kind === "ejected") this.#eject("probe_failed", now);
  }

  get #consecutive(): number {
    return this.#state.kind === "healthy" ? 0 : this.#state.consecutive;
  }

  #judge(kind: Kind, probe: boolean, now: number): void {
    if (this.#state.kind === "healthy") this.#count(kind, now);
    else if (isSignOfLife(kind)) this.#readmit(kind, now);
    else if (probe && kind !== "nothing" && kind !== "doubtful") this.#eject("probe_failed", now);
    else if (probe) {
      // If the caller left, the next call may test at once. A doubtful answer is no reason to ask again at once.
      const until = kind === "doubtful" ? now + this.settings.ejectionMs : now;
      this.#become({ kind: "ejected", until: Math.max(until, this.#pushedBackUntil), consecutive: this.#consecutive });
    }
  }

  #count(kind: Kind, now: number): void {
    if (kind === "nothing" || kind === "doubtful") return;
    this.#unanswered = isSilence(kind) ? this.#unanswered + 1 : 0;
    this.#unconnected = kind === "unconnected" ? this.#unconnected + 1 : 0;
    if (kind === "alive") return;
    this.#window.add(kind !== "success", now);
    if (kind === "success") return;

    const { consecutiveFailures, minimumCalls, failureShare } = this.settings;
    if (this.#unanswered >= consecutiveFailures) this.#eject("consecutive_failures", now);
    else if (this.#window.count(now) >= minimumCalls && this.#window.failureShare(now) >= failureShare) {
      this.#eject("failure_share", now);
    }
  }

  #eject(reason: EjectionReason, now: number): void {
    const consecutive = this.#inARowAt(now) + 1;
    const { ejectionMs, maxEjectionMs } = this.settings;
    const nominalMs = Math.min(ejectionMs * consecutive, maxEjectionMs);
    const ownUntil = now + nominalMs * (1 - JITTER + 2 * JITTER * this.random());
    const mayBeOurPool = reason === "consecutive_failures" && this.#unconnected >= this.#unanswered;
    const until = Math.max(ownUntil, this.#pushedBackUntil);
    this.#become({ kind: "ejected", until, consecutive, ...(mayBeOurPool && { mayBeOurPool }) });
    this.#tellEjected(reason, now);
  }

  /**
   * Heeds the server's wish, which is the least time of any ejection. The wish alone is no failing, so the row of ejections
   * does not grow by it; the failure that brought it has been counted, and that may have ejected the region for longer.
   */
  #pushBack(now: number): void {
    const until = this.#pushedBackUntil;
    if (this.#state.kind === "healthy") {
      this.#become({ kind: "ejected", until, consecutive: 0 });
      this.#tellEjected("pushback", now);
    } else if (this.#state.kind === "ejected" && this.#state.until < until) {
      // The same ejection goes on for longer: no transition, and no event.
      this.#state = { ...this.#state, until };
    }
  }

  #tellEjected(reason: EjectionReason, now: number): void {
    this.#ejection = { reason, failureShare: this.failureShare(now) };
    if (this.#state.kind === "ejected") this.listener.ejected(reason, this.#state.until, this.#state.consecutive);
  }

  /** A region that fails again soon after it was readmitted was not well in between, so its row goes on. */
  #inARowAt(now: number): number {
    if (this.#consecutive > 0) return this.#consecutive;
    return now < this.#relapse.until ? this.#relapse.consecutive : 0;
  }

  #readmit(kind: "success" | "alive", now: number): void {
    // After a pushback alone the counts go on, so that a server which asks for a second at a time is found out.
    if (this.#consecutive > 0) {
      this.#relapse = { until: now + this.settings.ejectionMs, consecutive: this.#consecutive };
      this.#window.clear();
    } else if (kind === "success") this.#window.add(false, now);
    this.#pushedBackUntil = Number.NEGATIVE_INFINITY;
    this.#become({ kind: "healthy" });
    this.listener.readmitted();
  }

  /** A request from before the ejection was answered: the region was well, and slow calls had all of our connections. */
  #liftMistake(): void {
    if (this.#state.kind !== "ejected" || !this.#state.mayBeOurPool) return;
    this.#window.clear();
    this.#become({ kind: "healthy" });
    this.listener.readmitted();
  }

  /** The only transition. Attempts under way belong to the state that ends here. */
  #become(state: BreakerState): void {
    this.#state = state;
    if (state.kind === "healthy") this.#ejection = undefined;
    this.#generation++;
    this.#unanswered = 0;
    this.#unconnected = 0;
  }
}

class BreakerPermit implements Permit {
  constructor(
    private readonly breaker: Breaker,
    readonly generation: number,
    readonly probe: boolean,
    readonly startedAt: number,
  ) {}

  settle(evidence: Evidence, now: number): void {
    this.breaker.settle(this, evidence, now);
  }

  blame(now: number): void {
    this.breaker.blame(this, now);
  }
}

/**
 * One region's circuit breaker: whether it gets calls, and what makes it lose and regain them. A state machine and
 * no more: time is passed in, and what it decides is told to the one who owns it.
 */
import type { EjectionReason } from "../events/events.js";
import type { HealthSettings } from "./options.js";
import { OutcomeWindow } from "./outcome-window.js";

export type BreakerState =
  | { readonly kind: "healthy" }
  /** Gets no calls; from `until` on, one that tests it. `consecutive` counts its ejections in a row. */
  | { readonly kind: "ejected"; readonly until: number; readonly consecutive: number }
  /** The test is under way. */
  | { readonly kind: "probing"; readonly consecutive: number };

/**
 * What an attempt says about its region.
 *
 * - `answered`: the service spoke, but what it said is the caller's affair (`not_found`): the region is alive, and
 *   that is all.
 * - `doubtful`: an answer that may be the region's fault or the method's; see `blame`.
 * - `nothing`: the attempt says nothing, for example because the caller left.
 */
export type Evidence = "success" | "unanswered" | "failure" | "answered" | "doubtful" | "nothing";

/** May a call test a region whose ejection is over? `overdue`: only if no other call did for another ejection's time. */
export type Probing = "due" | "overdue" | "never";

/** Held by one attempt, from its start to its end. */
export interface Permit {
  readonly generation: number;
  readonly probe: boolean;
}

export interface BreakerListener {
  ejected(reason: EjectionReason, until: number, consecutive: number): void;
  probing(): void;
  readmitted(): void;
}

/** How far an ejection may be from its nominal length, each way: regions ejected together come back one by one. */
const JITTER = 0.1;
/** The longest ejection that a server can ask for. */
const MAX_PUSHBACK_MS = 30_000;

export class Breaker {
  #state: BreakerState = { kind: "healthy" };
  /** Counts the states. What an attempt of an older one says is out of date, and ignored. */
  #generation = 0;
  #unanswered = 0;
  #inFlight = 0;
  #probeInFlight = false;
  /** How the last ejection went, to tell a relapse from a new trouble. */
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

  failureShare(now: number): number {
    return this.#window.failureShare(now);
  }

  /** May a call go here? After an ejection one may, as the probe, if it is one that may be replayed. Takes nothing. */
  admits(now: number, probing: Probing): boolean {
    if (this.#state.kind === "healthy") return true;
    if (this.#state.kind === "probing" || this.#probeInFlight || probing === "never") return false;
    // A server that named its time itself can be called then, by whomever.
    const longer = probing === "overdue" && this.#consecutive > 0;
    return now >= this.#state.until + (longer ? this.settings.ejectionMs : 0);
  }

  /** An attempt begins. It may although `admits` says no, when there is nowhere else to go; it is no probe then. */
  begin(now: number, probing: Probing): Permit {
    this.#inFlight++;
    const probe = this.#state.kind !== "healthy" && this.admits(now, probing);
    if (probe) {
      this.#probeInFlight = true;
      this.#become({ kind: "probing", consecutive: this.#consecutive });
      this.listener.probing();
    }
    return { generation: this.#generation, probe };
  }

  /**
   * The attempt ended. To be called once for each permit.
   *
   * @returns whether it counted: not if the region's state is another one than when it began.
   */
  settle({ generation, probe }: Permit, evidence: Evidence, now: number): boolean {
    this.#inFlight--;
    if (probe) this.#probeInFlight = false;
    if (generation !== this.#generation) return false;
    if (this.#state.kind === "healthy") this.#count(evidence, now);
    else if (evidence === "success" || evidence === "answered") this.#readmit(now);
    else if (probe && evidence !== "nothing" && evidence !== "doubtful") this.#eject("probe_failed", now);
    else if (probe) {
      // Its caller left: the place is the next one's. A doubtful answer is no reason to ask again at once.
      const until = evidence === "doubtful" ? now + this.settings.ejectionMs : now;
      this.#become({ kind: "ejected", until, consecutive: this.#consecutive });
    }
    return true;
  }

  /** An attempt that has ended turns out to have been this region's fault: the same call succeeded elsewhere. */
  blame({ generation, probe }: Permit, now: number): void {
    if (generation === this.#generation && this.#state.kind === "healthy") this.#count("failure", now);
    // A probe with a doubtful answer ended its own generation; nothing has happened since, so it is the judge still.
    const endedByProbe = probe && generation + 1 === this.#generation;
    if (endedByProbe && this.#state.kind === "ejected") this.#eject("probe_failed", now);
  }

  /** The server asked to be left alone. */
  pushBack(forMs: number, now: number): void {
    if (forMs <= 0) return;
    const until = now + Math.min(forMs, MAX_PUSHBACK_MS);
    if (this.#state.kind === "ejected" && this.#state.until >= until) return;
    const consecutive = this.#consecutive; // It was not ejected for a failure, so its row does not grow.
    if (this.#state.kind === "ejected" && now < this.#state.until) {
      // Longer than it was, and still the same ejection: no transition, and no event.
      this.#state = { kind: "ejected", until, consecutive };
      return;
    }
    this.#become({ kind: "ejected", until, consecutive });
    this.listener.ejected("pushback", until, consecutive);
  }

  get #consecutive(): number {
    return this.#state.kind === "healthy" ? 0 : this.#state.consecutive;
  }

  #count(evidence: Evidence, now: number): void {
    if (evidence === "nothing" || evidence === "doubtful") return;
    this.#unanswered = evidence === "unanswered" ? this.#unanswered + 1 : 0;
    if (evidence === "answered") return;
    this.#window.add(evidence !== "success", now);
    if (evidence === "success") return;

    const { consecutiveFailures, minimumCalls, failureShare } = this.settings;
    if (this.#unanswered >= consecutiveFailures) this.#eject("consecutive_failures", now);
    else if (this.#window.count(now) >= minimumCalls && this.#window.failureShare(now) >= failureShare) {
      this.#eject("failure_share", now);
    }
  }

  #eject(reason: EjectionReason, now: number): void {
    const inARow = this.#state.kind === "healthy" ? this.#inARowAt(now) : this.#consecutive;
    const consecutive = inARow + 1;
    const { ejectionMs, maxEjectionMs } = this.settings;
    const nominalMs = Math.min(ejectionMs * consecutive, maxEjectionMs);
    const until = now + nominalMs * (1 - JITTER + 2 * JITTER * this.random());
    this.#become({ kind: "ejected", until, consecutive });
    this.listener.ejected(reason, until, consecutive);
  }

  /** A region that fails again soon after it was readmitted has not been well in between. */
  #inARowAt(now: number): number {
    return now < this.#relapse.until ? this.#relapse.consecutive : 0;
  }

  #readmit(now: number): void {
    this.#relapse = { until: now + this.settings.ejectionMs, consecutive: this.#consecutive };
    this.#become({ kind: "healthy" });
    this.listener.readmitted();
  }

  /** The one transition: whatever was counted or is still under way belongs to the state that ends here. */
  #become(state: BreakerState): void {
    this.#state = state;
    this.#generation++;
    this.#unanswered = 0;
    this.#window.clear();
  }
}

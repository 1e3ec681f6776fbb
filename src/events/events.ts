/** What a `Failover` tells about itself, for logs, metrics and alerts. */
import type { Execution, Origin } from "../outcome/outcome.js";
import type { TwirpCode } from "../outcome/twirp-code.js";
import type { RefusalReason } from "../policy/refusal.js";

/** In every event: when it happened, in milliseconds since the Unix epoch. */
interface Happened {
  readonly at: number;
}

/** In every event that belongs to a call. */
interface OfCall extends Happened {
  /** Tells the calls of one `Failover` apart; counts from 1. */
  readonly callId: number;
  /** As in the `.proto`, the package included. */
  readonly service: string;
  readonly method: string;
}

/** An attempt ended. One for each attempt, in the order in which they ended. */
export type AttemptEvent = OfCall & {
  readonly type: "attempt";
  /** The region's id. */
  readonly region: string;
  /** Counts from 1 within the call. */
  readonly attempt: number;
  readonly elapsedMs: number;
} & ({ readonly ok: true } | ({ readonly ok: false } & FailedFacts));

interface FailedFacts {
  readonly code: TwirpCode;
  readonly origin: Origin;
  readonly execution: Execution;
  readonly httpStatus?: number;
  /** `ECONNREFUSED` and the like, where it is known. */
  readonly cause?: string;
}

/** A replay: what failed, and where the call goes now that its wait is over. */
interface Replayed extends OfCall, FailedFacts {
  readonly from: string;
  readonly to: string;
  /** The number of the attempt that failed. */
  readonly attempt: number;
  /** How long that attempt took. */
  readonly elapsedMs: number;
  /** How long the call waited since. */
  readonly backoffMs: number;
}

/** A replay starts in another region. */
export interface FailedOverEvent extends Replayed {
  readonly type: "failover";
}

/** A replay starts in a region that failed this call before, since there is no other. */
export interface RetryEvent extends Replayed {
  readonly type: "retry";
}

/** A call fails with an outcome that is not final by itself; `reason` says why it was not replayed. */
export interface ReplayRefusedEvent extends OfCall, FailedFacts {
  readonly type: "replay_refused";
  readonly region: string;
  readonly attempt: number;
  readonly reason: RefusalReason;
}

/** A call ended. */
export interface CallEvent extends OfCall {
  readonly type: "call";
  readonly ok: boolean;
  /** Of the error that the caller gets. */
  readonly code?: TwirpCode;
  readonly attempts: number;
  /** The region of the last attempt; absent if there was none. */
  readonly region?: string;
  readonly elapsedMs: number;
}

/**
 * Why a region was ejected.
 *
 * - `consecutive_failures`: too many attempts in a row got no answer.
 * - `failure_share`: too large a share of its last calls failed.
 * - `probe_failed`: the call that tested it failed.
 * - `pushback`: it asked to be left alone (`Retry-After`).
 */
export type EjectionReason = "consecutive_failures" | "failure_share" | "probe_failed" | "pushback";

/** A region gets no calls for a while. */
export interface RegionEjectedEvent extends Happened {
  readonly type: "region_ejected";
  /** The region's id. */
  readonly region: string;
  readonly reason: EjectionReason;
  /** When it will be tested, in milliseconds since the Unix epoch. */
  readonly untilMs: number;
  /** How many times in a row it has been ejected for failing. */
  readonly consecutive: number;
}

/** One call tests an ejected region. */
export interface RegionProbeEvent extends Happened {
  readonly type: "region_probe";
  readonly region: string;
}

/** A region gets calls again. */
export interface RegionReadmittedEvent extends Happened {
  readonly type: "region_readmitted";
  readonly region: string;
}

/** The list of regions is another one now. */
export interface RegionsChangedEvent extends Happened {
  readonly type: "regions_changed";
  /** Their ids, home first. */
  readonly regions: readonly string[];
}

/** The list of regions could not be had; the known ones stay in use. */
export interface DiscoveryFailedEvent extends Happened {
  readonly type: "discovery_failed";
  readonly source: string;
  readonly reason: string;
}

/** Something was ignored or taken as something else; nothing failed. */
export interface WarningEvent extends Happened {
  readonly type: "warning";
  readonly message: string;
}

export type FailoverEvent =
  | AttemptEvent
  | FailedOverEvent
  | RetryEvent
  | ReplayRefusedEvent
  | CallEvent
  | RegionEjectedEvent
  | RegionProbeEvent
  | RegionReadmittedEvent
  | RegionsChangedEvent
  | DiscoveryFailedEvent
  | WarningEvent;

export type FailoverEventType = FailoverEvent["type"];
export type FailoverEventOf<T extends FailoverEventType> = Extract<FailoverEvent, { type: T }>;

/** What a `Failover` reports about itself, for logs, metrics and alerts. */
import type { Execution, Origin } from "../outcome/outcome.js";
import type { TwirpCode } from "../outcome/twirp-code.js";
import type { RefusalReason } from "../policy/refusal.js";

/** What every event has. Events are frozen, since all listeners get the same object. */
export interface EventBase {
  /** When it happened, in whole milliseconds since the Unix epoch. */
  readonly at: number;
}

/** What every event of a call has. */
export interface CallScope extends EventBase {
  /** Tells the calls of one `Failover` apart; counts from 1. */
  readonly callId: number;
  /** The service's name in the `.proto`, the package included. */
  readonly service: string;
  /** The method's name in the `.proto`. */
  readonly method: string;
}

/** What is known of an attempt that failed; see `Outcome`. */
export interface FailureFacts {
  /** In the spelling of the Twirp specification. */
  readonly code: TwirpCode;
  /** Who said that the attempt failed. */
  readonly origin: Origin;
  /** Whether the handler ran. */
  readonly execution: Execution;
  /** The HTTP status, where it is known. */
  readonly httpStatus?: number;
  /** The platform's name for what went wrong below HTTP (`ECONNREFUSED` …), where it is known. */
  readonly cause?: string;
}

/** What the events of all attempts have. */
export interface AttemptBase extends CallScope {
  readonly type: "attempt";
  /** The region's id. */
  readonly region: string;
  /** The number of the attempt; counts from 1 within the call. */
  readonly attempt: number;
  /** How long it took, in milliseconds. */
  readonly elapsedMs: number;
}

/** An attempt ended. There is one for each attempt, in the order in which they ended. */
export type AttemptEvent =
  | (AttemptBase & { readonly ok: true })
  | (AttemptBase & { readonly ok: false } & FailureFacts);

/** What failed, and where the call goes now that its wait is over. */
export interface ReplayBase extends CallScope, FailureFacts {
  /** The id of the region that failed. */
  readonly from: string;
  /** The id of the region that the call goes to. */
  readonly to: string;
  /** The number of the attempt that failed. */
  readonly attempt: number;
  /** How long that attempt took, in milliseconds. */
  readonly elapsedMs: number;
  /** How long the call has waited since then, in milliseconds. */
  readonly backoffMs: number;
}

/** A replay starts in another region. */
export interface FailedOverEvent extends ReplayBase {
  readonly type: "failover";
}

/** A replay starts in a region that failed this call before, because there is no other. */
export interface RetryEvent extends ReplayBase {
  readonly type: "retry";
}

/**
 * A failed call may not, or cannot, be replayed. There is none for a call that is simply over: the handler chose its
 * answer, the request could not be built, or the caller left.
 */
export interface ReplayRefusedEvent extends CallScope, FailureFacts {
  readonly type: "replay_refused";
  /** The id of the region that failed. */
  readonly region: string;
  /** The number of the attempt that failed. */
  readonly attempt: number;
  /** Why it was not replayed. */
  readonly reason: RefusalReason;
}

/** What the events of all calls that ended have. */
export interface CallBase extends CallScope {
  readonly type: "call";
  /** How many attempts it had. */
  readonly attempts: number;
  /** How long it took, in milliseconds. */
  readonly elapsedMs: number;
}

/** A call succeeded. */
export interface CallSucceeded extends CallBase {
  readonly ok: true;
  /** The id of the region that served it. */
  readonly region: string;
}

/** A call failed. */
export interface CallFailed extends CallBase {
  readonly ok: false;
  /** The code of the error that the caller gets. */
  readonly code: TwirpCode;
  /** The id of the region of the last attempt; absent if there was no attempt. */
  readonly region?: string;
}

/** A call ended. */
export type CallEvent = CallSucceeded | CallFailed;

/**
 * Why a region was ejected.
 *
 * - `consecutive_failures`: too many attempts in a row got no answer.
 * - `failure_share`: too large a share of its last calls failed.
 * - `probe_failed`: the call that tested it failed.
 * - `pushback`: it asked to be left alone (`Retry-After`), and nothing else speaks against it. With the other reasons that
 *   time is the least.
 */
export type EjectionReason = "consecutive_failures" | "failure_share" | "probe_failed" | "pushback";

/** A region gets no calls for a while. */
export interface RegionEjectedEvent extends EventBase {
  readonly type: "region_ejected";
  /** The region's id. */
  readonly region: string;
  /** Why. */
  readonly reason: EjectionReason;
  /** From when on a call may test it, in whole milliseconds since the Unix epoch. */
  readonly untilMs: number;
  /** How many times in a row it has been ejected for failing; 0 if the reason is `pushback`. */
  readonly consecutive: number;
}

/** One call tests an ejected region. */
export interface RegionProbeEvent extends EventBase {
  readonly type: "region_probe";
  /** The region's id. */
  readonly region: string;
}

/** A region gets calls again. */
export interface RegionReadmittedEvent extends EventBase {
  readonly type: "region_readmitted";
  /** The region's id. */
  readonly region: string;
}

/** The list of regions has changed. */
export interface RegionsChangedEvent extends EventBase {
  readonly type: "regions_changed";
  /** Their ids, home first. */
  readonly regions: readonly string[];
}

/** The list of regions could not be loaded. The regions that are known stay in use. */
export interface DiscoveryFailedEvent extends EventBase {
  readonly type: "discovery_failed";
  /** The source's name: for `httpRegions` the URL, for `srvRegions` the DNS name. */
  readonly source: string;
  /** What went wrong. */
  readonly reason: string;
}

/** Something was ignored or taken as something else, but nothing failed. */
export interface WarningEvent extends EventBase {
  readonly type: "warning";
  /** What happened, in a sentence. */
  readonly message: string;
}

/** Any event. */
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

/** The name of an event. */
export type FailoverEventType = FailoverEvent["type"];

/** The event of this name; for `"*"`, any event. */
export type FailoverEventOf<T extends FailoverEventType | "*"> = T extends "*"
  ? FailoverEvent
  : Extract<FailoverEvent, { readonly type: T }>;

/** What a `Failover` tells about itself, for logs, metrics and alerts. */
import type { EjectionReason } from "./breaker.js";
import type { Clock } from "./clock.js";
import { didYouMean, InvalidOptionError, messageOf } from "./errors.js";
import type { Execution, Origin } from "./outcome.js";
import type { RefusalReason } from "./replay.js";
import type { TwirpCode } from "./twirp-code.js";

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

type Listener = (event: never) => unknown;

/** The listeners. A call never waits for one, and one that throws harms nothing but itself. */
export class Emitter {
  readonly #listeners: { readonly [T in FailoverEventType]: Set<Listener> } = {
    attempt: new Set(),
    failover: new Set(),
    retry: new Set(),
    replay_refused: new Set(),
    call: new Set(),
    region_ejected: new Set(),
    region_probe: new Set(),
    region_readmitted: new Set(),
    regions_changed: new Set(),
    discovery_failed: new Set(),
    warning: new Set(),
  };

  constructor(private readonly clock: Clock) {}

  /** @throws InvalidOptionError if there is no such event. */
  on<T extends FailoverEventType>(type: T, listener: (event: FailoverEventOf<T>) => void): () => void {
    if (!Object.hasOwn(this.#listeners, type)) {
      const known = Object.keys(this.#listeners);
      throw new InvalidOptionError("the event type", `one of ${known.join(", ")}`, type, didYouMean(type, known));
    }
    if (typeof listener !== "function") throw new InvalidOptionError("the listener", "a function", listener);
    // A wrapper of its own, so that a function registered twice is called twice, and removed one at a time.
    const own: Listener = (event) => listener(event);
    this.#listeners[type].add(own);
    return () => void this.#listeners[type].delete(own);
  }

  /** Does anyone listen? Events of the healthy path are not even built when nobody does. */
  wants(type: FailoverEventType): boolean {
    return this.#listeners[type].size > 0;
  }

  emit(event: FailoverEvent): void {
    const report = (error: unknown) => {
      // Not about a listener of warnings: it would only be told to itself.
      if (event.type !== "warning") this.warn(`a listener of "${event.type}" threw: ${messageOf(error)}`);
    };
    for (const listener of [...this.#listeners[event.type]]) {
      try {
        const returned = listener(event as never);
        // An async one is not waited for, but its rejection must not end the process.
        if (returned instanceof Promise) returned.catch(report);
      } catch (error) {
        report(error);
      }
    }
  }

  warn(message: string): void {
    this.emit({ type: "warning", at: this.clock.date(), message });
  }

  clear(): void {
    for (const listeners of Object.values(this.#listeners)) listeners.clear();
  }
}

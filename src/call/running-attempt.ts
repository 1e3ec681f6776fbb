/** One request to one region: started, ended, and judged. */
import type { Emitter } from "../events/emitter.js";
import type { Permit } from "../health/breaker.js";
import { evidenceOf } from "../health/evidence.js";
import type { Health } from "../health/health.js";
import { type Ending, type Outcome, outcomeOfEnding, outcomeOfFailure } from "../outcome/outcome.js";
import { Transmission } from "../outcome/transmission.js";
import type { WireFailure } from "../outcome/wire-failure.js";
import { longestWaitMs } from "../policy/backoff.js";
import { mayRunTwice } from "../policy/policy.js";
import type { Region } from "../regions/region.js";
import { onAbort } from "../support/abort.js";
import type { Clock } from "../support/clock.js";
import type { Attempt } from "./attempt.js";
import { AttemptTimer, type TimedAttempt } from "./attempt-timer.js";
import type { CallState } from "./call-state.js";
import type { Router } from "./routing.js";

export interface AttemptParts {
  readonly clock: Clock;
  readonly health: Health;
  readonly router: Router;
  /** Called for each part of an answer that is ignored. */
  readonly warn: (message: string) => void;
  /** Told of what holds for more than this attempt. */
  readonly events: Pick<Emitter, "warnOnce">;
}

/**
 * Makes an attempt. Never rejects. When it settles, its timer and its listener are gone, and whatever the transport still
 * says is ignored: the caller does not wait for a transport to notice an abort.
 *
 * Why it failed is judged in this order: the caller left, our timer fired, the error itself. An abort and a timeout look
 * alike in a transport's error, so they are known here and not read from there.
 */
export function makeAttempt<T>(
  call: CallState<T>,
  region: Region,
  number: number,
  parts: AttemptParts,
): Promise<Attempt<T>> {
  return new Promise((resolve) => new RunningAttempt(call, region, number, parts, resolve).send());
}

class RunningAttempt<T> implements TimedAttempt {
  readonly #startedAt: number;
  readonly #controller = new AbortController();
  readonly #transmission: Transmission;
  readonly #permit: Permit;
  readonly #timer: AttemptTimer;
  readonly #stopListening: (() => void) | undefined;
  #over = false;

  constructor(
    private readonly call: CallState<T>,
    private readonly region: Region,
    private readonly number: number,
    private readonly parts: AttemptParts,
    private readonly resolve: (attempt: Attempt<T>) => void,
  ) {
    const { clock, health } = parts;
    const { deadline, perAttemptTimeoutMs: timeoutMs, policy } = call;
    this.#startedAt = clock.now();
    this.#transmission = new Transmission(clock, mayRunTwice(policy));
    this.#permit = health.acquire(region, call.probeEligibility, this.#startedAt);
    const limits = { startedAt: this.#startedAt, timeoutMs, connectTimeoutMs: policy.connectTimeoutMs, deadline };
    this.#timer = new AttemptTimer(limits, this.#transmission, clock, this);
    this.#stopListening = call.rpc.signal && onAbort(call.rpc.signal, () => this.endBy("canceled"));
  }

  send(): void {
    const { call, region } = this;
    if (call.aborted) {
      this.endBy("canceled"); // By a listener, just now.
      return;
    }
    const request = {
      region,
      signal: this.#controller.signal,
      headers: call.headers,
      mayRunTwice: mayRunTwice(call.policy),
      observer: this.#transmission,
    };
    try {
      call.rpc.send(request).then(
        (value) => this.#succeed(value),
        (error: unknown) => this.#fail(error),
      );
    } catch (error) {
      this.#judge({ kind: "unsendable" }, error);
    }
  }

  #succeed(value: T): void {
    if (this.#over) return;
    const { number, region, call } = this;
    const elapsedMs = this.#end(undefined);
    if (call.triesHalfway) {
      this.parts.health.durations.succeeded(call.methodKey, elapsedMs, this.#startedAt + elapsedMs);
    }
    this.resolve({ ok: true, number, region, value, elapsedMs });
  }

  /** The request failed by itself. */
  #fail(error: unknown): void {
    if (!this.#over) this.#judge(inspect(this.call, error), error);
  }

  #judge(failure: WireFailure, error: unknown): void {
    const { clock, warn } = this.parts;
    const { name: route, policy } = this.call;
    const { notExecutedCodes } = policy;
    const seen = { transmission: this.#transmission, route, notExecutedCodes, dateMs: clock.date(), warn };
    this.#settle(outcomeOfFailure(failure, seen), error);
  }

  /** We end it ourselves. */
  endBy(ending: Ending): void {
    if (ending === "deadline" && this.call.triesHalfway) this.#learn();
    const asked = this.#transmission.preparing ? undefined : this.region.id;
    this.#settle(outcomeOfEnding(ending, this.#transmission), this.call.endingError(ending, asked));
  }

  keepsLimit(): boolean {
    return !this.call.triesHalfway || this.#isOtherBetter();
  }

  /**
   * Halfway, without an answer: whether the call is better off elsewhere. It is if a region is well that it has not tried, and
   * what is left after the wait is enough for an attempt there. Where that is in doubt the attempt goes on, since the default
   * must not make a call fail that one attempt would have finished.
   */
  #isOtherBetter(): boolean {
    const { call, region, number } = this;
    const { clock, health, router } = this.parts;
    // A request that is still being made is this side's own affair, and no replay follows.
    if (this.#transmission.preparing || number >= call.policy.maxAttempts) return false;
    const leftMs = call.deadline - clock.now() - longestWaitMs(call.policy, call.failed.length);
    return health.durations.isEnough(call.methodKey, leftMs) && router.hasOther(call, region);
  }

  /** The call's time is over. Was it right to give up halfway, or not to? */
  #learn(): void {
    const { durations } = this.parts.health;
    if (this.call.gaveUpHalfway) durations.gaveUpInVain(this.call.methodKey);
    else durations.waitedInVain(this.call.methodKey);
  }

  #settle(outcome: Outcome, error: unknown): void {
    if (this.#over) return; // The caller left while the error was being read.
    const { number, region } = this;
    this.#warnOfDoubt(outcome);
    const elapsedMs = this.#end(outcome);
    const startedMs = this.#startedAt - this.call.startedAt;
    this.resolve({ ok: false, number, region, outcome, error, startedMs, elapsedMs, permit: this.#permit });
    // Aborted only now that the attempt is judged, because the transport may say anything from then on. It is aborted
    // after an error too, because an interceptor below may have given up on a request that lives on.
    this.#controller.abort();
  }

  /** Says why nothing is proved, where something might have been. */
  #warnOfDoubt({ execution, origin }: Outcome): void {
    const { doubt, observed } = this.#transmission;
    if (doubt === undefined || execution !== "unknown") return;
    if (origin === "transport" || (origin === "timeout" && observed)) this.parts.events.warnOnce(doubt);
  }

  /** Nothing of the attempt is left after this. Returns how long it took. */
  #end(outcome: Outcome | undefined): number {
    const now = this.parts.clock.now();
    this.#over = true;
    this.#transmission.end();
    this.#timer.stop();
    this.#stopListening?.();
    this.#permit.settle(evidenceOf(outcome), now);
    return now - this.#startedAt;
  }
}

/** An adapter that cannot read its own error must not leave the call hanging. Nothing is assumed about the answer then. */
function inspect<T>({ rpc }: CallState<T>, error: unknown): WireFailure {
  try {
    return rpc.inspect(error) ?? { kind: "none" };
  } catch {
    return { kind: "none" };
  }
}

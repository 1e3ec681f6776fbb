/** What the engine knows of one call while it runs. */
import type { ProbeEligibility } from "../health/breaker.js";
import type { Ending, Outcome } from "../outcome/outcome.js";
import { MAX_PUSHBACK_MS } from "../outcome/pushback.js";
import type { TwirpCode } from "../outcome/twirp-code.js";
import { mayBeReplayed, perAttemptTimeoutMs, type ResolvedPolicy } from "../policy/policy.js";
import type { RefusalReason } from "../policy/refusal.js";
import type { Region } from "../regions/region.js";
import type { Clock } from "../support/clock.js";
import { mustBe } from "../support/errors.js";
import type { Attempt, Failed, Succeeded } from "./attempt.js";
import type { RpcCall } from "./rpc-call.js";

const NO_HEADERS = Object.freeze({});

export class CallState<T> {
  /** By the clock's `now`. */
  readonly startedAt: number;
  readonly deadline: number;
  readonly perAttemptTimeoutMs: number;
  /** Whether that is half of the call's time by default, which is kept to only where it can help. */
  readonly triesHalfway: boolean;
  /** Sent with every attempt: the idempotency key, if the policy asks for one. */
  readonly headers: Readonly<Record<string, string>>;
  readonly #failed: Failed[] = [];
  #succeeded: Succeeded<T> | undefined;
  /** Whether it may test an ejected region before others do: only if it can be replayed when the test fails. */
  readonly #survivesProbe: boolean;

  /** @throws InvalidOptionError for an abort signal or a timeout that cannot be one. */
  constructor(
    readonly id: number,
    readonly rpc: RpcCall<T>,
    readonly policy: ResolvedPolicy,
    /** Identifies the method to what is remembered of it: the same object for all of its calls. */
    readonly methodKey: object,
    clock: Clock,
  ) {
    if (rpc.signal !== undefined && typeof rpc.signal?.addEventListener !== "function") {
      throw mustBe("the call's abort", "an AbortSignal", rpc.signal);
    }
    this.startedAt = clock.now();
    this.#survivesProbe = mayBeReplayed(policy);
    const timeoutMs = timeoutOf(rpc.timeout, policy, clock);
    this.deadline = this.startedAt + timeoutMs;
    this.perAttemptTimeoutMs = perAttemptTimeoutMs(policy, timeoutMs);
    this.triesHalfway = policy.perAttemptTimeoutMs === undefined && this.#survivesProbe;
    this.headers = policy.idempotencyKey === undefined ? NO_HEADERS : { [policy.idempotencyKey]: clock.uuid() };
  }

  /** The attempts so far that failed, in order. */
  get failed(): readonly Failed[] {
    return this.#failed;
  }

  get succeeded(): Succeeded<T> | undefined {
    return this.#succeeded;
  }

  get aborted(): boolean {
    return this.rpc.signal?.aborted === true;
  }

  get name(): string {
    return `${this.rpc.service}/${this.rpc.method}`;
  }

  /** Only a first attempt may test a region: a replay goes where it is likely to succeed. */
  get probeEligibility(): ProbeEligibility {
    if (this.#failed.length > 0) return "never";
    return this.#survivesProbe ? "first" : "last_resort";
  }

  record(attempt: Attempt<T>): void {
    if (attempt.ok) this.#succeeded = attempt;
    else this.#failed.push(attempt);
  }

  /** Whether it gave up on an attempt halfway. */
  get gaveUpHalfway(): boolean {
    return this.triesHalfway && this.#failed.some(({ outcome }) => isTimeout(outcome));
  }

  /** For how many milliseconds more this region asked not to be called, as far as that is heeded. */
  pushbackLeftMs(region: Region, now: number): number {
    const last = this.#failed.findLast((attempt) => attempt.region.url === region.url);
    if (last?.outcome.pushbackMs === undefined) return 0;
    const pushbackMs = Math.min(last.outcome.pushbackMs, MAX_PUSHBACK_MS);
    return this.startedAt + last.startedMs + last.elapsedMs + pushbackMs - now;
  }

  /**
   * The error that tells the caller the most, and its code. If the caller left or the deadline ended an attempt, that is
   * the error. Otherwise it is that of the latest attempt that may have reached a handler, because that attempt may have
   * left something behind. If none may have, it is the first attempt's.
   */
  verdict(reason: RefusalReason): { error: unknown; code: TwirpCode } {
    const last = this.#failed.at(-1);
    if (last?.outcome.origin === "caller") return verdictOf(last);
    // The caller left between two attempts, or before the first.
    if (this.aborted) return { error: this.endingError("canceled"), code: "canceled" };
    const telling = this.#failed.findLast(({ outcome }) => outcome.execution !== "none") ?? this.#failed[0];
    return telling ? verdictOf(telling) : this.#unsent(reason);
  }

  /** The error for when we end an attempt, or the call before its first. */
  endingError(ending: Ending, regionId?: string): Error {
    const { rpc, policy } = this;
    const what = regionId === undefined ? "could not be sent" : `got no answer from ${regionId}`;
    const message = (ms: number, limit: string) => `${this.name} ${what} within ${Math.round(ms)} ms (${limit})`;
    switch (ending) {
      case "canceled":
        return this.#createError("canceled", `${this.name} was aborted by its caller`, rpc.signal?.reason);
      case "deadline":
        return this.#createError("deadline_exceeded", message(this.deadline - this.startedAt, "the call's timeout"));
      case "timeout":
        return this.#createError("deadline_exceeded", message(this.perAttemptTimeoutMs, this.#limitName));
      case "connect_timeout": {
        const limit = `${policy.connectTimeoutMs} ms (connectTimeoutMs)`;
        return this.#createError("unavailable", `${this.name} got no connection to ${regionId} within ${limit}`);
      }
    }
  }

  get #limitName(): string {
    if (!this.triesHalfway) return "perAttemptTimeoutMs";
    return `half of the call's ${Math.round(this.deadline - this.startedAt)} ms`;
  }

  /** An adapter that cannot make its own error must not leave the call hanging. */
  #createError(code: TwirpCode, message: string, cause?: unknown): Error {
    try {
      return this.rpc.createError(code, message, cause);
    } catch {
      return new Error(message, { cause });
    }
  }

  /** The call ended before its first attempt. */
  #unsent(reason: RefusalReason): { error: Error; code: TwirpCode } {
    if (reason === "deadline") return { error: this.endingError("deadline"), code: "deadline_exceeded" };
    const code = reason === "closed" ? "canceled" : "unavailable";
    const why = WHY_UNSENT[reason] ?? "every region is ejected";
    return { error: this.#createError(code, `${this.name} was not sent: ${why}`), code };
  }
}

const WHY_UNSENT: Readonly<Partial<Record<RefusalReason, string>>> = {
  closed: "its Failover is closed",
  undiscovered: "no region is known yet",
};

/** Whether the time limit of the attempt ended it. */
function isTimeout({ origin, code }: Outcome): boolean {
  return origin === "timeout" && code === "deadline_exceeded";
}

function verdictOf({ error, outcome }: Failed): { error: unknown; code: TwirpCode } {
  return { error, code: outcome.code };
}

function timeoutOf(timeout: number | Date | undefined, policy: ResolvedPolicy, clock: Clock): number {
  if (timeout === undefined) return policy.timeoutMs;
  const ms = timeout instanceof Date ? timeout.getTime() - clock.date() : timeout;
  if (typeof ms !== "number" || Number.isNaN(ms)) {
    throw mustBe("the call's timeout", "milliseconds or a valid Date", timeout);
  }
  return Math.max(0, ms);
}

/** What the engine knows of one call while it runs. */
import type { Probing } from "../health/breaker.js";
import type { Visit } from "../health/health.js";
import type { Ending } from "../outcome/outcome.js";
import type { TwirpCode } from "../outcome/twirp-code.js";
import { mayBeReplayed, perAttemptTimeoutMs, type ResolvedPolicy } from "../policy/policy.js";
import type { RefusalReason } from "../policy/refusal.js";
import type { Region } from "../regions/region.js";
import type { Clock } from "../support/clock.js";
import { InvalidOptionError } from "../support/errors.js";
import type { RpcCall } from "./rpc-call.js";
import type { FailedAttempt } from "./trace.js";

const NO_HEADERS = Object.freeze({});

export class Call<T> {
  /** By the clock's `now`. */
  readonly startedAt: number;
  readonly deadline: number;
  readonly perAttemptTimeoutMs: number;
  /** Sent with every attempt: the idempotency key, if the policy asks for one. */
  readonly headers: Readonly<Record<string, string>>;
  /** The attempts so far that failed: all but the one in flight. */
  readonly failed: FailedAttempt[] = [];
  /** Attempts that are their region's fault only if the call succeeds in another. */
  readonly doubtful: { readonly region: Region; readonly visit: Visit }[] = [];
  /** May it be the call that tests an ejected region? Only if a failure would not be its end. */
  readonly #mayProbe: boolean;

  /** @throws InvalidOptionError for a timeout that is none. */
  constructor(
    readonly id: number,
    readonly rpc: RpcCall<T>,
    readonly policy: ResolvedPolicy,
    clock: Clock,
  ) {
    if (rpc.signal !== undefined && typeof rpc.signal.addEventListener !== "function") {
      throw new InvalidOptionError("the call's abort", "an AbortSignal", rpc.signal);
    }
    this.startedAt = clock.now();
    this.#mayProbe = mayBeReplayed(policy);
    const timeoutMs = timeoutOf(rpc.timeout, policy, clock);
    this.deadline = this.startedAt + timeoutMs;
    this.perAttemptTimeoutMs = perAttemptTimeoutMs(policy, timeoutMs);
    this.headers = policy.idempotencyKey === undefined ? NO_HEADERS : { [policy.idempotencyKey]: clock.uuid() };
  }

  /** Only by its first attempt: a replay goes where it is likely to succeed. */
  get probing(): Probing {
    if (this.failed.length > 0) return "never";
    return this.#mayProbe ? "due" : "overdue";
  }

  get aborted(): boolean {
    return this.rpc.signal?.aborted === true;
  }

  get name(): string {
    return `${this.rpc.service}/${this.rpc.method}`;
  }

  /** For how much longer the region asked to be left alone. */
  pushbackLeftMs(region: Region, now: number): number {
    const last = this.failed.findLast((attempt) => attempt.region.url === region.url);
    if (last?.outcome.pushbackMs === undefined) return 0;
    return this.startedAt + last.startedMs + last.elapsedMs + last.outcome.pushbackMs - now;
  }

  /**
   * The error that tells the caller the most, and its code. When the caller left or the deadline passed, that is
   * what it was. Otherwise the error of the latest attempt that may have reached a handler, for it may have left
   * something behind; a region that nothing was sent to says little. Else that of the first.
   */
  verdict(reason: RefusalReason): { error: unknown; code: TwirpCode } {
    const last = this.failed.at(-1);
    if (last?.outcome.origin === "caller") return verdictOf(last);
    // The caller left between two attempts, or before the first.
    if (this.aborted) return { error: this.endingError("canceled"), code: "canceled" };
    const telling = this.failed.findLast(({ outcome }) => outcome.execution !== "none") ?? this.failed[0];
    if (telling) return verdictOf(telling);
    if (reason === "final") return { error: this.endingError("deadline"), code: "deadline_exceeded" };
    const why = reason === "undiscovered" ? "no region is known yet" : "every region is ejected";
    const message = `${this.name} was not sent: ${why}`;
    return { error: this.rpc.createError("unavailable", message), code: "unavailable" };
  }

  /** The error for what no server said: that we ended an attempt, or the call before one. */
  endingError(ending: Ending, regionId?: string): Error {
    const { rpc, policy } = this;
    const what = regionId === undefined ? "could not be sent" : `got no answer from ${regionId}`;
    const message = (ms: number, limit: string) => `${this.name} ${what} within ${Math.round(ms)} ms (${limit})`;
    switch (ending) {
      case "canceled":
        return rpc.createError("canceled", `${this.name} was aborted by its caller`, rpc.signal?.reason);
      case "deadline":
        return rpc.createError("deadline_exceeded", message(this.deadline - this.startedAt, "the call's timeout"));
      case "timeout":
        return rpc.createError("deadline_exceeded", message(this.perAttemptTimeoutMs, "perAttemptTimeoutMs"));
      case "connect_timeout": {
        const told = `${this.name} got no connection to ${regionId} within ${policy.connectTimeoutMs} ms (connectTimeoutMs)`;
        return rpc.createError("unavailable", told);
      }
    }
  }
}

function verdictOf({ error, outcome }: FailedAttempt): { error: unknown; code: TwirpCode } {
  return { error, code: outcome.code };
}

function timeoutOf(timeout: number | Date | undefined, policy: ResolvedPolicy, clock: Clock): number {
  if (timeout === undefined) return policy.timeoutMs;
  const ms = timeout instanceof Date ? timeout.getTime() - clock.date() : timeout;
  if (typeof ms !== "number" || Number.isNaN(ms)) {
    throw new InvalidOptionError("the call's timeout", "milliseconds or a valid Date", timeout);
  }
  return Math.max(0, ms);
}

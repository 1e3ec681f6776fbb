/** What the engine knows of one call while it runs. */
import type { Clock } from "./clock.js";
import { InvalidOptionError } from "./errors.js";
import { type Outcome, outcomeOfEnding } from "./outcome.js";
import { perAttemptTimeoutMs, type ResolvedPolicy } from "./policy.js";
import type { Region } from "./regions.js";
import type { RpcCall } from "./rpc-call.js";
import type { FailedAttempt } from "./trace.js";
import type { TwirpCode } from "./twirp-code.js";

export class Call<T> {
  /** By the clock's `now`. */
  readonly startedAt: number;
  readonly deadline: number;
  readonly perAttemptTimeoutMs: number;
  /** The attempts so far that failed: all but the one in flight. */
  readonly failed: FailedAttempt[] = [];

  /** @throws InvalidOptionError for a timeout that is none. */
  constructor(
    readonly id: number,
    readonly rpc: RpcCall<T>,
    readonly policy: ResolvedPolicy,
    clock: Clock,
  ) {
    this.startedAt = clock.now();
    const timeoutMs = timeoutOf(rpc.timeout, policy, clock);
    this.deadline = this.startedAt + timeoutMs;
    this.perAttemptTimeoutMs = perAttemptTimeoutMs(policy, timeoutMs);
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
  verdict(): { error: unknown; code: TwirpCode } {
    const { failed, aborted } = this;
    const last = failed.at(-1);
    const telling =
      last?.outcome.origin === "caller" || aborted
        ? last
        : (failed.findLast(({ outcome }) => outcome.execution !== "none") ?? failed[0]);
    if (telling !== undefined && (!aborted || telling.outcome.origin === "caller")) {
      return { error: telling.error, code: telling.outcome.code };
    }
    // It ended between two attempts, or before the first.
    const outcome = outcomeOfEnding(aborted ? "canceled" : "deadline");
    return { error: this.errorOf(outcome, "could not be sent"), code: outcome.code };
  }

  /** The error for what no server said. */
  errorOf(outcome: Outcome, what: string): Error {
    const { rpc } = this;
    if (outcome.code === "canceled") {
      return rpc.createError("canceled", `${this.name} was aborted by its caller`, rpc.signal?.reason);
    }
    const [limitMs, option] =
      outcome.origin === "timeout"
        ? [this.perAttemptTimeoutMs, "perAttemptTimeoutMs"]
        : [this.deadline - this.startedAt, "the call's timeout"];
    return rpc.createError(outcome.code, `${this.name} ${what} within ${Math.round(limitMs)} ms (${option})`);
  }
}

function timeoutOf(timeout: number | Date | undefined, policy: ResolvedPolicy, clock: Clock): number {
  if (timeout === undefined) return policy.timeoutMs;
  const ms = timeout instanceof Date ? timeout.getTime() - clock.date() : timeout;
  if (typeof ms !== "number" || Number.isNaN(ms)) {
    throw new InvalidOptionError("the call's timeout", "milliseconds or a valid Date", timeout);
  }
  return Math.max(0, ms);
}

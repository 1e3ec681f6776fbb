/** Tells the listeners what happens to a call. Nothing is built for an event that nobody listens to. */

import type { Emitter } from "../events/emitter.js";
import type { Outcome } from "../outcome/outcome.js";
import type { TwirpCode } from "../outcome/twirp-code.js";
import type { RefusalReason } from "../policy/refusal.js";
import type { Region } from "../regions/region.js";
import type { Clock } from "../support/clock.js";
import type { Attempt } from "./attempt.js";
import type { Call } from "./call-state.js";
import type { FailedAttempt } from "./trace.js";

type AnyCall = Call<unknown>;

export class Report {
  constructor(
    private readonly events: Emitter,
    private readonly clock: Clock,
  ) {}

  /** To be told before the attempt joins those that failed. */
  attempt(call: AnyCall, attempt: Attempt<unknown>): void {
    if (!this.events.wants("attempt")) return;
    const { region, elapsedMs } = attempt;
    const about = {
      type: "attempt" as const,
      ...this.#scope(call),
      region: region.id,
      attempt: call.failed.length + 1,
      elapsedMs,
    };
    this.events.emit(attempt.ok ? { ...about, ok: true } : { ...about, ok: false, ...factsOf(attempt.outcome) });
  }

  /** A replay starts. */
  replay(call: AnyCall, last: FailedAttempt, to: Region): void {
    const again = call.failed.some(({ region }) => region.url === to.url);
    const replayed = {
      ...this.#scope(call),
      ...factsOf(last.outcome),
      from: last.region.id,
      to: to.id,
      attempt: call.failed.length,
      elapsedMs: last.elapsedMs,
      backoffMs: this.clock.now() - call.startedAt - last.startedMs - last.elapsedMs,
    };
    this.events.emit(again ? { type: "retry", ...replayed } : { type: "failover", ...replayed });
  }

  /** There will be no replay, though it was not the handler's own answer that ended the call. */
  refused(call: AnyCall, last: FailedAttempt, reason: RefusalReason): void {
    if (reason === "final") return;
    this.events.emit({
      type: "replay_refused",
      ...this.#scope(call),
      ...factsOf(last.outcome),
      region: last.region.id,
      attempt: call.failed.length,
      reason,
    });
  }

  succeeded(call: AnyCall, region: Region): void {
    if (this.events.wants("call")) this.#ended(call, { ok: true, attempts: call.failed.length + 1, region: region.id });
  }

  failed(call: AnyCall, code: TwirpCode): void {
    const last = call.failed.at(-1);
    this.#ended(call, { ok: false, code, attempts: call.failed.length, ...(last && { region: last.region.id }) });
  }

  #ended(call: AnyCall, facts: { ok: boolean; code?: TwirpCode; attempts: number; region?: string }): void {
    const elapsedMs = this.clock.now() - call.startedAt;
    this.events.emit({ type: "call", ...this.#scope(call), ...facts, elapsedMs });
  }

  #scope(call: AnyCall) {
    return { callId: call.id, service: call.rpc.service, method: call.rpc.method, at: this.clock.date() };
  }
}

function factsOf({ code, origin, execution, httpStatus, cause }: Outcome) {
  return {
    code,
    origin,
    execution,
    ...(httpStatus !== undefined && { httpStatus }),
    ...(cause !== undefined && { cause }),
  };
}

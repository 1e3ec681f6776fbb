/** Reports what happens to a call. The events of the healthy path are not built if nobody listens. */
import type { Emitter } from "../events/emitter.js";
import type { Outcome } from "../outcome/outcome.js";
import type { TwirpCode } from "../outcome/twirp-code.js";
import type { RefusalReason } from "../policy/refusal.js";
import type { Region } from "../regions/region.js";
import type { Clock } from "../support/clock.js";
import type { Attempt, Failed, Succeeded } from "./attempt.js";
import type { CallState } from "./call-state.js";

type AnyCall = CallState<unknown>;

/** Reasons that say nothing about replays: the call was simply over. */
const PLAIN_ENDINGS: ReadonlySet<RefusalReason> = new Set(["answered", "unsendable", "aborted"]);

export class Reporter {
  constructor(
    private readonly events: Emitter,
    private readonly clock: Clock,
  ) {}

  attempt(call: AnyCall, attempt: Attempt<unknown>): void {
    if (!this.events.wants("attempt")) return;
    const { region, number, elapsedMs } = attempt;
    const about = { type: "attempt" as const, ...this.#scope(call), region: region.id, attempt: number, elapsedMs };
    this.events.emit(attempt.ok ? { ...about, ok: true } : { ...about, ok: false, ...factsOf(attempt.outcome) });
  }

  /** A replay starts in region `to`. */
  replay(call: AnyCall, last: Failed, to: Region): void {
    const again = call.failed.some(({ region }) => region.url === to.url);
    const replayed = {
      ...this.#scope(call),
      ...factsOf(last.outcome),
      from: last.region.id,
      to: to.id,
      attempt: last.number,
      elapsedMs: last.elapsedMs,
      backoffMs: this.clock.now() - call.startedAt - last.startedMs - last.elapsedMs,
    };
    this.events.emit(again ? { type: "retry", ...replayed } : { type: "failover", ...replayed });
  }

  /** The call will not be replayed. */
  refused(call: AnyCall, last: Failed, reason: RefusalReason): void {
    if (PLAIN_ENDINGS.has(reason)) return;
    this.events.emit({
      type: "replay_refused",
      ...this.#scope(call),
      ...factsOf(last.outcome),
      region: last.region.id,
      attempt: last.number,
      reason,
    });
  }

  succeeded(call: AnyCall, { region, number }: Succeeded<unknown>): void {
    if (!this.events.wants("call")) return;
    this.events.emit({ type: "call", ...this.#ended(call), ok: true, attempts: number, region: region.id });
  }

  failed(call: AnyCall, code: TwirpCode): void {
    const last = call.failed.at(-1);
    const where = last && { region: last.region.id };
    this.events.emit({ type: "call", ...this.#ended(call), ok: false, code, attempts: call.failed.length, ...where });
  }

  #ended(call: AnyCall) {
    return { ...this.#scope(call), elapsedMs: this.clock.now() - call.startedAt };
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

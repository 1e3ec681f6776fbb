import type { SendRecord } from "../outcome/transmission.js";
import { type Clock, MAX_TIMER_MS, type Timer } from "../support/clock.js";

/** A timer that is later than this was held up by a stall of the event loop. */
const STALL_MS = 100;

export interface AttemptLimits {
  readonly startedAt: number;
  /** The time limit of the attempt, in milliseconds. */
  readonly timeoutMs: number;
  /** How long its request may wait for a connection, in milliseconds. */
  readonly connectTimeoutMs: number;
  /** The end of the call, by the clock's `now`. */
  readonly deadline: number;
}

/** What is timed. */
export interface TimedAttempt {
  /** Whether to keep to its time limit, asked once that is reached. If not, it may go on to the end of the call. */
  keepsLimit(): boolean;
  endBy(ending: "deadline" | "timeout" | "connect_timeout"): void;
}

/**
 * Ends one attempt in time: at the call's deadline, at its own time limit, or when its request has waited too long for a
 * connection. It holds one platform timer at a time; while the request has no connection, the timer comes back to look.
 */
export class AttemptTimer {
  #endsAt: number;
  #timer: Timer;
  #dueAt = 0;
  #mayYield = true;

  constructor(
    private readonly limits: AttemptLimits,
    private readonly transmission: SendRecord,
    private readonly clock: Clock,
    private readonly attempt: TimedAttempt,
  ) {
    this.#endsAt = Math.min(limits.deadline, limits.startedAt + limits.timeoutMs);
    this.#timer = this.#arm(limits.startedAt);
  }

  stop(): void {
    this.clock.clearTimeout(this.#timer);
  }

  #arm(now: number): Timer {
    const { transmission } = this;
    const leftMs = Math.min(this.#endsAt - now, MAX_TIMER_MS);
    const started = transmission.observed && !transmission.unsent;
    const connectMs = this.limits.connectTimeoutMs - transmission.waitedMs(now);
    const delayMs = Math.max(0, started ? leftMs : Math.min(leftMs, connectMs));
    this.#dueAt = now + delayMs;
    return this.clock.setTimeout(this.#onTimer, delayMs);
  }

  readonly #onTimer = (): void => {
    const { limits, transmission, clock, attempt } = this;
    // After a stall of the event loop timers run before sockets. Let the sockets deliver what they have, once; past the
    // deadline too, because an answer that is there has arrived in time. But nothing may be sent that late.
    const mayHaveAnswer = clock.now() < limits.deadline || !(transmission.unsent || transmission.preparing);
    if (this.#mayYield && clock.now() - this.#dueAt > STALL_MS && mayHaveAnswer) {
      this.#mayYield = false;
      this.#timer = clock.setTimeout(this.#onTimer, 0);
      return;
    }
    // A timer may fire a moment early, and in tests it may fire while the clock stands still.
    const now = Math.max(clock.now(), this.#dueAt);
    if (now >= this.#endsAt && now < limits.deadline && !attempt.keepsLimit()) this.#endsAt = limits.deadline;
    if (now >= this.#endsAt) attempt.endBy(this.#endsAt === limits.deadline ? "deadline" : "timeout");
    else if (transmission.waitedMs(now) >= limits.connectTimeoutMs) attempt.endBy("connect_timeout");
    else this.#timer = this.#arm(now);
  };
}

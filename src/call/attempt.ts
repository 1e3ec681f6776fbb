/** One request to one region: sent, timed, and judged. */

import { type Health, isDoubtful } from "../health/health.js";
import { type Ending, type Outcome, outcomeOfAnswer, outcomeOfEnding } from "../outcome/outcome.js";
import { Transmission } from "../outcome/transmission.js";
import type { Answer } from "../outcome/wire-failure.js";
import type { Region } from "../regions/region.js";
import { onAbort } from "../support/abort.js";
import { type Clock, MAX_TIMER_MS } from "../support/clock.js";
import type { Call } from "./call-state.js";
import type { RpcCall } from "./rpc-call.js";
import type { FailedAttempt } from "./trace.js";

export interface Succeeded<T> {
  readonly ok: true;
  readonly region: Region;
  readonly value: T;
  readonly elapsedMs: number;
}

export interface AttemptParts {
  readonly clock: Clock;
  readonly health: Health;
  /** Told of what was ignored in an answer. */
  readonly warn: (message: string) => void;
}

export type Attempt<T> = Succeeded<T> | FailedAttempt;

/**
 * Makes an attempt. Never rejects. When it settles, its timer and its listener are gone, and whatever the
 * transport still says is ignored: the caller does not wait for a transport to notice an abort.
 *
 * Why it failed is judged in this order: the caller left, our timer fired, the error itself. An abort and a
 * timeout look alike in the transport's error, so they are known here, not read from there.
 */
export function makeAttempt<T>(call: Call<T>, region: Region, parts: AttemptParts): Promise<Attempt<T>> {
  const { rpc, policy } = call;
  const { clock, health, warn } = parts;
  return new Promise((resolve) => {
    const startedAt = clock.now();
    const endsAt = Math.min(call.deadline, startedAt + call.perAttemptTimeoutMs);
    const controller = new AbortController();
    const transmission = new Transmission(clock);
    const visit = health.visit(region, call.probing, startedAt);
    let settled = false;

    const settle = (outcome?: Outcome): number => {
      const now = clock.now();
      settled = true;
      transmission.end();
      clock.clearTimeout(timer);
      forget();
      visit.end(outcome, now);
      return now - startedAt;
    };
    const fail = (outcome: Outcome, error: unknown) => {
      if (settled) return; // The caller left while the error was looked at.
      const elapsedMs = settle(outcome);
      if (isDoubtful(outcome)) call.doubtful.push({ region, visit });
      resolve({ ok: false, region, outcome, error, startedMs: startedAt - call.startedAt, elapsedMs });
      // Judged first: from then on the transport may say anything. Also after an error, for an interceptor below may
      // have given up on a request that lives on.
      controller.abort();
    };
    const failWith = (answer: Answer, error: unknown) => {
      const { notExecutedCodes } = policy;
      fail(outcomeOfAnswer(answer, { transmission, notExecutedCodes, dateMs: clock.date(), warn }), error);
    };
    const end = (ending: Ending) => {
      const asked = transmission.preparing ? undefined : region.id;
      fail(outcomeOfEnding(ending, transmission), call.endingError(ending, asked));
    };

    // One timer at a time: while the request has no connection, it comes back to look whether it waited too long.
    let dueAt: number;
    let letSpeak = true;
    const onTimer = () => {
      // After a stall of the event loop, timers come before what the sockets have to say. Let them say it, once.
      if (letSpeak && clock.now() - dueAt > STALL_MS && clock.now() < call.deadline) {
        letSpeak = false;
        timer = clock.setTimeout(onTimer, 0);
        return;
      }
      // A timer may come a moment early, or be one that a test moves while the clock stands.
      const now = Math.max(clock.now(), dueAt);
      if (now >= endsAt) end(endsAt === call.deadline ? "deadline" : "timeout");
      else if (transmission.waitedMs(now) >= policy.connectTimeoutMs) end("connect_timeout");
      else timer = arm(now);
    };
    const arm = (now: number) => {
      const leftMs = Math.min(endsAt - now, MAX_TIMER_MS);
      const started = transmission.observed && !transmission.unsent;
      const lookMs = started ? leftMs : Math.min(leftMs, policy.connectTimeoutMs - transmission.waitedMs(now));
      const delayMs = Math.max(0, lookMs);
      dueAt = now + delayMs;
      return clock.setTimeout(onTimer, delayMs);
    };
    let timer = arm(startedAt);
    const forget = onAbort(rpc.signal, () => end("canceled"));
    if (call.aborted) return end("canceled"); // By a listener, just now.

    try {
      rpc.send({ region, signal: controller.signal, headers: call.headers, transmission }).then(
        (value) => {
          if (!settled) resolve({ ok: true, region, value, elapsedMs: settle() });
        },
        (error: unknown) => {
          if (!settled) failWith(inspect(rpc, error), error);
        },
      );
    } catch (error) {
      failWith({ kind: "unsendable" }, error);
    }
  });
}

/** A timer that is so late was held up by something that held up all else, too. */
const STALL_MS = 100;

/** An adapter that cannot read its own error must not leave the call hanging. Without an answer nothing is assumed. */
function inspect<T>(rpc: RpcCall<T>, error: unknown): Answer {
  try {
    return rpc.inspect(error);
  } catch {
    return { kind: "none" };
  }
}

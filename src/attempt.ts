/** One request to one region: sent, timed, and judged. */
import type { Call } from "./call.js";
import { type Clock, MAX_TIMER_MS } from "./clock.js";
import { type Ending, type Outcome, outcomeOfAnswer, outcomeOfEnding } from "./outcome.js";
import type { Region } from "./regions.js";
import type { FailedAttempt } from "./trace.js";

export interface Succeeded<T> {
  readonly ok: true;
  readonly region: Region;
  readonly value: T;
  readonly elapsedMs: number;
}

export type Attempt<T> = Succeeded<T> | FailedAttempt;

/**
 * Makes an attempt. Never rejects. When it settles, its timer and its listener are gone, and whatever the
 * transport still says is ignored: the caller does not wait for a transport to notice an abort.
 *
 * Why it failed is judged in this order: the caller left, our timer fired, the error itself. An abort and a
 * timeout look alike in the transport's error, so they are known here, not read from there.
 */
export function makeAttempt<T>(call: Call<T>, region: Region, clock: Clock): Promise<Attempt<T>> {
  const { rpc, policy } = call;
  return new Promise((resolve) => {
    const startedAt = clock.now();
    const leftMs = call.deadline - startedAt;
    const controller = new AbortController();
    let settled = false;

    const settle = (attempt: Attempt<T>) => {
      settled = true;
      clock.clearTimeout(timer);
      rpc.signal?.removeEventListener("abort", onAbort);
      resolve(attempt);
    };
    const fail = (outcome: Outcome, error: unknown) => {
      const elapsedMs = clock.now() - startedAt;
      settle({ ok: false, region, outcome, error, startedMs: startedAt - call.startedAt, elapsedMs });
    };
    const end = (ending: Ending) => {
      const outcome = outcomeOfEnding(ending);
      fail(outcome, call.errorOf(outcome, `got no answer from ${region.id}`));
      controller.abort();
    };
    const onAbort = () => end("canceled");
    const onTimer = () => end(leftMs <= call.perAttemptTimeoutMs ? "deadline" : "timeout");
    const timer = clock.setTimeout(onTimer, Math.min(leftMs, call.perAttemptTimeoutMs, MAX_TIMER_MS));
    rpc.signal?.addEventListener("abort", onAbort);

    try {
      rpc.send(region, controller.signal).then(
        (value) => {
          if (!settled) settle({ ok: true, region, value, elapsedMs: clock.now() - startedAt });
        },
        (error: unknown) => {
          if (!settled) fail(outcomeOfAnswer(rpc.inspect(error), policy.notExecutedCodes, clock.date()), error);
        },
      );
    } catch (error) {
      fail(outcomeOfAnswer({ kind: "unsendable" }, policy.notExecutedCodes, clock.date()), error);
    }
  });
}

/** Events and traces as lines for people. */
import { describeEvent, failureOf, ms, nameOf } from "../events/describe.js";
import type { FailoverEvent } from "../events/events.js";
import { oneLine } from "../support/one-line.js";
import type { FailoverTrace } from "./trace.js";

/**
 * One event as one line, without its time:
 * `livekit.Egress/StartRoomCompositeEgress failed over us-east → eu-west (unavailable: ECONNREFUSED, attempt 1, 12 ms)`.
 *
 * A trace as one line, too, so that `describe(failoverTrace(error))` tells what is behind an error:
 * `livekit.Egress/StopEgress failed in us-east (unavailable: HTTP 503, 8 ms); not replayed: not_idempotent`.
 *
 * The line has no control or format characters, whatever servers and names put into it, and at most 2 000 characters.
 */
export function describe(told: FailoverEvent | FailoverTrace | undefined): string {
  if (told === undefined) return "not the error of a call";
  return oneLine("type" in told ? describeEvent(told) : describeTrace(told));
}

function describeTrace(trace: FailoverTrace): string {
  const { attempts, refused } = trace;
  if (attempts.length === 0) return `${nameOf(trace)} failed before any attempt: ${refused}`;
  const failures = attempts.map(
    ({ region, outcome, elapsedMs }) => `in ${region.id} (${failureOf(outcome)}, ${ms(elapsedMs)})`,
  );
  return `${nameOf(trace)} failed ${failures.join(", ")}; not replayed: ${refused}`;
}

/** Events as lines for people. */
import type { FailoverEvent } from "./events.js";

/**
 * One event as one line, without its time:
 * `livekit.Egress/StartRoomCompositeEgress failed over us-east → eu-west (unavailable, attempt 1, 12 ms)`.
 */
export function describe(event: FailoverEvent): string {
  switch (event.type) {
    case "attempt": {
      const result = event.ok ? "succeeded" : `failed: ${event.code} (${event.origin}, execution ${event.execution})`;
      return `${nameOf(event)} attempt ${event.attempt} in ${event.region} ${result}, ${ms(event.elapsedMs)}`;
    }
    case "failover":
      return `${nameOf(event)} failed over ${event.from} → ${event.to} (${event.code}, attempt ${event.attempt}, ${ms(event.elapsedMs)})`;
    case "retry":
      return `${nameOf(event)} retried in ${event.to} (${event.code}, attempt ${event.attempt}, ${ms(event.elapsedMs)})`;
    case "replay_refused":
      return `${nameOf(event)} not replayed: ${event.reason} (${event.code} in ${event.region}, attempt ${event.attempt}, execution ${event.execution})`;
    case "call": {
      const result = event.ok ? "succeeded" : `failed: ${event.code}`;
      const where = event.region === undefined ? "before any attempt" : `after ${attempts(event.attempts)}`;
      return `${nameOf(event)} ${result} ${where}, ${ms(event.elapsedMs)}`;
    }
    case "region_ejected":
      return `region ${event.region} ejected for ${ms(event.untilMs - event.at)} (${event.reason}${relapse(event.consecutive)})`;
    case "region_probe":
      return `region ${event.region} is being tested`;
    case "region_readmitted":
      return `region ${event.region} is back`;
    case "regions_changed":
      return `regions are now ${event.regions.join(", ")}`;
    case "discovery_failed":
      return `no region list from ${event.source}: ${event.reason}`;
    case "warning":
      return `warning: ${event.message}`;
  }
}

function nameOf(event: { service: string; method: string }): string {
  return `${event.service}/${event.method}`;
}

function ms(duration: number): string {
  return `${Math.round(duration)} ms`;
}

/** Only from the second time on: "1 in a row" would read as one failure. */
function relapse(consecutive: number): string {
  return consecutive > 1 ? `, ejected ${consecutive} times in a row` : "";
}

function attempts(count: number): string {
  return count === 1 ? "1 attempt" : `${count} attempts`;
}

/** Events as lines for people. Their texts are as they came: `describe` makes them fit for a log. */
import type { FailoverEvent, FailureFacts } from "./events.js";

export function describeEvent(event: FailoverEvent): string {
  switch (event.type) {
    case "attempt": {
      const result = event.ok ? "succeeded" : `failed: ${event.code} (${detailsOf(event)})`;
      return `${nameOf(event)} attempt ${event.attempt} in ${event.region} ${result}, ${ms(event.elapsedMs)}`;
    }
    case "failover":
      return `${nameOf(event)} failed over ${event.from} → ${event.to} (${failureOf(event)}, attempt ${event.attempt}, ${ms(event.elapsedMs)})`;
    case "retry":
      return `${nameOf(event)} retried in ${event.to} (${failureOf(event)}, attempt ${event.attempt}, ${ms(event.elapsedMs)})`;
    case "replay_refused":
      return `${nameOf(event)} not replayed: ${event.reason} (${failureOf(event)} in ${event.region}, attempt ${event.attempt}, execution ${event.execution})`;
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

/** The code, and what is known below it: `unavailable: ECONNREFUSED`, `unavailable: HTTP 503`, or `unavailable` alone. */
export function failureOf(facts: Pick<FailureFacts, "code" | "cause" | "httpStatus">): string {
  const cause = causeOf(facts);
  return cause === undefined ? facts.code : `${facts.code}: ${cause}`;
}

function causeOf({ cause, httpStatus }: Pick<FailureFacts, "cause" | "httpStatus">): string | undefined {
  return cause ?? (httpStatus === undefined ? undefined : `HTTP ${httpStatus}`);
}

function detailsOf(facts: FailureFacts): string {
  const cause = causeOf(facts);
  return `${cause === undefined ? "" : `${cause}, `}${facts.origin}, execution ${facts.execution}`;
}

export function nameOf({ service, method }: { readonly service: string; readonly method: string }): string {
  return `${service}/${method}`;
}

export function ms(duration: number): string {
  return `${Math.round(duration)} ms`;
}

/** Only from the second time on: "1 in a row" would read as one failure. */
function relapse(consecutive: number): string {
  return consecutive > 1 ? `, ejected ${consecutive} times in a row` : "";
}

function attempts(count: number): string {
  return count === 1 ? "1 attempt" : `${count} attempts`;
}

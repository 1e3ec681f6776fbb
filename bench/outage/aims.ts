/** What we claim, held against what was measured. */
import { ATTEMPT_TIMEOUT_MS } from "./client.js";
import { CALLERS } from "./load.js";
import { percentile } from "./percentile.js";
import type { Result } from "./trial.js";

export interface Aim {
  readonly title: string;
  readonly checks: readonly Check[];
}

export interface Check {
  readonly what: string;
  readonly measured: string;
  readonly verdict: "met" | "missed" | "not due";
  /** A time, which a busy machine can spoil. */
  readonly timed?: true;
}

const SLOWDOWN = 1.1;
const ATTEMPTS_IN_TOTAL_OUTAGE = 1.2;
/** A call that took so much of an attempt's limit was one that waited for it. */
const WAITED_MS = 0.9 * ATTEMPT_TIMEOUT_MS;
/** What may come on top of it: the backoff, a healthy call, and a busy machine. */
const AFTERWARDS_MS = 500;

export function aimsOf(results: readonly Result[]): Aim[] {
  const ours = results.filter(({ entry }) => entry.contender.ours);
  const somewhere = ours.filter(({ scenario }) => !isDown(scenario.modes));
  const known = somewhere.filter(({ entry }) => !entry.lost);
  const nowhere = ours.filter(({ scenario }) => isDown(scenario.modes));
  const hanging = ours.filter(({ scenario }) => scenario.modes.includes("hangs"));
  return [
    { title: "every call succeeds as long as a healthy region is known", checks: somewhere.map(successOf) },
    { title: `after 10 calls, p50 is at most ${SLOWDOWN} × that of a healthy fleet`, checks: known.flatMap(paceOf) },
    { title: "a home that hangs costs each caller one attempt's limit, once", checks: hanging.map(hangOf) },
    {
      title: `when all are down, at most ${ATTEMPTS_IN_TOTAL_OUTAGE} attempts per call`,
      checks: nowhere.map(loadOf),
    },
    { title: "the events tell the attempts that were made, and servers got no others", checks: ours.map(recordOf) },
  ];
}

function isDown(modes: Result["scenario"]["modes"]): boolean {
  return modes.every((mode) => mode === "refuses" || mode === "unavailable" || mode === "hangs");
}

function nameOf({ scenario, entry }: Result): string {
  return `${entry.contender.name}: ${scenario.name}`;
}

function verdictOf(met: boolean): Check["verdict"] {
  return met ? "met" : "missed";
}

function successOf(result: Result): Check {
  const { samples, entry } = result;
  const succeeded = samples.filter(({ ok }) => ok).length;
  const measured = `${succeeded} of ${samples.length}`;
  if (entry.lost)
    return { what: nameOf(result), measured: `${measured}: knows no region but home`, verdict: "not due" };
  return { what: nameOf(result), measured, verdict: verdictOf(succeeded === samples.length) };
}

function paceOf(result: Result): Check[] {
  if (result.pace === undefined) return [];
  const { inOutage, healthy } = result.pace;
  const measured = `${inOutage.toFixed(2)} ms, healthy ${healthy.toFixed(2)} ms: ${(inOutage / healthy).toFixed(2)} ×`;
  return [{ what: nameOf(result), measured, verdict: verdictOf(inOutage <= SLOWDOWN * healthy), timed: true }];
}

function hangOf(result: Result): Check {
  const waited = result.samples.filter(({ ms }) => ms >= WAITED_MS);
  const longest = percentile(
    result.samples.map(({ ms }) => ms),
    1,
  );
  return {
    what: nameOf(result),
    measured: `${waited.length} calls of ${CALLERS} callers waited, ${Math.round(longest)} ms at most`,
    verdict: verdictOf(waited.length <= CALLERS && longest <= ATTEMPT_TIMEOUT_MS + AFTERWARDS_MS),
    timed: true,
  };
}

function loadOf(result: Result): Check {
  const perCall = result.attempts / result.samples.length;
  return {
    what: nameOf(result),
    measured: `${perCall.toFixed(3)} over ${result.samples.length} calls`,
    verdict: verdictOf(perCall <= ATTEMPTS_IN_TOTAL_OUTAGE),
  };
}

function recordOf(result: Result): Check {
  const { told, attempts, received, scenario } = result;
  // What was sent to a closed port was made, and told of, but not received.
  const complete = scenario.modes.includes("refuses") ? received <= attempts : received === attempts;
  return {
    what: nameOf(result),
    measured: `told ${told}, made ${attempts}, received ${received}`,
    verdict: verdictOf(told === attempts && complete),
  };
}

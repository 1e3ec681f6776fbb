/** Our claims, compared with the measurements. */
import { ATTEMPT_TIMEOUT_MS } from "./client.js";
import { CALLERS } from "./load.js";
import { percentile } from "./percentile.js";
import { labelOf } from "./scenario.js";
import type { Result } from "./trial.js";

export interface Aim {
  readonly title: string;
  readonly checks: readonly Check[];
}

export interface Check {
  readonly what: string;
  readonly measured: string;
  readonly verdict: "met" | "missed";
  /** The claim is about a time, which a busy machine can change. */
  readonly timed?: true;
}

const REFRESH_AT = 0.8;
const FIRST_BACKOFF_MS = 3_000;
const LONGEST_BACKOFF_MS = 30_000;
const SLOWDOWN = 1.1;
const ATTEMPTS_IN_TOTAL_OUTAGE = 1.2;
/** A call that took at least this long waited for an attempt's limit. */
const WAITED_MS = 0.9 * ATTEMPT_TIMEOUT_MS;
/** The additional time allowed after it for the backoff, a healthy call and a busy machine. */
const AFTERWARDS_MS = 500;

export function aimsOf(results: readonly Result[]): Aim[] {
  const ours = results.filter(({ entry }) => entry.contender.ours);
  const somewhere = ours.filter(({ scenario }) => !isDown(scenario.modes));
  const known = somewhere.filter(({ entry }) => !entry.lost);
  const lost = ours.filter(({ entry }) => entry.lost);
  const outlived = ours.filter(({ scenario }) => scenario.list !== undefined);
  const nowhere = ours.filter(({ scenario }) => isDown(scenario.modes));
  const hanging = ours.filter(({ scenario }) => scenario.modes.includes("hangs"));
  return [
    { title: "every call succeeds as long as a healthy region is known", checks: known.map(successOf) },
    { title: `after 10 calls, p50 is at most ${SLOWDOWN} × that of a healthy fleet`, checks: known.flatMap(paceOf) },
    { title: "a home that hangs costs each caller one attempt's limit, once", checks: hanging.map(hangOf) },
    {
      title: "if only home is known and it is down, a list is requested once per backoff",
      checks: lost.map(lostOf),
    },
    {
      title: `a list is requested once per ${REFRESH_AT * 100} % of its lifetime, and from another region if home is down`,
      checks: outlived.map(refreshOf),
    },
    {
      title: `when all are down, at most ${ATTEMPTS_IN_TOTAL_OUTAGE} attempts per call`,
      checks: nowhere.map(loadOf),
    },
    {
      title: "the events report exactly the attempts that were made, and servers got no others",
      checks: ours.map(recordOf),
    },
  ];
}

function isDown(modes: Result["scenario"]["modes"]): boolean {
  return modes.every((mode) => mode === "refuses" || mode === "unavailable" || mode === "hangs");
}

function nameOf({ scenario, entry }: Result): string {
  return `${labelOf(entry)}: ${scenario.name}`;
}

function verdictOf(met: boolean): Check["verdict"] {
  return met ? "met" : "missed";
}

function successOf(result: Result): Check {
  const succeeded = succeededOf(result);
  const measured = `${succeeded} of ${result.samples.length}`;
  return { what: nameOf(result), measured, verdict: verdictOf(succeeded === result.samples.length) };
}

const succeededOf = ({ samples }: Result): number => samples.filter(({ ok }) => ok).length;

/** No call can succeed, and each of them needs another region. */
function lostOf(result: Result): Check {
  const { samples, discoveries, elapsedMs } = result;
  let most = 1;
  for (let ms = FIRST_BACKOFF_MS, at = ms; at <= elapsedMs; at += ms) {
    most++;
    ms = Math.min(2 * ms, LONGEST_BACKOFF_MS);
  }
  const measured = `${succeededOf(result)} of ${samples.length} calls, ${discoveries} requests, ${most} at most`;
  return { what: nameOf(result), measured, verdict: verdictOf(discoveries >= 1 && discoveries <= most) };
}

function refreshOf(result: Result): Check {
  const { scenario, discoveries, elapsedMs, samples } = result;
  const everyMs = REFRESH_AT * 1_000 * (scenario.list?.maxAgeSeconds ?? 0);
  const times = 1 + Math.floor(elapsedMs / everyMs);
  // A home that is down is still asked, and then another region.
  const most = scenario.modes[0] === "healthy" ? times : 2 * times - 1;
  const measured = `${discoveries} requests in ${(elapsedMs / 1_000).toFixed(1)} s and ${samples.length} calls, ${most} at most`;
  return { what: nameOf(result), measured, verdict: verdictOf(discoveries >= 2 && discoveries <= most) };
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
  const { reported, attempts, received, scenario } = result;
  // An attempt to a closed port was made and reported, but not received.
  const complete = scenario.modes.includes("refuses") ? received <= attempts : received === attempts;
  return {
    what: nameOf(result),
    measured: `reported ${reported}, made ${attempts}, received ${received}`,
    verdict: verdictOf(reported === attempts && complete),
  };
}

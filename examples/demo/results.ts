/** The calls of a run by phase and kind, compared with what the servers executed. */
import type { Ledger } from "./ledger.js";
import type { CallRecord, Kind } from "./traffic.js";

export const PHASES = ["before", "down", "back"] as const;
export const KINDS: readonly Kind[] = ["reads", "updates", "mutations"];
export type Phase = (typeof PHASES)[number];

/** When the home region was killed, and when it answered again. */
export interface Outage {
  readonly killedMs: number;
  readonly backMs: number;
}

export interface Row {
  readonly phase: Phase;
  readonly kind: Kind;
  readonly calls: readonly CallRecord[];
  readonly succeeded: readonly CallRecord[];
  readonly failed: readonly CallRecord[];
  readonly attempts: number;
  readonly ranMoreThanOnce: number;
  readonly falselyAcknowledged: number;
}

/** A call belongs to the outage if it was under way in any part of it, even the first millisecond. */
export function phaseOf(call: CallRecord, { killedMs, backMs }: Outage): Phase {
  if (call.startedMs >= backMs) return "back";
  return (call.endedMs ?? Infinity) <= killedMs ? "before" : "down";
}

export function rowsOf(calls: readonly CallRecord[], outage: Outage, ledger: Ledger): Row[] {
  return PHASES.flatMap((phase) =>
    KINDS.map((kind) => {
      const own = calls.filter((call) => call.kind === kind && phaseOf(call, outage) === phase);
      return {
        phase,
        kind,
        calls: own,
        succeeded: own.filter(({ error }) => error === undefined),
        failed: own.filter(({ error }) => error !== undefined),
        attempts: own.reduce((sum, { attempts }) => sum + attempts, 0),
        ranMoreThanOnce: own.filter((call) => ledger.ranMoreThanOnce(call)).length,
        falselyAcknowledged: own.filter((call) => ledger.falselyAcknowledged(call)).length,
      };
    }),
  );
}

/** Only for successful calls, because calls that fail at once would make a region that is down look fast. */
export function latencyMs({ succeeded }: Row, quantile: number): number | undefined {
  const sorted = succeeded.map(({ startedMs, endedMs = 0 }) => endedMs - startedMs).sort((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * quantile) - 1];
}

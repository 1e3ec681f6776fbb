/** The claims of the demo. Each is checked against the callers' results and the servers' records. */
import type { Ledger } from "./ledger.js";
import { type Outage, phaseOf, type Row } from "./results.js";
import type { CallRecord } from "./traffic.js";

export interface Claim {
  readonly text: string;
  /** The calls for which it does not hold. */
  readonly counterexamples: readonly string[];
}

/** What must hold in every run. No claim says that all mutations succeed in the outage, because some must fail. */
export function claimsOf(rows: readonly Row[], outage: Outage, ledger: Ledger): Claim[] {
  const calls = rows.flatMap((row) => row.calls);
  const mutations = calls.filter(({ kind }) => kind === "mutations");
  const others = calls.filter(({ kind }) => kind !== "mutations");
  const unharmed = mutations.filter((call) => phaseOf(call, outage) !== "down");
  return [
    claim(`all ${others.length} reads and updates succeeded, in every phase`, others, failed),
    claim(`all ${unharmed.length} mutations outside the outage succeeded`, unharmed, failed),
    claim(`no mutation ran more than once (${mutations.length} calls)`, mutations, (call) =>
      ledger.ranMoreThanOnce(call),
    ),
    claim("no call was acknowledged that had not run", calls, (call) => ledger.falselyAcknowledged(call)),
  ];
}

function claim(text: string, calls: readonly CallRecord[], isCounterexample: (call: CallRecord) => boolean): Claim {
  const counterexamples = calls.filter(isCounterexample).map(({ method, requestId }) => `${method} ${requestId}`);
  return { text, counterexamples };
}

function failed({ error }: CallRecord): boolean {
  return error !== undefined;
}

/** What became, with LiveKit's client, of the mutations that ours gave up. */
import { faultOf } from "./faults.js";
import { countBy, type Ledger } from "./ledger.js";

/** The mutations that ours failed and LiveKit's client reported as done, by what our last request met. */
export interface GapRow {
  readonly fault: string;
  readonly calls: number;
  /** Of these, how many LiveKit's client ran more than once. */
  readonly ranTwice: number;
}

export interface Gap {
  /** How many calls both clients made. */
  readonly shared: number;
  readonly rows: readonly GapRow[];
}

export function gapOf(ours: Ledger, livekit: Ledger): Gap {
  const shared = [...ours.run.results.keys()].filter((id) => livekit.run.results.has(id));
  const gap = shared.filter((id) => !ours.succeeded(id) && livekit.succeeded(id));
  const rows = countBy(gap, (id) => faultMet(ours, id)).map(([fault, calls]) => {
    const ofFault = gap.filter((id) => faultMet(ours, id) === fault);
    return { fault, calls, ranTwice: ofFault.filter((id) => livekit.executions(id) > 1).length };
  });
  return { shared: shared.length, rows };
}

/** The fault behind the error that the caller got. */
function faultMet(ledger: Ledger, id: string): string {
  const region = ledger.failureOf(id)?.region;
  if (region === undefined || !ledger.receivedBy(id).includes(region)) return "connection lost on the way";
  return faultOf(ledger.run.seed, id, region).name;
}

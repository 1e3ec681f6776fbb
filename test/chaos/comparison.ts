/** How the mutations that our client gave up ended with LiveKit's client. */
import { faultOf } from "./faults.js";
import { countBy, type Ledger } from "./ledger.js";

/** The mutations that failed with ours and succeeded with LiveKit's client, by the fault of our last request. */
export interface GapRow {
  readonly fault: string;
  readonly calls: number;
  /** How many of these LiveKit's client ran more than once. */
  readonly ranTwice: number;
}

export interface Gap {
  /** The number of calls that both clients made. */
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

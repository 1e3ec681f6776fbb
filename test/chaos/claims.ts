/** What must hold, according to the regions' records. */
import { CLIENT_NAMES, isOurs } from "./clients.js";
import type { Ledger } from "./ledger.js";

export interface Claim {
  readonly text: string;
  readonly held: boolean;
}

/**
 * The allowed share of failed mutations that no region has received. A request that crosses with the closing of its
 * connection is lost, and its failure looks like that of a request that ran. Node 20 sends even after the close has
 * arrived.
 */
export function lostShareAllowed(nodeVersion = process.versions.node): number {
  return Number.parseInt(nodeVersion, 10) >= 22 ? 0.002 : 0.02;
}

export function claimsOf(ledgers: readonly Ledger[]): Claim[] {
  return ledgers.flatMap((ledger) => {
    const { kind, calls, unhandled } = ledger.run;
    const claims = [
      claim(`all ${calls} calls settled`, ledger.settled === calls, `${calls - ledger.settled} did not`),
      claim("no unhandled rejection", unhandled.length === 0, unhandled.slice(0, 3).map(String).join("; ")),
    ];
    if (isOurs(kind)) claims.push(...ourClaims(ledger));
    if (kind === "livekit") {
      const twice = ledger.executedMoreThanOnce().length;
      claims.push(claim("the faults have an effect: some mutations ran more than once", twice > 0, "none did"));
    }
    const name = CLIENT_NAMES[kind].join(", ");
    return claims.map(({ text, held }) => ({ text: `${name}: ${text}`, held }));
  });
}

/** Whether more failed mutations than allowed reached no region. */
export function lostTooMany(ledger: Ledger): boolean {
  return ledger.failedNeverReceived().length > lostShareAllowed() * ledger.failed().length;
}

function ourClaims(ledger: Ledger): Claim[] {
  const twice = ledger.executedMoreThanOnce();
  const phantom = ledger.acknowledgedNeverExecuted();
  const failed = ledger.failed().length;
  const lost = ledger.failedNeverReceived().length;
  const allowed = lostShareAllowed();
  return [
    claim("no mutation ran more than once", twice.length === 0, listed(twice)),
    claim("nothing was acknowledged that had not run", phantom.length === 0, listed(phantom)),
    claim(
      `of the mutations that failed, at most ${allowed * 100} % reached no region`,
      !lostTooMany(ledger),
      `${lost} of ${failed} did not`,
    ),
  ];
}

function claim(text: string, held: boolean, otherwise: string): Claim {
  return { text: held ? text : `${text}: ${otherwise}`, held };
}

function listed(ids: readonly string[]): string {
  return `${ids.length}, such as ${ids.slice(0, 3).join(", ")}`;
}

/** The end of the output: the table, its explanation, and whether the claims held. */
import type { Claim } from "./claims.js";
import { seconds } from "./event-log.js";
import type { Ledger } from "./ledger.js";
import { latencyMs, type Outage, type Row } from "./results.js";
import type { Terminal } from "./terminal.js";

const COLUMNS = [9, 10, 7, 17, 10, 10, 10, 11, 15] as const;
const LEFT = 2;

export function printTable(terminal: Terminal, rows: readonly Row[]): void {
  terminal.line(cells("", "", "", "", "", "", "attempts", "ran more", "acknowledged,"), "dim");
  terminal.line(cells("", "", "calls", "succeeded", "p50", "p99", "per call", "than once", "never ran"), "dim");
  let phase: string | undefined;
  for (const row of rows) {
    if (phase !== undefined && phase !== row.phase) terminal.line();
    terminal.line(
      cells(
        row.phase === phase ? "" : row.phase,
        row.kind,
        String(row.calls.length),
        `${row.succeeded.length} ${percent(row.succeeded.length, row.calls.length).padStart(9)}`,
        ms(latencyMs(row, 0.5)),
        ms(latencyMs(row, 0.99)),
        row.calls.length === 0 ? "-" : (row.attempts / row.calls.length).toFixed(2),
        String(row.ranMoreThanOnce),
        String(row.falselyAcknowledged),
      ),
    );
    phase = row.phase;
  }
}

export function printLegend(terminal: Terminal, { killedMs, backMs }: Outage): void {
  terminal.prose(
    `"down" includes every call that was under way at any time from ${seconds(killedMs, 1)} to ${seconds(backMs, 1)}. ` +
      "Latencies are those of successful calls. The client and the regions share this machine, so its other work affects " +
      "p99. The last two columns come from the servers' own records.",
    "dim",
  );
}

export function printConclusion(terminal: Terminal, rows: readonly Row[], { killedMs, backMs }: Outage): void {
  const down = rows.filter(({ phase }) => phase === "down");
  const calls = down.flatMap((row) => row.calls).length;
  const succeeded = down.flatMap((row) => row.succeeded).length;
  terminal.prose(
    `For ${seconds(backMs - killedMs, 1)} us-east was down. Of the ${count(calls, "call")} in that time, ` +
      `${succeeded} succeeded, because the client failed over to eu-west.`,
  );
}

/** Explains that failed mutations are not a defect. */
export function printFailedMutations(terminal: Terminal, rows: readonly Row[], outage: Outage, ledger: Ledger): void {
  const failed = rows.filter(({ kind }) => kind === "mutations").flatMap((row) => row.failed);
  if (failed.length === 0) {
    terminal.prose("No mutation failed.");
    return;
  }
  const inFlight = failed.filter(({ startedMs }) => startedMs <= outage.killedMs).length;
  const later = failed.length - inFlight;
  const ran = failed.filter((call) => ledger.failedButRan(call)).length;
  const parts = [
    ...(inFlight > 0 ? [`${inFlight} in flight when us-east was killed`] : []),
    ...(later > 0 ? [`${later} sent to it after that`] : []),
  ];
  terminal.prose(
    `${count(failed.length, "mutation")} failed, as they should: ${parts.join(", ")}. Nothing proved that the server ` +
      "had not run them, so they were not sent again. According to its own record, " +
      (ran === 0
        ? "none of them had run."
        : `${ran} had run, and a replay would have run ${ran === 1 ? "it" : "them"} twice.`),
  );
}

/** Without the middleware nothing is claimed, and the losses are only counted. */
export function printLosses(terminal: Terminal, rows: readonly Row[], ledger: Ledger): void {
  const calls = rows.flatMap((row) => row.calls);
  const lost = rows.flatMap((row) => row.failed);
  const ran = lost.filter((call) => ledger.failedButRan(call)).length;
  const twice = calls.filter((call) => ledger.ranMoreThanOnce(call)).length;
  terminal.prose(
    `Without the middleware, ${lost.length} of ${calls.length} calls were lost (${ran} of them had run); ` +
      `${twice} ran more than once.`,
    "bold",
  );
}

export function printClaims(terminal: Terminal, claims: readonly Claim[]): void {
  for (const { text, counterexamples } of claims) {
    if (counterexamples.length === 0) terminal.line(`✓ ${text}`, "green", 2);
    else terminal.line(`✗ NOT SO: ${text} (not true for ${listed(counterexamples)})`, "red", 2);
  }
}

export function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}

/** Never rounded up to 100 %. */
function percent(part: number, whole: number): string {
  return whole === 0 ? "-" : `${(Math.floor((part / whole) * 1000) / 10).toFixed(1)} %`;
}

function listed(items: readonly string[]): string {
  const shown = items.slice(0, 3).join(", ");
  return items.length > 3 ? `${shown} and ${items.length - 3} more` : shown;
}

function cells(...texts: string[]): string {
  return texts.map((text, i) => (i < LEFT ? text.padEnd(COLUMNS[i] ?? 0) : text.padStart(COLUMNS[i] ?? 0))).join("");
}

function ms(value: number | undefined): string {
  return value === undefined ? "-" : `${value.toFixed(1)} ms`;
}

/** The table, and its summary in words. Every number is counted from the runs. */
import type { Claim } from "./claims.js";
import { CLIENT_NAMES, isOurs } from "./clients.js";
import { gapOf } from "./comparison.js";
import { countBy, type Ledger } from "./ledger.js";
import { CALLERS } from "./run.js";

const LABEL_WIDTH = 28;
const COLUMN_WIDTH = 21;

const ROWS: readonly (readonly [label: string, cell: (ledger: Ledger) => string])[] = [
  ["mutations", ({ run }) => String(run.calls)],
  ["succeeded", (ledger) => withShare(ledger.settled - ledger.failed().length, ledger.run.calls)],
  ["failed", (ledger) => withShare(ledger.failed().length, ledger.run.calls)],
  ["never settled", ({ run, settled }) => String(run.calls - settled)],
  ["RAN MORE THAN ONCE", (ledger) => withShare(ledger.executedMoreThanOnce().length, ledger.run.calls)],
  ["acknowledged, never ran", (ledger) => String(ledger.acknowledgedNeverExecuted().length)],
  ["failed, but ran", (ledger) => withShare(ledger.failedButExecuted().length, ledger.failed().length)],
  ["failed, read by no region", (ledger) => withShare(ledger.failedNeverReceived().length, ledger.failed().length)],
  ["attempts per mutation", ({ run }) => (run.watch.attempts / run.calls).toFixed(3)],
  ["failovers", ({ run }) => (run.kind === "bare" ? "-" : String(sum(run.failovers.values())))],
  ["event loop delay, p99", ({ run }) => `${run.lateMs.toFixed(1)} ms`],
  ["duration", ({ run }) => `${(run.durationMs / 1000).toFixed(1)} s`],
];

export function reportOf(ledgers: readonly Ledger[], claims: readonly Claim[]): string {
  const [first] = ledgers;
  const ours = ledgers.filter(({ run }) => isOurs(run.kind));
  const [compared] = ours;
  const livekit = ledgers.find(({ run }) => run.kind === "livekit");
  return [
    `chaos: Node ${process.versions.node}, seed ${first?.run.seed}, ${CALLERS} callers, 3 regions`,
    "",
    ...table(ledgers),
    ...detailsOf(ours),
    ...(compared && livekit ? explanationOf(compared, livekit) : []),
    "",
    ...claims.map(({ text, held }) => (held ? `✓ ${text}` : `✗ NOT SO: ${text}`)),
  ].join("\n");
}

function table(ledgers: readonly Ledger[]): string[] {
  const row = (label: string, cells: readonly string[]) =>
    (label.padEnd(LABEL_WIDTH) + cells.map((cell) => cell.padStart(COLUMN_WIDTH)).join("")).trimEnd();
  const names = ledgers.map(({ run }) => CLIENT_NAMES[run.kind]);
  return [
    row(
      "",
      names.map(([who]) => who),
    ),
    row(
      "",
      names.map(([, generator = ""]) => generator),
    ),
    ...ROWS.map(([label, cell]) => row(label, ledgers.map(cell))),
  ];
}

function detailsOf(ours: readonly Ledger[]): string[] {
  return [
    ...list("twirp-failover sent to another region, by what proved that nothing had run", ours, ({ run }) => [
      ...run.failovers,
    ]),
    ...list("twirp-failover's failed mutations, by outcome", ours, (ledger) =>
      countBy(ledger.failed(), (id) => outcomeOf(ledger, id)),
    ),
    ...list("Of these, read by no region", ours, (ledger) =>
      countBy(ledger.failedNeverReceived(), (id) => ledger.lossCauseOf(id)),
    ),
  ];
}

function outcomeOf(ledger: Ledger, id: string): string {
  const failure = ledger.failureOf(id);
  if (failure?.outcome === undefined) return failure?.error ?? "";
  const { code, origin, execution, httpStatus, cause } = failure.outcome;
  const said = [origin, httpStatus && `HTTP ${httpStatus}`, cause].filter(Boolean).join(", ");
  return `${code} (${said}), execution ${execution}: ${failure.refused}`;
}

function explanationOf(ours: Ledger, livekit: Ledger): string[] {
  const gap = gapOf(ours, livekit);
  const calls = sum(gap.rows.map((row) => row.calls));
  const twice = sum(gap.rows.map((row) => row.ranTwice));
  const rows = gap.rows.map((row): [string, string] => [
    row.fault,
    `${String(row.calls).padStart(5)} calls, of which LiveKit's client ran ${String(row.ranTwice).padStart(4)} more than once`,
  ]);
  return [
    "",
    `Of the ${gap.shared} mutations that both made, LiveKit's client completed ${calls} that ours (${ours.run.kind}) refused to send again.`,
    "What happened to them:",
    ...rows.map(([fault, text]) => `  ${fault.padEnd(44)}${text}`),
    "",
    ...conclusion(ours, livekit, gap.shared, calls, twice),
  ];
}

function conclusion(ours: Ledger, livekit: Ledger, shared: number, calls: number, twice: number): string[] {
  const failed = ours.failed().length;
  const ran = ours.failedButExecuted().length;
  const unread = ours.failedNeverReceived().length;
  const inAll = livekit.executedMoreThanOnce();
  const andFailed = inAll.filter((id) => !livekit.succeeded(id)).length;
  return [
    `LiveKit's client sends any request again after a 5xx or a broken connection. That completed ${share(calls, shared)} of the mutations`,
    `that twirp-failover refused to repeat, but ${twice} of these ${calls} (${share(twice, calls)}) ran more than once: a second`,
    `phone rang. In total, LiveKit's client ran ${inAll.length} more than once, and reported ${andFailed} of these as failed.`,
    `twirp-failover (${ours.run.kind}) ran ${ours.executedMoreThanOnce().length} more than once. Of the ${failed} that it failed, ${ran} (${share(ran, failed)}) had run, and`,
    `a client cannot distinguish these from the others. ${unread} (${share(unread, failed)}) were read by no region.`,
  ];
}

/** Rows of counts, with one column per ledger, the most frequent first. */
function list(title: string, ledgers: readonly Ledger[], countsOf: (ledger: Ledger) => [string, number][]): string[] {
  const counts = ledgers.map((ledger) => new Map(countsOf(ledger)));
  const rows = [...new Set(counts.flatMap((of) => [...of.keys()]))]
    .map((what) => ({ what, cells: counts.map((of) => of.get(what) ?? 0) }))
    .sort((a, b) => sum(b.cells) - sum(a.cells));
  if (rows.length === 0) return [];
  const whose = ledgers.map(({ run }) => run.kind).join(", ");
  return [
    "",
    `${title} (${whose}):`,
    ...rows.map(({ what, cells }) => `${cells.map((count) => String(count).padStart(8)).join("")}  ${what}`),
  ];
}

function withShare(part: number, whole: number): string {
  return `${part}  ${share(part, whole).padStart(8)}`;
}

/** Never rounded to 0 % or 100 %. */
function share(part: number, whole: number): string {
  if (whole === 0) return "-";
  const percent = (part / whole) * 100;
  if (part > 0 && percent < 0.01) return "< 0.01 %";
  return `${(part < whole ? Math.min(percent, 99.99) : 100).toFixed(2)} %`;
}

function sum(numbers: Iterable<number>): number {
  return [...numbers].reduce((a, b) => a + b, 0);
}

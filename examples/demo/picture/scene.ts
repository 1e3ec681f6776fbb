/** The content of the picture. Every figure in it is counted here from the run. */
import type { Ledger } from "../ledger.js";
import { count } from "../report.js";
import type { Outage, Row } from "../results.js";
import type { EndedCall, Recording } from "./recording.js";

export const BIN_MS = 100;

export interface Scene {
  readonly home: string;
  /** The region that answered most of the other calls. */
  readonly substitute: string;
  readonly lanes: readonly Lane[];
  readonly bins: number;
  readonly calls: number;
  readonly outage: Outage;
  readonly figures: readonly Figure[];
  /** A note about the failed mutations; absent if none failed. */
  readonly note: Note | undefined;
  readonly log: string;
}

/** One region: the number of calls that it answered, and the number that ended in it in each `BIN_MS`. */
export interface Lane {
  readonly region: string;
  readonly served: number;
  readonly succeeded: readonly number[];
  readonly failed: readonly number[];
}

export interface Note {
  readonly wide: readonly string[];
  readonly narrow: readonly string[];
}

export interface Figure {
  readonly value: number;
  readonly label: readonly [string, string];
}

/** @param regions home first. */
export function sceneOf(
  regions: readonly string[],
  recording: Recording,
  outage: Outage,
  rows: readonly Row[],
  ledger: Ledger,
): Scene {
  const { calls, firstFailover } = recording;
  const bins = Math.floor(Math.max(...calls.map(({ endedMs }) => endedMs)) / BIN_MS) + 1;
  const lanes = regions.map((region) => {
    const own = calls.filter((call) => call.region === region);
    return {
      region,
      served: own.filter(({ ok }) => ok).length,
      succeeded: perBin(bins, own, true),
      failed: perBin(bins, own, false),
    };
  });
  const [home, ...others] = lanes;
  return {
    home: home?.region ?? "",
    substitute: others.sort((a, b) => b.served - a.served)[0]?.region ?? "",
    lanes,
    bins,
    calls: calls.length,
    outage,
    figures: figuresOf(rows),
    note: noteOf(rows, ledger),
    log: firstFailover,
  };
}

function perBin(bins: number, calls: readonly EndedCall[], ok: boolean): number[] {
  const isIn = (bin: number, call: EndedCall) => call.ok === ok && Math.floor(call.endedMs / BIN_MS) === bin;
  return Array.from({ length: bins }, (_, bin) => calls.filter((call) => isIn(bin, call)).length);
}

function figuresOf(rows: readonly Row[]): Figure[] {
  const mutations = rows.filter(({ kind }) => kind === "mutations");
  const others = rows.filter(({ kind }) => kind !== "mutations");
  const all = (some: readonly Row[]) => sum(some.map(({ calls }) => calls.length)).toLocaleString("en");
  const succeeded = (some: readonly Row[]) => sum(some.map((row) => row.succeeded.length));
  return [
    { value: succeeded(others), label: [`of ${all(others)} reads`, "and updates succeeded"] },
    { value: succeeded(mutations), label: [`of ${all(mutations)} mutations`, "succeeded"] },
    {
      value: sum(mutations.map(({ ranMoreThanOnce }) => ranMoreThanOnce)),
      label: ["mutations ran twice", "(servers’ records)"],
    },
  ];
}

/** The picture must show the failed mutations, because not repeating them is the point of the package. */
function noteOf(rows: readonly Row[], ledger: Ledger): Note | undefined {
  const failed = rows.filter(({ kind }) => kind === "mutations").flatMap((row) => row.failed);
  if (failed.length === 0) return undefined;
  const ran = failed.filter((call) => ledger.failedButRan(call)).length;
  const mutations = count(failed.length, "mutation");
  return {
    wide: [
      `${mutations} got no answer.`,
      failed.length === 1 ? "It may have run, so it is" : "They may have run, so they are",
      `not sent again. (${ran} had run.)`,
    ],
    narrow: [`${mutations} failed,`, "not sent again"],
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, n) => total + n, 0);
}

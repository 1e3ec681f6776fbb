/** The results: one table with a group of rows for each outage. */
import { percentile } from "./percentile.js";
import { labelOf } from "./scenario.js";
import type { Result } from "./trial.js";

const HEAD = ["", "calls", "succeeded", "p50 ms", "p99 ms", "attempts per call", "discoveries"];

export function printTable(results: readonly Result[]): void {
  const rows = results.map(rowOf);
  const widths = HEAD.map((_, column) => Math.max(...[HEAD, ...rows].map((row) => (row[column] as string).length)));
  const line = (row: readonly string[]) => {
    const cells = row.map((cell, i) =>
      i === 0 ? cell.padEnd(widths[0] as number) : cell.padStart(widths[i] as number),
    );
    return `    ${cells.join("   ").trimEnd()}`;
  };
  console.log(line(HEAD));
  results.forEach(({ scenario }, i) => {
    if (scenario !== results[i - 1]?.scenario) console.log(`\n  ${scenario.name}`);
    console.log(line(rows[i] as string[]));
  });
}

function rowOf({ entry, samples, attempts, discoveries }: Result): string[] {
  const latencies = samples.map(({ ms }) => ms);
  return [
    labelOf(entry),
    String(samples.length),
    percent(succeededOf(samples)),
    percentile(latencies, 0.5).toFixed(1),
    percentile(latencies, 0.99).toFixed(1),
    (attempts / samples.length).toFixed(2),
    String(discoveries),
  ];
}

function succeededOf(samples: Result["samples"]): number {
  return samples.filter(({ ok }) => ok).length / samples.length;
}

/** Never rounded up to 100 %. */
function percent(share: number): string {
  return `${(Math.floor(share * 1000) / 10).toFixed(1)} %`;
}

/**
 * `npm run bench:outage`: compares clients in the same outages, over loopback sockets. They call a method that may run
 * twice, so that all of them may fail over without limits, and, in rows that say so, one that may not.
 *
 * Ends with exit code 1 if a claim about successes or attempts does not hold. A claim about times does not change the exit
 * code, because times depend on the machine.
 */
import { aimsOf, type Check } from "./aims.js";
import { ATTEMPT_TIMEOUT_MS, CALL_TIMEOUT_MS } from "./client.js";
import { Fleet } from "./fleet.js";
import { CALLERS } from "./load.js";
import { Requests } from "./requests.js";
import { SCENARIOS } from "./scenario.js";
import { printTable } from "./table.js";
import { type Result, Trial } from "./trial.js";

const startedAt = performance.now();
const fleet = new Fleet();
// In every case, including errors.
process.on("exit", () => fleet.destroy());
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(130));

// `-- hangs` runs the outages with that word in their name.
const [word = ""] = process.argv.slice(2);
const scenarios = SCENARIOS.filter(({ name }) => name.includes(word));
if (scenarios.length === 0) throw new Error(`no outage has "${word}" in its name`);
const trial = new Trial(fleet, Requests.watch());
const contenders = new Set(scenarios.flatMap(({ entries }) => entries.map(({ contender }) => contender)));
for (const contender of contenders) await trial.warmUp(contender);

const results: Result[] = [];
for (const scenario of scenarios) {
  for (const entry of scenario.entries) {
    note(`${scenario.name}: ${entry.contender.name}`);
    results.push(await trial.run(scenario, entry));
  }
}
note("");
fleet.destroy();

const seconds = (ms: number) => `${ms / 1000} s`;
console.log(`Outages: three regions on loopback, each a process and each answer 5 ms of work; ${CALLERS} callers; Node ${process.versions.node}
Limits: ${seconds(ATTEMPT_TIMEOUT_MS)} for an attempt, ${seconds(CALL_TIMEOUT_MS)} for a call (livekit-server-sdk has none for a call)
Attempts are counted where they leave, so those to a closed port are in. Times are those of a machine that may be busy.
`);
printTable(results);
console.log("\nOur aims");
const missed: Check[] = [];
for (const { title, checks } of aimsOf(results)) {
  if (checks.length === 0) continue;
  console.log(`\n  ${title}`);
  const width = Math.max(...checks.map(({ what }) => what.length));
  for (const check of checks) {
    const verdict = check.verdict === "missed" ? "MISSED" : check.verdict;
    console.log(`    ${verdict.padEnd(7)}   ${check.what.padEnd(width)}   ${check.measured}`);
    if (check.verdict === "missed") missed.push(check);
  }
}
const counted = missed.filter(({ timed }) => !timed).length;
const took = Math.round((performance.now() - startedAt) / 1000);
console.log(`\n${missed.length} missed, of which ${missed.length - counted} are times. The benchmark took ${took} s.`);
process.exitCode = counted > 0 ? 1 : 0;

/** Shows the progress on one line that is replaced each time. Only on a terminal. */
function note(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

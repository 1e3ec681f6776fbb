/**
 * `npm run demo`: three regions, a client under load, and the loss of its home region. Exits with 0 only if the demo's
 * claims held, according to what the servers executed.
 */
import { parseArgs } from "node:util";
import type { Failover } from "twirp-failover";
import { claimsOf } from "./claims.js";
import { clientWithFailover, clientWithout, createFailoverTo } from "./clients.js";
import { DemoError } from "./demo-error.js";
import { EventLog } from "./event-log.js";
import { Fleet } from "./fleet.js";
import { Ledger } from "./ledger.js";
import { DURATION_MS, KILL_AT_MS, RESTART_AT_MS, runOutage } from "./outage.js";
import { Recording } from "./picture/recording.js";
import { sceneOf } from "./picture/scene.js";
import { writePictures } from "./picture/write.js";
import { printClaims, printConclusion, printFailedMutations, printLegend, printLosses, printTable } from "./report.js";
import { rowsOf } from "./results.js";
import { Stopwatch } from "./stopwatch.js";
import { Terminal } from "./terminal.js";
import { describeFailure, Traffic } from "./traffic.js";

const CALLS_PER_SECOND = 150;
const terminal = new Terminal();

const USAGE = `npm run demo [-- --without | --picture <directory>]

Starts three regions of a Twirp service on this machine and calls it ${CALLS_PER_SECOND} times a second for
${DURATION_MS / 1000} seconds. The home region is killed after ${KILL_AT_MS / 1000} seconds and is started again after ${RESTART_AT_MS / 1000}.

  --without              the same calls without the middleware, for comparison
  --picture <directory>  also draws what happened: the picture in the README
  --help                 this text`;

interface Arguments {
  readonly without: boolean;
  /** The directory for the pictures. */
  readonly picture: string | undefined;
  readonly help: boolean;
}

function readArguments(): Arguments {
  try {
    const options = {
      without: { type: "boolean" },
      picture: { type: "string" },
      help: { type: "boolean", short: "h" },
    } as const;
    const { without = false, picture, help = false } = parseArgs({ options }).values;
    return { without, picture, help };
  } catch (error) {
    // Only the first sentence, because the rest explains how to pass positional arguments.
    const [message] = (error as Error).message.split(". ");
    throw new UsageError(`${message}; the only options are --without, --picture <directory> and --help`);
  }
}

class UsageError extends DemoError {}

async function main(): Promise<number> {
  const args = readArguments();
  if (args.help) {
    console.log(USAGE);
    return 0;
  }
  if (args.without && args.picture !== undefined) {
    throw new UsageError("--picture draws a failover, so it cannot be used with --without");
  }
  const fleet = new Fleet("us-east", "eu-west", "ap-south");
  // On every exit, including uncaught errors.
  process.on("exit", () => fleet.destroy());
  return Promise.race([run(fleet, args), fleet.loss]);
}

async function run(fleet: Fleet, { without, picture }: Arguments): Promise<number> {
  const stopwatch = new Stopwatch();
  const log = new EventLog(terminal, stopwatch);
  await fleet.start();
  printRegions(fleet, without);

  const [home] = fleet.regions;
  const traffic = new Traffic(CALLS_PER_SECOND, stopwatch, (call) => {
    // With the middleware, its own events say why a call failed.
    if (without) log.happened(describeFailure(call));
  });
  const onAttempt = (requestId: string) => traffic.countAttempt(requestId);
  const failover = createFailoverTo(fleet.regions.map(({ id, url }) => ({ id, url })));
  const client = without ? clientWithout(home, onAttempt) : clientWithFailover(failover, onAttempt);
  await Promise.all([client, ...fleet.regions.map((r) => clientWithout(r, onAttempt))].map((c) => traffic.warmUp(c)));

  logEvents(failover, log);
  const recording = new Recording(failover, stopwatch);
  terminal.showProgress(() => traffic.progress());
  const outage = await runOutage(home, client, traffic, log, stopwatch);
  terminal.hideProgress();
  failover.close();

  const ledger = new Ledger(fleet.regions.map(({ recordPath }) => recordPath));
  const rows = rowsOf(traffic.calls, outage, ledger);
  terminal.line();
  printTable(terminal, rows);
  terminal.line();
  printLegend(terminal, outage);
  terminal.line();
  if (without) {
    printLosses(terminal, rows, ledger);
    return 0;
  }
  printConclusion(terminal, rows, outage);
  printFailedMutations(terminal, rows, outage, ledger);
  terminal.line();
  const claims = claimsOf(rows, outage, ledger);
  printClaims(terminal, claims);
  if (claims.some(({ counterexamples }) => counterexamples.length > 0)) return 1;
  if (picture !== undefined) {
    const ids = fleet.regions.map(({ id }) => id);
    const paths = writePictures(picture, sceneOf(ids, recording, outage, rows, ledger));
    terminal.line();
    terminal.line(`written: ${paths.join(", ")}`);
  }
  return 0;
}

function printRegions(fleet: Fleet, without: boolean): void {
  const how = without ? "without failover: the client knows us-east only" : "with failover";
  terminal.line(`acme.rooms.v1.RoomService, ${CALLS_PER_SECOND} calls per second, ${how}`, "bold");
  terminal.line();
  for (const [i, { id, url, pid }] of fleet.regions.entries()) {
    terminal.line(`  ${id.padEnd(9)} ${url}   pid ${pid}${i === 0 ? "   home" : ""}`);
  }
}

const SHOWN = [
  "failover",
  "retry",
  "replay_refused",
  "region_ejected",
  "region_probe",
  "region_readmitted",
  "warning",
] as const;

function logEvents(failover: Failover, log: EventLog): void {
  for (const type of SHOWN) failover.on(type, (event) => log.event(event));
}

function endOn(signal: NodeJS.Signals, number: number): void {
  process.once(signal, () => {
    // Ends the line with the terminal's "^C".
    if (process.stdout.isTTY) process.stdout.write("\n");
    console.error("demo: interrupted; the regions were stopped");
    process.exit(128 + number);
  });
}

endOn("SIGINT", 2);
endOn("SIGTERM", 15);
endOn("SIGHUP", 1);
// It is not an error if a reader such as `head` stops reading.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});

try {
  process.exit(await main());
} catch (error) {
  terminal.hideProgress();
  if (!(error instanceof DemoError)) throw error;
  console.error(`demo: ${error.message}`);
  process.exit(error instanceof UsageError ? 2 : 1);
}

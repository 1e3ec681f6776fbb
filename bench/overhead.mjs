/**
 * The cost of failover for a successful call: `npm run bench`.
 *
 * It is a measurement, not a test: it prints numbers and never fails because of them. It measures `dist`, the code that
 * users run.
 */
import { cpus } from "node:os";
import { CALLS, measureInMemory, ROUNDS } from "./in-memory.mjs";
import { measureLoopback, TURNS } from "./loopback.mjs";
import { median, spread } from "./statistics.mjs";
import { printTable } from "./table.mjs";

const [cpu] = cpus();
console.log(`Node ${process.version}, ${cpus().length} × ${cpu?.model ?? "an unknown processor"}`);
if (globalThis.gc === undefined) console.log("Without --expose-gc, the measured blocks include garbage collections.");

const memory = await measureInMemory();
const bare = memory.calls[0];
printTable(
  `One successful call in memory, in ns: median (p10–p90) of ${ROUNDS} interleaved blocks of ${CALLS} calls`,
  ["", "per call", "added to the bare call"],
  memory.calls.map(({ name, times }) => [
    name,
    inUnits(times, 1),
    // Each block is compared with the bare block of the same round, so that slow phases of the machine cancel out.
    times === bare.times ? "" : inUnits(minus(times, bare.times), 1),
  ]),
);
printTable(
  "The cost in Node of the two things that a call with a time limit needs, in ns",
  ["", "each"],
  memory.parts.map(({ name, times }) => [name, inUnits(times, 1)]),
);

const loopback = await measureLoopback();
const [bareCall] = loopback;
const perCall = median(bareCall.times);
printTable(
  `One call over loopback HTTP to a twirp-ts server in another process, in µs: median (p10–p90) of ${TURNS} calls each, in turns`,
  ["", "per call", "added to the bare call", "share"],
  loopback.map(({ name, times }) => {
    const added = minus(times, bareCall.times);
    return times === bareCall.times
      ? [name, inUnits(times, 1000), "", ""]
      : [name, inUnits(times, 1000), inUnits(added, 1000), percent(median(added) / perCall)];
  }),
);
const [, failover] = memory.calls;
const added = median(minus(failover.times, bare.times));
console.log(`\nThe in-memory cost of failover as a share of the bare loopback call: ${percent(added / perCall)}`);

function minus(times, others) {
  return times.map((time, i) => time - others[i]);
}

function inUnits(times, nanoseconds) {
  const digits = nanoseconds === 1 ? 0 : 1;
  const [low, middle, high] = spread(times).map((time) => (time / nanoseconds).toFixed(digits));
  return `${middle} (${low}–${high})`;
}

function percent(share) {
  return `${(share * 100).toFixed(1)} %`;
}

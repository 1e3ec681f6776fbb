/**
 * `npm run chaos -- --calls 200000 --seed 3 --only twirp-ts`: the chaos test at any size. Exits with 0 only if its claims
 * held.
 */
import { parseArgs } from "node:util";
import { claimsOf } from "./claims.js";
import { CLIENT_NAMES, type ClientKind, KINDS } from "./clients.js";
import { DEFAULT_SEED } from "./faults.js";
import { Ledger } from "./ledger.js";
import { reportOf } from "./report.js";
import { run } from "./run.js";

const USAGE = `npm run chaos [-- --calls <n>] [--seed <n>] [--only ${KINDS.join("|")}]

Sends mutations to three regions that fail in every way, with twirp-failover's two adapters, with no failover and with
LiveKit's client, and counts what the regions ran.

  --calls <n>   mutations for each client (20000)
  --seed <n>    another seed, other faults (${DEFAULT_SEED})
  --only <who>  one client only
  --help        this text`;

class UsageError extends Error {}

interface Arguments {
  readonly calls: number;
  readonly seed: number;
  readonly kinds: readonly ClientKind[];
}

function readArguments(): Arguments | "help" {
  const { values } = parse();
  if (values.help) return "help";
  const only = KINDS.find((kind) => kind === values.only);
  if (values.only !== undefined && only === undefined)
    throw new UsageError(`--only must be one of ${KINDS.join(", ")}`);
  return {
    calls: integer("--calls", values.calls, 1),
    seed: integer("--seed", values.seed, 0),
    kinds: only ? [only] : KINDS,
  };
}

function parse() {
  try {
    return parseArgs({
      options: {
        calls: { type: "string", default: "20000" },
        seed: { type: "string", default: String(DEFAULT_SEED) },
        only: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (error) {
    // Only the first sentence, because the rest explains how to pass positional arguments.
    throw new UsageError((error as Error).message.split(". ")[0]);
  }
}

function integer(option: string, text: string, least: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least)
    throw new UsageError(`${option} must be a whole number of at least ${least}`);
  return value;
}

async function main(): Promise<number> {
  const given = readArguments();
  if (given === "help") {
    console.log(USAGE);
    return 0;
  }
  const ledgers: Ledger[] = [];
  for (const kind of given.kinds) {
    const onProgress = progressOf(CLIENT_NAMES[kind].join(", "), given.calls);
    ledgers.push(new Ledger(await run({ kind, calls: given.calls, seed: given.seed, onProgress })));
    if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
  }
  const claims = claimsOf(ledgers);
  console.log(reportOf(ledgers, claims));
  return claims.every(({ held }) => held) ? 0 : 1;
}

function progressOf(name: string, calls: number): (settled: number) => void {
  let drawnAt = 0;
  return (settled) => {
    if (!process.stderr.isTTY || performance.now() - drawnAt < 100) return;
    drawnAt = performance.now();
    process.stderr.write(`\r\u001b[K${name}: ${settled} of ${calls}`);
  };
}

function endOn(signal: NodeJS.Signals, number: number): void {
  process.once(signal, () => {
    console.error("chaos: interrupted; the regions were stopped");
    // The regions end when this process ends.
    process.exit(128 + number);
  });
}

endOn("SIGINT", 2);
endOn("SIGTERM", 15);
endOn("SIGHUP", 1);

try {
  // LiveKit's client leaves connections open, and they would keep this process alive.
  process.exit(await main());
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`chaos: ${error.message}`);
  process.exit(2);
}

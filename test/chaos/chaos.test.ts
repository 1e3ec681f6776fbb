/**
 * Thousands of mutations, sent to regions that fail at random, and judged by what the regions ran.
 *
 * `CHAOS_SEED=3` for other faults; `npm run chaos` for more calls.
 */
import { expect, test, vi } from "vitest";
import { Transmission } from "../../src/transmission.js";
import { claimsOf, lostTooMany } from "./claims.js";
import type { ClientKind } from "./clients.js";
import { DEFAULT_SEED, FAULTS, faultOf } from "./faults.js";
import { Ledger } from "./ledger.js";
import { reportOf } from "./report.js";
import { run } from "./run.js";

const seed = Number(process.env.CHAOS_SEED ?? DEFAULT_SEED);
const CALLS: Readonly<Record<ClientKind, number>> = { ours: 20_000, bare: 3_000, livekit: 5_000 };

const runOf = async (kind: ClientKind, calls: number) => new Ledger(await run({ kind, calls, seed }));

test("no mutation runs twice, and none is lost that could have been saved", async () => {
  const ours = await oursOf();
  const bare = await runOf("bare", CALLS.bare);
  const livekit = await runOf("livekit", CALLS.livekit);
  const ledgers = [ours, bare, livekit];
  const claims = claimsOf(ledgers);
  console.log(reportOf(ledgers, claims));
  expect(claims.filter(({ held }) => !held)).toEqual([]);
  // The claims are worth something only if everything that can go wrong did.
  expect(faultsMet(ours)).toEqual(new Set(FAULTS.map(({ name }) => name)));
  expect([...ours.run.failovers.keys()]).toEqual(
    expect.arrayContaining(["ECONNREFUSED", "no connection in time", "HTTP 429"]),
  );
});

/**
 * How many requests cross with the closing of their connection depends on how late a busy machine hears of the close.
 * So a run that lost too many may be repeated, twice; what it ran more than once counts all the same.
 */
async function oursOf(): Promise<Ledger> {
  let ours = await runOf("ours", CALLS.ours);
  for (let again = 0; again < 2 && lostTooMany(ours); again++) {
    expect(ours.executedMoreThanOnce()).toEqual([]);
    expect(ours.acknowledgedNeverExecuted()).toEqual([]);
    console.log(`chaos: ${ours.failedNeverReceived().length} of ${ours.failed().length} reached no region; once more`);
    ours = await runOf("ours", CALLS.ours);
  }
  return ours;
}

test("a false proof of sending would be found", async () => {
  const unsent = vi.spyOn(Transmission.prototype, "unsent", "get").mockReturnValue(true);
  try {
    const ledger = await runOf("ours", 1_500);
    expect(ledger.executedMoreThanOnce().length).toBeGreaterThan(0);
    expect(claimsOf([ledger]).filter(({ held }) => !held)).not.toEqual([]);
  } finally {
    unsent.mockRestore();
  }
});

function faultsMet(ledger: Ledger): Set<string> {
  const met = new Set<string>();
  for (const { region, seen } of ledger.run.sightings) {
    for (const [id] of seen) {
      const fault = faultOf(seed, id, region);
      if (FAULTS.includes(fault)) met.add(fault.name);
    }
  }
  return met;
}

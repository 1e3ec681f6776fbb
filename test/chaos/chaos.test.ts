/**
 * Thousands of mutations, sent to regions that fail at random, and compared with what the regions ran.
 *
 * `CHAOS_SEED=3` for other faults; `npm run chaos` for more calls.
 */
import { expect, test, vi } from "vitest";
import { Transmission } from "../../src/outcome/transmission.js";
import { claimsOf, lostTooMany } from "./claims.js";
import { type ClientKind, isOurs, KINDS, OUR_KINDS, type OurKind } from "./clients.js";
import { DEFAULT_SEED, FAULTS, faultOf } from "./faults.js";
import { Ledger } from "./ledger.js";
import { reportOf } from "./report.js";
import { run } from "./run.js";

const seed = Number(process.env.CHAOS_SEED ?? DEFAULT_SEED);
const CALLS: Readonly<Record<ClientKind, number>> = {
  "protobuf-ts": 20_000,
  "twirp-ts": 10_000,
  bare: 3_000,
  livekit: 5_000,
};

const runOf = async (kind: ClientKind, calls = CALLS[kind]) => new Ledger(await run({ kind, calls, seed }));

test("no mutation runs twice, and no mutation fails that could have succeeded", async () => {
  const ledgers: Ledger[] = [];
  for (const kind of KINDS) ledgers.push(isOurs(kind) ? await oursOf(kind) : await runOf(kind));
  const claims = claimsOf(ledgers);
  console.log(reportOf(ledgers, claims));
  expect(claims.filter(({ held }) => !held)).toEqual([]);
  // The claims are meaningful only if every fault occurred.
  for (const ours of ledgers.filter(({ run }) => isOurs(run.kind))) {
    expect(faultsMet(ours)).toEqual(new Set(FAULTS.map(({ name }) => name)));
    expect([...ours.run.failovers.keys()]).toEqual(
      expect.arrayContaining(["ECONNREFUSED", "no connection in time", "HTTP 429"]),
    );
  }
});

/**
 * How many requests cross with the closing of their connection depends on how late a busy machine sees the close. So a run
 * that lost too many may be repeated twice, but a mutation that ran more than once always counts.
 */
async function oursOf(kind: OurKind): Promise<Ledger> {
  let ours = await runOf(kind);
  for (let again = 0; again < 2 && lostTooMany(ours); again++) {
    expect(ours.executedMoreThanOnce()).toEqual([]);
    expect(ours.acknowledgedNeverExecuted()).toEqual([]);
    const [lost, failed] = [ours.failedNeverReceived().length, ours.failed().length];
    console.log(`chaos: ${kind}, ${lost} of ${failed} reached no region; once more`);
    ours = await runOf(kind);
  }
  return ours;
}

/** Below the adapter, so that it also shows that the adapter's requests are observed, because the proof depends on that. */
test.each(OUR_KINDS)("%s: a false proof of sending would be found", async (kind) => {
  const spies = (["onStarted", "onProgress"] as const).map((hook) =>
    vi.spyOn(Transmission.prototype, hook).mockImplementation(() => {}),
  );
  try {
    const ledger = await runOf(kind, 1_000);
    expect(ledger.executedMoreThanOnce().length).toBeGreaterThan(0);
    expect(claimsOf([ledger]).filter(({ held }) => !held)).not.toEqual([]);
  } finally {
    for (const spy of spies) spy.mockRestore();
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

import { describe, expect, test, vi } from "vitest";
import type { FailoverEvent } from "../../../src/events/events.js";
import { TWIRP_CODES } from "../../../src/outcome/twirp-code.js";
import {
  broken,
  hang,
  http,
  noAnswer,
  ok,
  type Reply,
  type Simulation,
  simulate,
  twirp,
  unsendable,
  useSimulatedTime,
} from "../helpers/simulation.js";
import { switchboard } from "../helpers/switchboard.js";

useSimulatedTime();

const LOAD: readonly string[] = ["unavailable", "resource_exhausted"];
/** Makes calls twenty at a time, because fake timers become slow when there are many. */
async function runMany(sim: Simulation, calls: number, init?: Parameters<Simulation["start"]>[0]): Promise<void> {
  for (let i = 0; i < calls; i += 20) {
    const together = Promise.allSettled(Array.from({ length: 20 }, () => sim.start(init)));
    vi.advanceTimersByTime(5);
    await together;
  }
}

const isEjection = ({ type }: FailoverEvent) => type === "region_ejected";

describe("calls that fail because of", () => {
  const replies: [string, Reply][] = [
    ...TWIRP_CODES.filter((code) => !LOAD.includes(code)).map((code): [string, Reply] => [code, twirp(code, {}, 1)]),
    ["HTTP 400", http(400, undefined, 1)],
    ["HTTP 401", http(401, undefined, 1)],
    ["HTTP 403", http(403, undefined, 1)],
    ["HTTP 404", http(404, undefined, 1)],
    ["HTTP 413", http(413, undefined, 1)],
    ["HTTP 451", http(451, undefined, 1)],
    ["HTTP 500", http(500, undefined, 1)],
    ["a message that cannot be encoded", unsendable],
  ];
  test.each(replies)("their requests eject no region: %s everywhere", async (_, reply) => {
    const sim = simulate({ replies: [reply], policy: { replay: false } });
    await runMany(sim, 100);
    expect(sim.world.requests).toHaveLength(100);
    expect(sim.events.filter(isEjection)).toEqual([]);
  });

  test("their requests eject no region: a thousand calls of all kinds", async () => {
    const sim = simulate({
      replies: (n) => (replies[n % replies.length] as [string, Reply])[1],
      policy: { replay: false },
    });
    await runMany(sim, 1_000);
    expect(sim.world.requests).toHaveLength(1_000);
    expect(sim.events.filter(isEjection)).toEqual([]);
  });

  test("callers who abort eject no region: a thousand calls", async () => {
    const sim = simulate({ replies: [hang], policy: { idempotent: true } });
    for (let i = 0; i < 50; i++) {
      const controller = new AbortController();
      const all = Promise.allSettled(Array.from({ length: 20 }, () => sim.start({ signal: controller.signal })));
      controller.abort();
      await all;
    }
    expect(sim.world.requests).toHaveLength(1_000);
    expect(sim.failover.regions()[0]).toMatchObject({ state: "healthy", failureShare: 0, inFlight: 0 });
  });

  test("timeouts that are too short eject no region: a thousand calls", async () => {
    const sim = simulate({ replies: [hang], policy: { idempotent: true, perAttemptTimeoutMs: 5_000 } });
    await runMany(sim, 1_000, { timeout: 3 });
    expect(sim.world.requests).toHaveLength(1_000);
    expect(sim.failover.regions()[0]).toMatchObject({ state: "healthy", failureShare: 0, inFlight: 0 });
  });
});

describe("a method that is broken", () => {
  const brokenMethod = (reply: Reply) =>
    simulate({ replies: () => reply, policy: { idempotent: true }, retryThrottling: false });

  test.each([
    ["internal", twirp("internal")],
    ["unknown", twirp("unknown")],
    ["dataloss", twirp("dataloss")],
    ["HTTP 500", http(500)],
  ])("everywhere, with %s, ejects no region although every call is replayed", async (_, reply) => {
    const sim = brokenMethod(reply);
    for (let i = 0; i < 200; i++) await sim.fail();
    expect(sim.asked()).toHaveLength(600);
    expect(sim.events.filter(isEjection)).toEqual([]);
  });

  test("everywhere, among methods that work, ejects no region", async () => {
    let method = "works";
    const sim = simulate({
      replies: () => (method === "works" ? ok(1) : twirp("internal", {}, 1)),
      policy: { idempotent: true },
    });
    for (let i = 0; i < 300; i++) {
      method = i % 3 === 0 ? "works" : "is broken";
      await sim.run({ method });
    }
    expect(sim.events.filter(isEjection)).toEqual([]);
  });

  test("only at home ejects home once ten calls have succeeded elsewhere", async () => {
    const board = switchboard({ a: twirp("internal") });
    await board.runAll(9);
    expect(board.status("a")).toMatchObject({ state: "healthy", failureShare: 1 });
    await board.runAll(1);
    expect(board.status("a").state).toBe("ejected");
    expect(board.failover.regions().slice(1)).toMatchObject([{ state: "healthy" }, { state: "healthy" }]);
  });

  test("in two of three regions counts against both", async () => {
    const board = switchboard({ a: twirp("internal"), b: http(500) }, { retryThrottling: false });
    await board.runAll(10);
    expect(board.failover.regions().map(({ state }) => state)).toEqual(["ejected", "ejected", "healthy"]);
  });

  test("and works at the second attempt in the same region does not count against the region", async () => {
    const sim = simulate({
      replies: (n) => (n % 2 === 0 ? twirp("internal", {}, 1) : ok(1)),
      ids: ["a"],
      policy: { idempotent: true },
    });
    for (let i = 0; i < 40; i++) expect((await sim.run()).ok).toBe(true);
    expect(sim.events.filter(isEjection)).toEqual([]);
    expect(sim.failover.regions()[0]).toMatchObject({ failureShare: 0 });
  });
});

test("an answer that breaks off ejects like no answer, because it is not a doubtful answer of a server", async () => {
  for (const reply of [broken(), noAnswer()]) {
    const sim = simulate({ replies: [reply], ids: ["a"], policy: { replay: false } });
    for (let i = 0; i < 3; i++) await sim.fail();
    expect(sim.eventsOf("region_ejected")).toMatchObject([{ reason: "consecutive_failures" }]);
  }
});

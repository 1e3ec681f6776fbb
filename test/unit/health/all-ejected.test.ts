import { describe, expect, test, vi } from "vitest";
import { failoverTrace } from "../../../src/call/trace.js";
import {
  drive,
  flush,
  hang,
  LocalError,
  noAnswer,
  ok,
  type Reply,
  refused,
  useSimulatedTime,
} from "../helpers/simulation.js";
import { mutation, type Switchboard, switchboard } from "../helpers/switchboard.js";

useSimulatedTime();

const IDS = ["a", "b", "c"];

/** All regions have been down for long enough to be ejected. */
async function allEjected(options: Parameters<typeof switchboard>[1] = {}, reply: Reply = noAnswer()) {
  const ids = options.ids ?? IDS;
  const board = switchboard(Object.fromEntries(ids.map((id) => [id, reply])), { retryThrottling: false, ...options });
  await board.runAll(3);
  expect(board.failover.regions().every(({ state }) => state === "ejected")).toBe(true);
  return board;
}

/** Returns the events and requests from now on. */
function since({ asked, events }: Switchboard) {
  const [requests, seen] = [asked().length, events.length];
  return { asked: () => asked().slice(requests), events: () => events.slice(seen) };
}

describe("when all regions are ejected", () => {
  test("calls go on in the order of the list as if no region were ejected", async () => {
    const board = await allEjected();
    const now = since(board);
    expect((await board.run()).ok).toBe(false);
    expect(now.asked()).toEqual(["a", "b", "c"]);
    expect(board.events.filter(({ type }) => type === "region_probe")).toEqual([]);
  });

  test("mutations are sent too", async () => {
    const board = await allEjected();
    board.set("a", ok());
    expect(await board.run(mutation)).toMatchObject({ ok: true, value: "answer of a" });
  });

  test("the first success readmits its region before the end of its ejection", async () => {
    const board = await allEjected();
    board.set("b", ok());
    expect(await board.run()).toMatchObject({ ok: true, value: "answer of b" });
    expect(board.eventsOf("region_readmitted")).toMatchObject([{ region: "b" }]);
    const now = since(board);
    await board.runAll(10);
    expect(now.asked()).toEqual(Array(10).fill("b"));
  });

  test("failures do not lengthen the ejections", async () => {
    const board = await allEjected();
    const before = board.failover.regions();
    await board.runAll(20);
    expect(board.failover.regions()).toEqual(before);
  });

  test("a single region is never locked out", async () => {
    const board = await allEjected({ ids: ["a"] });
    for (const init of [{}, mutation]) {
      const now = since(board);
      await board.run(init);
      expect(now.asked().length).toBeGreaterThan(0);
    }
    board.set("a", ok());
    const settled = await board.runAll(5, mutation);
    expect(settled.every(({ ok }) => ok)).toBe(true);
  });
});

describe("while the only region is being tested", () => {
  test("calls that have nowhere else to go do not end the probe or start a second one", async () => {
    const board = await allEjected({ ids: ["a"], health: { ejectionMs: 1_000 } });
    vi.advanceTimersByTime(1_000);
    board.set("a", hang);
    const probe = board.start({ policy: { perAttemptTimeoutMs: 9_000 } });
    await flush();
    expect(board.status("a")).toMatchObject({ state: "probing" });
    board.set("a", noAnswer());
    for (let i = 0; i < 5; i++) {
      await board.run(mutation);
      await board.run({ policy: { sameRegion: false } });
      vi.advanceTimersByTime(1_000);
    }
    expect(board.status("a")).toMatchObject({ state: "probing", inFlight: 1 });
    expect(board.eventsOf("region_probe")).toHaveLength(1);
    await drive(probe.catch(() => {}));
  });
});

describe('with whenAllEjected: "fail"', () => {
  const failing = { health: { whenAllEjected: "fail" } } as const;

  test("a call is rejected at once, without an attempt, with the RPC library's kind of error", async () => {
    const board = await allEjected(failing);
    const now = since(board);
    const start = performance.now();
    const settled = await board.run();
    expect(settled).toMatchObject({ ok: false, atMs: start });
    expect(now.asked()).toEqual([]);
    const error = (settled as { error: LocalError }).error;
    expect(error).toBeInstanceOf(LocalError);
    expect(error.code).toBe("unavailable");
    expect(error.message).toBe("acme.rooms.v1.RoomService/DialParticipant was not sent: every region is ejected");
    expect(vi.getTimerCount()).toBe(0);
  });

  test("the error has a trace, and the events report a call that ended before its first attempt", async () => {
    const board = await allEjected(failing);
    const now = since(board);
    const error = await board.fail();
    expect(failoverTrace(error)).toMatchObject({ method: "DialParticipant", attempts: [], refused: "no_region" });
    const events = now.events();
    expect(events).toMatchObject([{ type: "call", ok: false, code: "unavailable", attempts: 0, elapsedMs: 0 }]);
    expect(events[0]).not.toHaveProperty("region");
  });

  test("an aborted call is rejected as canceled, and a call past its deadline as deadline_exceeded", async () => {
    const board = await allEjected(failing);
    expect(await board.fail({ signal: AbortSignal.abort() })).toMatchObject({ code: "canceled" });
    expect(await board.fail({ timeout: 0 })).toMatchObject({ code: "deadline_exceeded" });
  });

  test("calls go to a region that is healthy", async () => {
    const board = switchboard({ a: noAnswer() }, failing);
    const settled = await board.runAll(50);
    expect(settled.every(({ ok }) => ok)).toBe(true);
    expect(board.requestsTo("a")).toBe(3);
  });

  test("no replay goes to an ejected region, and the call ends with the error of the healthy one", async () => {
    const board = switchboard({ a: noAnswer(), b: noAnswer(), c: ok() }, { ...failing, retryThrottling: false });
    await board.runAll(3);
    board.set("c", noAnswer());
    const now = since(board);
    const error = await board.fail();
    expect(now.asked()).toEqual(["c"]);
    expect(error).toBe(board.world.requests.at(-1)?.error);
    expect(failoverTrace(error)).toMatchObject({ refused: "no_region" });
  });

  test("when an ejection is over, the first call that may be replayed probes the region, and calls go on", async () => {
    const board = await allEjected(failing);
    board.set("a", ok());
    vi.advanceTimersByTime(31_000);
    expect(await board.run()).toMatchObject({ ok: true, value: "answer of a" });
    expect(await board.run(mutation)).toMatchObject({ ok: true, value: "answer of a" });
  });

  test("while the probe is under way, other calls are rejected", async () => {
    const board = await allEjected({ ...failing, ids: ["a"] });
    board.set("a", hang);
    vi.advanceTimersByTime(31_000);
    const settled = await board.runTogether(10);
    expect(settled.every(({ status }) => status === "rejected")).toBe(true);
    expect(
      board
        .eventsOf("call")
        .slice(-10)
        .filter(({ attempts }) => attempts === 0),
    ).toHaveLength(9);
  });

  test("a client whose calls may never be replayed is not locked out for ever", async () => {
    const board = switchboard({ a: refused() }, { ...failing, ids: ["a"], policy: {} });
    await board.runAll(3);
    board.set("a", ok());
    vi.advanceTimersByTime(3_600_000);
    expect((await board.run()).ok).toBe(true);
  });
});

test('whenAllEjected: "fail" does not leave out a region whose ejection is over', async () => {
  const board = switchboard({ b: noAnswer() }, { ids: ["a", "b"], health: { whenAllEjected: "fail" } });
  // Home fails now and then. Each time the call fails over to b, which is down, until b is ejected.
  board.set("a", noAnswer());
  await board.runAll(2);
  board.set("a", ok());
  await board.run();
  board.set("b", ok());
  vi.advanceTimersByTime(120_000);
  board.set("a", noAnswer());
  expect((await board.runAll(5)).filter(({ ok }) => !ok)).toEqual([]);
});

import { describe, expect, test, vi } from "vitest";
import { drive, flush, hang, http, noAnswer, ok, refused, twirp, useSimulatedTime } from "../helpers/simulation.js";
import { mutation, type Switchboard, switchboard } from "../helpers/switchboard.js";

useSimulatedTime();

const EJECTION_MS = 30_000;

/** Home is down, and its ejection is over: the next call that may be replayed is the probe. */
async function probeIsDue(options: Parameters<typeof switchboard>[1] = {}): Promise<Switchboard> {
  const board = switchboard({ a: noAnswer() }, options);
  await board.runAll(3);
  vi.advanceTimersByTime(EJECTION_MS);
  expect(board.status("a").state).toBe("ejected");
  return board;
}

describe("the probe", () => {
  test("is the first call that may be replayed, and the region gets no other call while it is under way", async () => {
    const board = await probeIsDue();
    board.set("a", ok(1_000));
    const before = board.requestsTo("a");
    const settled = await board.runTogether(100);
    expect(settled.every(({ status }) => status === "fulfilled")).toBe(true);
    expect(board.requestsTo("a") - before).toBe(1);
    expect(board.eventsOf("region_probe")).toMatchObject([{ region: "a" }]);
  });

  test.each([
    ["a mutation", { idempotent: false }],
    ["a call whose replays are off", { replay: false }],
    ["a call with one attempt", { maxAttempts: 1 }],
  ])("is not %s: such a call goes elsewhere at once", async (_, policy) => {
    const board = await probeIsDue();
    const before = board.requestsTo("a");
    const start = performance.now();
    expect(await board.run({ policy })).toMatchObject({ ok: true, value: "answer of b", atMs: start + 10 });
    expect(board.requestsTo("a")).toBe(before);
  });

  test("may be a call with an idempotency key", async () => {
    const board = await probeIsDue();
    board.set("a", ok());
    expect(await board.run({ policy: { idempotent: false, idempotencyKey: true } })).toMatchObject({
      value: "answer of a",
    });
  });

  test("succeeds elsewhere when the region is still down, and no other call is affected for the next minute", async () => {
    const board = await probeIsDue();
    const before = board.requestsTo("a");
    for (let i = 0; i < 59; i++) {
      expect(await board.run()).toMatchObject({ ok: true });
      vi.advanceTimersByTime(990);
    }
    expect(board.requestsTo("a") - before).toBe(1);
    expect(board.eventsOf("region_ejected").at(-1)).toMatchObject({ reason: "probe_failed", consecutive: 2 });
  });

  test("does not delay other calls when it hangs, and ends by its own timeout", async () => {
    const board = await probeIsDue({ policy: { idempotent: true, perAttemptTimeoutMs: 2_000 } });
    board.set("a", hang);
    const probe = board.start();
    await flush();
    expect(board.status("a")).toMatchObject({ state: "probing", inFlight: 1 });
    const start = performance.now();
    for (let i = 1; i <= 100; i++) expect(await board.run()).toMatchObject({ ok: true, atMs: start + 10 * i });
    expect(board.status("a")).toMatchObject({ state: "probing" });
    expect(await drive(probe)).toMatchObject({ ok: true, value: "answer of b", atMs: start + 2_210 });
    expect(board.status("a")).toMatchObject({ state: "ejected", inFlight: 0 });
  });

  test("makes way for the next one at once when its caller aborts", async () => {
    const board = await probeIsDue();
    board.set("a", hang);
    const controller = new AbortController();
    const left = board.start({ signal: controller.signal });
    await flush();
    expect(board.status("a").state).toBe("probing");
    controller.abort();
    await expect(left).rejects.toMatchObject({ code: "canceled" });
    expect(board.status("a")).toMatchObject({ state: "ejected", inFlight: 0 });
    board.set("a", ok());
    expect(await board.run()).toMatchObject({ value: "answer of a" });
    expect(board.status("a").state).toBe("healthy");
    expect(board.eventsOf("region_probe")).toHaveLength(2);
  });

  test("makes way for the next one at once when its deadline passes", async () => {
    const board = await probeIsDue({ policy: { idempotent: true, perAttemptTimeoutMs: 5_000 } });
    board.set("a", hang);
    expect(await board.fail({ timeout: 500 })).toMatchObject({ code: "deadline_exceeded" });
    board.set("a", ok());
    expect(await board.run()).toMatchObject({ value: "answer of a" });
  });

  test("readmits with an error answer that concerns only the caller, and the caller gets that error", async () => {
    const board = await probeIsDue();
    board.set("a", twirp("not_found"));
    expect(await board.fail()).toMatchObject({ failure: { code: "not_found" } });
    expect(board.status("a").state).toBe("healthy");
  });

  test("is never a replay in the call's last attempt, because it could fail although a region is healthy", async () => {
    const board = switchboard({ a: refused(), b: refused(), c: refused() }, { ids: ["a", "b", "c", "d"] });
    await board.runAll(3);
    expect((await board.run()).ok, "a, b and c are ejected").toBe(true);
    vi.advanceTimersByTime(40_000);
    const settled = await board.runAll(20);
    expect(settled.filter(({ ok }) => !ok)).toEqual([]);
  });
});

describe("after the recovery", () => {
  test("traffic is home within one ejection period: first one probe, then all calls", async () => {
    const board = switchboard({ a: noAnswer() }, { random: () => 0.999 });
    await board.runAll(3);
    board.set("a", ok());
    const recoveredAt = performance.now();
    let backAt: number | undefined;
    while (backAt === undefined && performance.now() - recoveredAt < 60_000) {
      const settled = await board.run();
      if (settled.ok && settled.value === "answer of a") backAt = performance.now();
      vi.advanceTimersByTime(90);
    }
    expect((backAt as number) - recoveredAt).toBeLessThan(EJECTION_MS * 1.1 + 100);
    const before = board.requestsTo("a");
    await board.runTogether(100);
    expect(board.requestsTo("a") - before).toBe(100);
    expect(board.eventsOf("region_probe")).toHaveLength(1);
  });

  test("there is no flood: of 100 calls at once, one goes home, and then the next 100 all do", async () => {
    const board = await probeIsDue();
    board.set("a", ok());
    const before = board.requestsTo("a");
    await board.runTogether(100);
    expect(board.requestsTo("a") - before).toBe(1);
    await board.runTogether(100);
    expect(board.requestsTo("a") - before).toBe(101);
    expect(board.eventsOf("region_readmitted")).toHaveLength(1);
  });

  test("a client whose calls may never be replayed comes home too", async () => {
    const board = switchboard({ a: refused() }, { policy: {} });
    await board.runAll(3);
    board.set("a", ok());
    vi.advanceTimersByTime(3_600_000);
    await board.runAll(100, mutation);
    expect(board.status("a").state).toBe("healthy");
    expect(board.requestsTo("a")).toBeGreaterThan(3);
  });
});

describe("a home that fails in one way only", () => {
  test.each([
    ["internal", twirp("internal")],
    ["HTTP 500", http(500)],
  ])("with %s while the others are healthy is ejected, and probed once per ejection", async (_, reply) => {
    const board = switchboard({ a: reply }, { retryThrottling: false });
    await board.runAll(20);
    expect(board.requestsTo("a")).toBe(10);
    expect(board.status("a").state).toBe("ejected");
    vi.advanceTimersByTime(EJECTION_MS);
    const before = board.requestsTo("a");
    const settled = await board.runAll(50);
    expect(settled.every(({ ok }) => ok)).toBe(true);
    expect(board.requestsTo("a") - before).toBe(1);
  });
});

test("a home that flaps every 5 s affects few calls, none of them fails, and calls are home again when it is stable", async () => {
  const board = switchboard();
  const settled: boolean[] = [];
  const callEvery = async (everyMs: number, untilMs: number) => {
    while (performance.now() < untilMs) {
      board.set("a", performance.now() < 600_000 && performance.now() % 10_000 >= 5_000 ? noAnswer(1) : ok(1));
      settled.push((await board.run()).ok);
      vi.advanceTimersByTime(everyMs);
    }
  };
  await callEvery(250, 600_000);
  const paid = board.eventsOf("attempt").filter(({ region, ok }) => region === "a" && !ok);
  expect(paid.length).toBeLessThanOrEqual(20);
  // By then the ejections have become long, but none is longer than this.
  await callEvery(1_000, 600_000 + 330_000);
  expect(board.status("a").state).toBe("healthy");
  expect(settled).not.toContain(false);
});

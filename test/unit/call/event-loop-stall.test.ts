import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { buildFailover } from "../../../src/failover.js";
import { type Clock, systemClock } from "../../../src/support/clock.js";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance", "Date"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** After a stall of the event loop, timers run first, and then the data that arrived meanwhile is read. */
async function callAcross(stallMs: number, timeoutMs: number) {
  let stalledMs = 0;
  const clock: Clock = { ...systemClock, now: () => performance.now() + stalledMs };
  const failover = buildFailover({ regions: ["https://a.example.com", "https://b.example.com"] }, clock);
  const asked: string[] = [];
  const call = failover.run({
    service: "acme.rooms.v1.RoomService",
    method: "GetRoom",
    policy: { idempotent: true, timeoutMs, perAttemptTimeoutMs: 500 },
    send: ({ region }) => {
      asked.push(region.id);
      // Its timer was set after the attempt's timer, so it fires after it.
      return new Promise((resolve) => setTimeout(() => resolve(region.id), 500));
    },
    inspect: () => ({ kind: "none" }),
    createError: (code) => new Error(code),
  });
  const settled = call.catch((error: Error) => error.message);
  stalledMs = stallMs;
  await vi.advanceTimersByTimeAsync(5_000);
  return { asked, settled: await settled };
}

test("an answer that came during a stall is used before the attempt is given up", async () => {
  expect(await callAcross(1_000, 10_000)).toEqual({ asked: ["a.example.com"], settled: "a.example.com" });
});

test("without a stall, the attempt's limit holds", async () => {
  expect((await callAcross(0, 10_000)).asked).toEqual(["a.example.com", "b.example.com", "a.example.com"]);
});

test("the call's deadline holds with and without a stall", async () => {
  expect(await callAcross(3_000, 2_000)).toEqual({ asked: ["a.example.com"], settled: "deadline_exceeded" });
});

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { buildFailover } from "../../../src/failover.js";
import type { SendObserver } from "../../../src/outcome/transmission.js";
import { type Clock, systemClock } from "../../../src/support/clock.js";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance", "Date"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** What becomes of a request that gets no answer. */
type Unanswered = (observer: SendObserver, signal: AbortSignal) => void;

/** After a stall of the event loop, timers run first, and then the data that arrived meanwhile is read. */
async function callAcross(stallMs: number, timeoutMs: number, unanswered?: Unanswered) {
  let stalledMs = 0;
  const clock: Clock = { ...systemClock, now: () => performance.now() + stalledMs };
  const failover = buildFailover({ regions: ["https://a.example.com", "https://b.example.com"] }, clock);
  const asked: string[] = [];
  const call = failover.run({
    service: "acme.rooms.v1.RoomService",
    method: "GetRoom",
    policy: { idempotent: true, timeoutMs, perAttemptTimeoutMs: 500 },
    send: ({ region, observer, signal }) => {
      asked.push(region.id);
      if (unanswered !== undefined) {
        unanswered(observer, signal);
        return new Promise(() => {});
      }
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

test("an answer that came during a stall past the deadline of the call is used too", async () => {
  expect(await callAcross(3_000, 2_000)).toEqual({ asked: ["a.example.com"], settled: "a.example.com" });
});

test("without an answer the deadline holds, and nothing is sent after it", async () => {
  expect(await callAcross(3_000, 2_000, () => {})).toEqual({ asked: ["a.example.com"], settled: "deadline_exceeded" });
});

test("a request without a connection at the deadline does not start after it", async () => {
  const late: string[] = [];
  const settled = await callAcross(3_000, 2_000, (observer) => {
    observer.onHandedOver();
    setTimeout(() => {
      try {
        observer.onStarted();
        late.push("started");
      } catch {
        late.push("kept from starting");
      }
    }, 500);
  });
  expect(settled).toEqual({ asked: ["a.example.com"], settled: "deadline_exceeded" });
  expect(late).toEqual(["kept from starting"]);
});

test("a request that is still being made at the deadline is not waited for", async () => {
  let endedFirst = false;
  const { settled } = await callAcross(3_000, 2_000, (observer, signal) => {
    observer.onPreparing();
    setTimeout(() => {
      endedFirst = signal.aborted;
    }, 500);
  });
  expect({ settled, endedFirst }).toEqual({ settled: "deadline_exceeded", endedFirst: true });
});

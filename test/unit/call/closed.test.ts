import { expect, test, vi } from "vitest";
import { failoverTrace } from "../../../src/call/trace.js";
import { noAnswer, ok, simulate, useSimulatedTime } from "../helpers/simulation.js";

useSimulatedTime();

test("a call after close() is rejected before anything is sent, with the library's own error", async () => {
  const sim = simulate({ replies: [ok()] });
  sim.failover.close();
  const error = await sim.fail();
  expect(error).toMatchObject({
    code: "canceled",
    message: "acme.rooms.v1.RoomService/DialParticipant was not sent: its Failover is closed",
  });
  expect(failoverTrace(error)).toMatchObject({ attempts: [], refused: "closed" });
  expect(sim.asked()).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
});

test("a call under way goes on after close(), its replays included, and no listener hears of it", async () => {
  const sim = simulate({ replies: [noAnswer(), ok()], policy: { idempotent: true } });
  const call = sim.start();
  sim.failover.close();
  await vi.runAllTimersAsync();
  expect(await call).toBe("answer of b");
  expect(sim.events).toEqual([]);
});

test("using closes it at the end of the block", async () => {
  const sim = simulate({ replies: [ok()] });
  {
    using failover = sim.failover;
    expect(failover.regions()).toHaveLength(3);
  }
  await sim.fail();
  expect(sim.asked()).toEqual([]);
});

import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import type * as Simulated from "../helpers/simulation.js";
import { noAnswer, ok, twirp, useSimulatedTime } from "../helpers/simulation.js";

useSimulatedTime();

// Modules of their own, so that the engine gets a p-retry that can be watched, and no other test does.
const pRetry = vi.fn();
let simulate: typeof Simulated.simulate;
beforeAll(async () => {
  const real = await vi.importActual<typeof import("p-retry")>("p-retry");
  pRetry.mockImplementation(real.default);
  vi.resetModules();
  vi.doMock("p-retry", () => ({ ...real, default: pRetry }));
  ({ simulate } = await import("../helpers/simulation.js"));
});
afterAll(() => {
  vi.doUnmock("p-retry");
  vi.resetModules();
});
beforeEach(() => {
  pRetry.mockClear();
});

test("a first attempt that succeeds does not enter p-retry", async () => {
  const sim = simulate({ replies: [ok()] });
  await sim.run();
  expect(pRetry).not.toHaveBeenCalled();
});

test("a call that is replayed enters it once", async () => {
  const sim = simulate({ replies: [noAnswer(), noAnswer(), ok()], policy: { idempotent: true } });
  await sim.run();
  expect(pRetry).toHaveBeenCalledTimes(1);
});

test("a first attempt that succeeds waits for nothing: one timer, and it is gone", async () => {
  const sim = simulate({ replies: [ok(0)] });
  const setTimeout = vi.spyOn(globalThis, "setTimeout");
  await sim.run();
  // One of the attempt and one of the simulated server.
  expect(setTimeout).toHaveBeenCalledTimes(2);
  expect(vi.getTimerCount()).toBe(0);
});

test("a failure that cannot be replayed settles without a timer", async () => {
  const sim = simulate({ replies: [twirp("not_found", {}, 30)], policy: { idempotent: true } });
  expect(await sim.run()).toMatchObject({ ok: false, atMs: 30 });
  expect(vi.getTimerCount()).toBe(0);
});

test("events of the healthy path are not built when nobody listens", async () => {
  const { buildFailover } = await import("../../../src/failover.js");
  const { clockWith, World } = await import("../helpers/simulation.js");
  const date = vi.fn(() => 0);
  const failover = buildFailover({ regions: ["https://a.example.com"] }, { ...clockWith(), date });
  await failover.run(new World(() => ok()).call({ send: async () => "at once" }));
  expect(date).not.toHaveBeenCalled();
});

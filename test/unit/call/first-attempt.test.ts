import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import type * as Simulated from "../helpers/simulation.js";
import { noAnswer, ok, twirp, useSimulatedTime } from "../helpers/simulation.js";

useSimulatedTime();

// The modules are loaded separately, so that only in this file the engine uses a p-retry that is watched.
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

test("a call that is replayed enters p-retry once", async () => {
  const sim = simulate({ replies: [noAnswer(), noAnswer(), ok()], policy: { idempotent: true } });
  await sim.run();
  expect(pRetry).toHaveBeenCalledTimes(1);
});

test("a first attempt that succeeds does not wait: it sets one timer and clears it", async () => {
  const sim = simulate({ replies: [ok(0)] });
  const setTimeout = vi.spyOn(globalThis, "setTimeout");
  await sim.run();
  // One for the attempt and one for the simulated server.
  expect(setTimeout).toHaveBeenCalledTimes(2);
  expect(vi.getTimerCount()).toBe(0);
});

test("a failure that cannot be replayed settles without a timer", async () => {
  const sim = simulate({ replies: [twirp("not_found", {}, 30)], policy: { idempotent: true } });
  expect(await sim.run()).toMatchObject({ ok: false, atMs: 30 });
  expect(vi.getTimerCount()).toBe(0);
});

test("events of a successful call are not built without a listener", async () => {
  const { buildFailover } = await import("../../../src/failover.js");
  const { clockWith, World } = await import("../helpers/simulation.js");
  const date = vi.fn(() => 0);
  const failover = buildFailover({ regions: ["https://a.example.com"] }, { ...clockWith(), date });
  await failover.run(new World(() => ok()).call({ send: async () => "at once" }));
  expect(date).not.toHaveBeenCalled();
});

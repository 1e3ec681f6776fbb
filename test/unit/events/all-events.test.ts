import { expect, expectTypeOf, test, vi } from "vitest";
import type { FailoverEvent } from "../../../src/events/events.js";
import { createFailover } from "../../../src/failover.js";
import { noAnswer, ok, simulate, useSimulatedTime } from "../helpers/simulation.js";

useSimulatedTime();

test('on("*") hears every event, typed as their union, after the listeners of its own type', async () => {
  const sim = simulate({ replies: [noAnswer(), ok()], policy: { idempotent: true } });
  const heard: FailoverEvent[] = [];
  const order: string[] = [];
  sim.failover.on("*", (event) => {
    expectTypeOf(event).toEqualTypeOf<FailoverEvent>();
    heard.push(event);
    if (event.type === "failover") order.push("*");
  });
  sim.failover.on("failover", () => order.push("failover"));
  await sim.run();
  expect(heard.map(({ type }) => type)).toEqual(["attempt", "failover", "attempt", "call"]);
  expect(heard).toEqual(sim.events);
  expect(order).toEqual(["failover", "*"]);
});

test('a listener of "*" is removed alone, and one that throws harms no call and warns once per event', async () => {
  const sim = simulate({ replies: [ok()] });
  const heard = vi.fn();
  const remove = sim.failover.on("*", heard);
  sim.failover.on("*", () => {
    throw new Error("a bug");
  });
  expect(await sim.run()).toMatchObject({ ok: true });
  const warnings = sim.eventsOf("warning").map(({ message }) => message);
  expect(warnings).toEqual(['a listener of "attempt" threw: a bug', 'a listener of "call" threw: a bug']);
  const before = heard.mock.calls.length;
  remove();
  await sim.run();
  expect(heard.mock.calls.length).toBe(before);
});

test("the call event is a union on ok: code only where it failed, region always where it succeeded", () => {
  createFailover({ regions: ["https://a.example.com"] }).on("call", (event) => {
    if (event.ok) expectTypeOf(event.region).toEqualTypeOf<string>();
    else expectTypeOf(event.code).toBeString();
    // @ts-expect-error: a call that succeeded has no code.
    if (event.ok) expectTypeOf(event.code).toBeString();
  });
});

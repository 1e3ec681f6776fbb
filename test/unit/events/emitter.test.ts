import { describe, expect, test, vi } from "vitest";
import { Emitter } from "../../../src/events/emitter.js";
import type { FailoverEventType } from "../../../src/events/events.js";
import { createFailover } from "../../../src/failover.js";
import { systemClock } from "../../../src/support/clock.js";
import { refusalOf } from "../helpers/refusal.js";
import { clockWith, noAnswer, ok, simulate, useSimulatedTime } from "../helpers/simulation.js";

useSimulatedTime();

const failover = () => createFailover({ regions: ["https://eu.example.com/twirp"] });

describe("on()", () => {
  test("refuses a type that does not exist, with a list of the existing types", () => {
    const { message } = refusalOf(() => failover().on("hedge_started" as FailoverEventType, () => {}));
    expect(message).toMatch(
      /^twirp-failover: there is no event "hedge_started"; there are \*, attempt, failover, retry, /,
    );
  });

  test.each([
    ["failovers", "failover"],
    ["Attempt", "attempt"],
    ["replay-refused", "replay_refused"],
    ["region_changed", "regions_changed"],
    ["warnings", "warning"],
  ])("refuses %s with the suggestion %s", (typo, meant) => {
    const { message } = refusalOf(() => failover().on(typo as FailoverEventType, () => {}));
    expect(message).toContain(`${typo}" (did you mean "${meant}"?)`);
  });

  test.each(["constructor", "toString", "__proto__", ""])("refuses %j", (type) => {
    expect(refusalOf(() => failover().on(type as FailoverEventType, () => {})).message).toContain(
      `there is no event ${JSON.stringify(type)}`,
    );
  });

  test.each([undefined, null, {}, "log"])("refuses %j as a listener", (listener) => {
    expect(refusalOf(() => failover().on("call", listener as never)).message).toContain(
      "the listener must be a function",
    );
  });

  test("returns a function that removes the listener and may be called again", async () => {
    const sim = simulate({ replies: [ok()] });
    const listener = vi.fn();
    const off = sim.failover.on("call", listener);
    await sim.run();
    off();
    off();
    await sim.run();
    expect(listener).toHaveBeenCalledOnce();
  });

  test("called twice with the same function calls it twice, and each returned function removes one registration", async () => {
    const sim = simulate({ replies: [ok()] });
    const listener = vi.fn();
    const off = sim.failover.on("call", listener);
    sim.failover.on("call", listener);
    await sim.run();
    expect(listener).toHaveBeenCalledTimes(2);
    off();
    await sim.run();
    expect(listener).toHaveBeenCalledTimes(3);
  });
});

describe("a listener that throws", () => {
  test("asynchronously does not cause an unhandled rejection", async () => {
    const unhandled: unknown[] = [];
    const onUnhandled = (error: unknown) => void unhandled.push(error);
    process.on("unhandledRejection", onUnhandled);
    const warnings: string[] = [];
    const emitter = new Emitter(systemClock);
    emitter.on("warning", ({ message }) => void warnings.push(message));
    emitter.on("discovery_failed", async () => {
      throw new Error("too late");
    });
    emitter.emit({ type: "discovery_failed", at: 0, source: "here", reason: "none" });
    await new Promise((resolve) => setImmediate(resolve));
    process.off("unhandledRejection", onUnhandled);
    expect(unhandled).toEqual([]);
    expect(warnings).toEqual(['a listener of "discovery_failed" threw: too late']);
  });

  test("does not affect calls or other listeners, and causes a warning", async () => {
    const sim = simulate({ replies: [noAnswer(), ok()], policy: { idempotent: true } });
    const after = vi.fn();
    for (const type of ["attempt", "failover", "call"] as const) {
      sim.failover.on(type, () => {
        throw new Error(`${type} is broken`);
      });
      sim.failover.on(type, after);
    }
    expect(await sim.run()).toMatchObject({ ok: true });
    expect(after).toHaveBeenCalledTimes(4);
    expect(sim.eventsOf("warning").map(({ message }) => message)).toEqual([
      'a listener of "attempt" threw: attempt is broken',
      'a listener of "failover" threw: failover is broken',
      'a listener of "attempt" threw: attempt is broken',
      'a listener of "call" threw: call is broken',
    ]);
  });

  test("for warnings does not cause another warning", () => {
    const emitter = new Emitter(clockWith());
    const broken = vi.fn(() => {
      throw new Error("no");
    });
    emitter.on("warning", broken);
    expect(() => emitter.warn("once")).not.toThrow();
    expect(broken).toHaveBeenCalledOnce();
  });

  test.each(["text", undefined, null, 7])("may throw a value that is not an Error: %s", async (thrown) => {
    const sim = simulate({ replies: [ok()] });
    sim.failover.on("call", () => {
      throw thrown;
    });
    expect(await sim.run()).toMatchObject({ ok: true });
    expect(sim.eventsOf("warning")).toHaveLength(1);
  });

  test("is not waited for if it is async", async () => {
    const sim = simulate({ replies: [ok()] });
    sim.failover.on("call", () => new Promise<void>(() => {}) as unknown as undefined);
    expect(await sim.run()).toMatchObject({ ok: true, atMs: 10 });
  });
});

describe("while an event is emitted", () => {
  test("a listener that is added gets only the next event", () => {
    const emitter = new Emitter(clockWith());
    const heard: string[] = [];
    emitter.on("warning", ({ message }) => {
      if (message === "first") emitter.on("warning", (event) => heard.push(event.message));
    });
    emitter.warn("first");
    emitter.warn("second");
    expect(heard).toEqual(["second"]);
  });

  test("a listener may remove itself", () => {
    const emitter = new Emitter(clockWith());
    const listener = vi.fn(() => off());
    const off = emitter.on("warning", listener);
    emitter.warn("one");
    emitter.warn("two");
    expect(listener).toHaveBeenCalledOnce();
    expect(emitter.wants("warning")).toBe(false);
  });
});

describe("close()", () => {
  test("removes all listeners, and calls under way go on", async () => {
    const sim = simulate({ replies: [noAnswer(), ok()], policy: { idempotent: true } });
    setTimeout(() => sim.failover.close(), 50);
    expect(await sim.run()).toMatchObject({ ok: true });
    expect(sim.events.map(({ type }) => type)).toEqual(["attempt"]);
  });

  test("is called by `using`", () => {
    const made = failover();
    const listener = vi.fn();
    made.on("warning", listener);
    expect(made[Symbol.dispose]).toBe(made.close);
  });
});

describe("every event of a call", () => {
  test("carries its id, service, method and time", async () => {
    const sim = simulate({ replies: [noAnswer(), ok()], policy: { idempotent: true } });
    await sim.run();
    await sim.run();
    const times = sim.events.map((event) => [event.type, "callId" in event && event.callId, event.at - Date.now()]);
    expect(times).toEqual([
      ["attempt", 1, -220],
      ["failover", 1, -20],
      ["attempt", 1, -10],
      ["call", 1, -10],
      ["attempt", 2, 0],
      ["call", 2, 0],
    ]);
    for (const event of sim.events) {
      expect(event).toMatchObject({ service: "acme.rooms.v1.RoomService", method: "DialParticipant" });
    }
  });
});

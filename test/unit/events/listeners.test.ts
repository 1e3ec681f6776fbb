/** What one listener does to an event, or fails with, is nobody else's business. */
import { runInNewContext } from "node:vm";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Emitter } from "../../../src/events/emitter.js";
import type { FailoverEvent } from "../../../src/events/events.js";
import { httpRegions } from "../../../src/regions/discovery/http.js";
import { useFetchStub } from "../helpers/fetch-stub.js";
import { clockWith, flush, noAnswer, ok, simulate, useSimulatedTime } from "../helpers/simulation.js";

useSimulatedTime();
const fetchStub = useFetchStub();

describe("an event", () => {
  test("is the same for every listener, whatever one before did to it", async () => {
    const meddle = (event: object) => {
      for (const key of Object.keys(event)) Reflect.set(event, key, "changed");
      for (const key of Object.keys(event)) Reflect.deleteProperty(event, key);
      Reflect.set(event, "added", true);
      Object.setPrototypeOf(event, null);
    };
    const alone = simulate({ replies: [noAnswer(), ok()], policy: { idempotent: true } });
    await alone.run();
    const sim = simulate({ replies: [noAnswer(), ok()], policy: { idempotent: true } });
    const seen: FailoverEvent[] = [];
    const { failover } = sim;
    failover.on("*", (event) => event.type === "warning" || meddle(event));
    failover.on("*", (event) => event.type === "warning" || seen.push({ ...event }));
    await sim.run();
    const untimed = (events: FailoverEvent[]) => events.map((event) => ({ ...event, at: 0 }));
    expect(untimed(seen)).toEqual(untimed(alone.events));
    expect(seen).toHaveLength(4);
    expect(sim.eventsOf("warning")).toHaveLength(4); // `setPrototypeOf` throws; the others only say no.
  });

  test("says so to a listener that writes to it", async () => {
    const sim = simulate({ replies: [ok()] });
    sim.failover.on("call", (event) => {
      (event as { method: string }).method = "Other";
    });
    await sim.run();
    expect(sim.eventsOf("warning")).toMatchObject([
      { message: expect.stringMatching(/^a listener of "call" threw: Cannot assign to read only property 'method'/) },
    ]);
  });

  test("with a list keeps that list", async () => {
    const list = { regions: [{ region: "eu", url: "https://eu.livekit.cloud" }] };
    fetchStub.mockImplementation(async () => new Response(JSON.stringify(list)));
    const sim = simulate({ replies: [ok()], regions: httpRegions({ home: "https://my.livekit.cloud/twirp" }) });
    const meddle = vi.fn((regions: string[]) => regions.reverse());
    sim.failover.on("regions_changed", ({ regions }) => void meddle(regions as string[]));
    const seen: (readonly string[])[] = [];
    sim.failover.on("regions_changed", ({ regions }) => void seen.push([...regions]));
    await sim.run();
    await sim.failover.ready();
    expect(meddle).toHaveBeenCalledOnce();
    expect(seen).toEqual([["my.livekit.cloud", "eu"]]);
    expect(sim.eventsOf("regions_changed")).toMatchObject([{ regions: ["my.livekit.cloud", "eu"] }]);
  });
});

describe("what a listener returns", () => {
  const unhandled: unknown[] = [];
  const onUnhandled = (error: unknown) => void unhandled.push(error);
  beforeEach(() => {
    unhandled.length = 0;
    process.on("unhandledRejection", onUnhandled);
  });
  afterEach(() => void process.off("unhandledRejection", onUnhandled));

  /** What is warned of when a listener returns this. */
  async function warningsAfter(make: () => unknown, type: "call" | "warning" = "call"): Promise<string[]> {
    const emitter = new Emitter(clockWith());
    const warnings: string[] = [];
    emitter.on(type, () => make() as undefined);
    emitter.on("warning", ({ message }) => void warnings.push(message));
    if (type === "warning") emitter.warn("first");
    else {
      const call = { callId: 1, service: "s", method: "m", attempts: 1, elapsedMs: 1, region: "a", ok: true } as const;
      emitter.emit({ type, at: 0, ...call });
    }
    for (let i = 0; i < 5; i++) await flush();
    expect(unhandled).toEqual([]);
    return warnings;
  }

  test("a promise of another realm that rejects is no unhandled rejection, but a warning", async () => {
    const reject = runInNewContext('(async () => { throw new Error("elsewhere"); })') as () => unknown;
    const promise = reject() as Promise<unknown>;
    expect(promise instanceof Promise).toBe(false);
    await promise.catch(() => {});
    expect(await warningsAfter(reject)).toEqual(['a listener of "call" threw: elsewhere']);
    expect(await warningsAfter(reject, "warning")).toEqual(["first"]);
  });

  const thenables: [string, () => unknown, string[]][] = [
    [
      "whose `then` cannot be read",
      () => ({
        // biome-ignore lint/suspicious/noThenProperty: it is what is tested.
        get then() {
          throw new Error("no then");
        },
      }),
      ['a listener of "call" threw: no then'],
    ],
    [
      "that throws",
      () => ({
        // biome-ignore lint/suspicious/noThenProperty: it is what is tested.
        then() {
          throw new Error("thrown by then");
        },
      }),
      ['a listener of "call" threw: thrown by then'],
    ],
    [
      "that rejects at once, and again, and throws",
      () => ({
        // biome-ignore lint/suspicious/noThenProperty: it is what is tested.
        then(_: unknown, reject: (error: unknown) => void) {
          reject(new Error("at once"));
          reject(new Error("again"));
          throw new Error("and throws");
        },
      }),
      ['a listener of "call" threw: at once'],
    ],
    [
      "that resolves with one that rejects",
      () => ({
        // biome-ignore lint/suspicious/noThenProperty: it is what is tested.
        then(resolve: (value: unknown) => void) {
          resolve(Promise.reject(new Error("inner")));
        },
      }),
      ['a listener of "call" threw: inner'],
    ],
    // biome-ignore lint/suspicious/noThenProperty: it is what is tested.
    ["that never settles", () => ({ then() {} }), []],
    // biome-ignore lint/suspicious/noThenProperty: it is what is tested.
    ["that is none: its `then` is no function", () => ({ then: 7 }), []],
    ["that is none, but frozen and without a prototype", () => Object.freeze(Object.create(null)), []],
  ];
  test.each(thenables)("a thenable %s", async (_, make, expected) => {
    expect(await warningsAfter(make)).toEqual(expected);
  });

  test("holds no call up", async () => {
    const sim = simulate({ replies: [ok()] });
    // biome-ignore lint/suspicious/noThenProperty: it is what is tested.
    sim.failover.on("call", () => ({ then() {} }) as unknown as undefined);
    expect(await sim.run()).toMatchObject({ ok: true, atMs: 10 });
  });
});

test("nothing is frozen, nor built, where nobody listens", () => {
  const freeze = vi.spyOn(Object, "freeze");
  const emitter = new Emitter(clockWith());
  emitter.warn("unheard");
  const event: FailoverEvent = { type: "region_probe", at: 0, region: "a" };
  emitter.emit(event);
  expect(freeze).not.toHaveBeenCalled();
  expect(Object.isFrozen(event)).toBe(false);
  freeze.mockRestore();
});

/** A region that takes a request and does not answer it, or not in time, or with nothing. */
import { setTimeout as sleep } from "node:timers/promises";
import { RpcError } from "@protobuf-ts/runtime-rpc";
import { beforeAll, describe, expect, test } from "vitest";
import * as faults from "../support/faults.js";
import {
  errorOf,
  expectTruth,
  FORMATS,
  METHODS,
  type MethodKind,
  newRequestId,
  outcomesOf,
  useWire,
} from "../support/wire.js";

const SILENT = [
  { name: "hangs", fault: faults.hangs, executed: 0 },
  { name: "runs, then hangs", fault: faults.ran(faults.hangs), executed: 1 },
] as const;

const REPLAYABLE: readonly MethodKind[] = ["read", "update"];

describe.each(FORMATS)("home is silent, $format", ({ format, sendJson }) => {
  const wire = useWire();
  // The first fetch of a process loads its parts, which takes longer than the timeouts here.
  beforeAll(() => fetch("data:,"));

  describe.each(SILENT)("$name", ({ fault, executed }) => {
    test.each(REPLAYABLE)("a %s moves on after its share of the timeout", async (kind) => {
      const { home, second, client } = await wire().pair(sendJson, { policy: { timeoutMs: 600 } });
      home.always(fault);
      const id = newRequestId();
      expect(await METHODS[kind](client.rooms, id)).toBe("second");
      expect(home.saw(id)).toEqual({ received: 1, executed });
      expect(second.saw(id)).toEqual({ received: 1, executed: 1 });
      const facts = { code: "deadline_exceeded", origin: "timeout", execution: "unknown" };
      expect(client.eventsOf("attempt")).toMatchObject([{ ok: false, ...facts }, { ok: true }]);
      expect(client.eventsOf("attempt")[0]?.elapsedMs).toBeGreaterThan(295);
      expect(client.eventsOf("failover")).toMatchObject([{ from: "home", to: "second", ...facts }]);
      expectTruth(client, home, second);
    });

    test("a read moves on after perAttemptTimeoutMs", async () => {
      const { home, second, client } = await wire().pair(sendJson, { policy: { perAttemptTimeoutMs: 150 } });
      home.always(fault);
      expect(await METHODS.read(client.rooms, newRequestId())).toBe("second");
      expect(client.eventsOf("attempt")[0]?.elapsedMs).toBeLessThan(1_000);
      expectTruth(client, home, second);
    });

    test("a mutation waits until its deadline, and no longer", async () => {
      const { home, second, client } = await wire().pair(sendJson, { policy: { timeoutMs: 200 } });
      home.always(fault);
      const id = newRequestId();
      const begun = performance.now();
      const error = await errorOf(METHODS.mutation(client.rooms, id));
      expect(performance.now() - begun).toBeGreaterThan(195);
      expect(home.saw(id)).toEqual({ received: 1, executed });
      expect(second.saw()).toEqual({ received: 0, executed: 0 });
      expect(error).toBeInstanceOf(RpcError);
      expect(error).toMatchObject({ code: "deadline_exceeded", methodName: "DialParticipant" });
      expect(outcomesOf(error)).toEqual([{ code: "deadline_exceeded", origin: "caller", execution: "unknown" }]);
      expectTruth(client, home, second);
    });

    test("a mutation with a timeout per attempt fails by it, and goes nowhere else", async () => {
      const { home, second, client } = await wire().pair(sendJson, { policy: { perAttemptTimeoutMs: 100 } });
      home.always(fault);
      const id = newRequestId();
      const error = await errorOf(METHODS.mutation(client.rooms, id));
      expect(error).toMatchObject({ code: "deadline_exceeded" });
      expect(outcomesOf(error)).toEqual([{ code: "deadline_exceeded", origin: "timeout", execution: "unknown" }]);
      expect(client.eventsOf("replay_refused")).toMatchObject([{ region: "home", reason: "not_idempotent" }]);
      expect(home.saw(id)).toEqual({ received: 1, executed });
      expect(second.saw().received).toBe(0);
    });
  });

  test.each(Object.keys(METHODS) as MethodKind[])("a slow answer to a %s is an answer", async (kind) => {
    const { home, second, client } = await wire().pair(sendJson, { policy: { timeoutMs: 2_000 } });
    home.always(faults.answersAfter(60));
    const id = newRequestId();
    expect(await METHODS[kind](client.rooms, id)).toBe("home");
    expect(home.saw(id)).toEqual({ received: 1, executed: 1 });
    expectTruth(client, home, second);
  });

  test("an execution that ends after its attempt was given up changes nothing", async () => {
    const { home, second, client } = await wire().pair(sendJson, { policy: { perAttemptTimeoutMs: 250 } });
    let answered = () => {};
    const late = new Promise<void>((resolve) => {
      answered = resolve;
    });
    home.always({ before: () => sleep(280), after: answered });
    second.always({ before: () => late });
    const id = newRequestId();
    expect(await METHODS.read(client.rooms, id)).toBe("second");
    expect(home.saw(id)).toEqual({ received: 1, executed: 1 });
    expect(client.eventsOf("call")).toMatchObject([{ ok: true, attempts: 2, region: "second" }]);
    expectTruth(client, home, second);
  });

  // Binary has a meaning for no bytes: a message with all its defaults. The transport cannot know better.
  test("an empty 200 is a message in binary, and broken in JSON", async () => {
    const { home, second, client } = await wire().pair(sendJson);
    home.always(faults.answersEmpty);
    const id = newRequestId();
    expect(await METHODS.read(client.rooms, id)).toBe(format === "binary" ? "" : "second");
    expect(home.saw(id)).toEqual({ received: 1, executed: 1 });
    expectTruth(client, home, second);
  });

  test("a mutation whose JSON answer is empty is not replayed", async () => {
    const { home, second, client } = await wire().pair(true);
    home.always(faults.answersEmpty);
    const id = newRequestId();
    const error = await errorOf(METHODS.mutation(client.rooms, id));
    expect(error).toMatchObject({ code: "dataloss" });
    expect(home.saw(id)).toEqual({ received: 1, executed: 1 });
    expect(second.saw().received).toBe(0);
  });
});

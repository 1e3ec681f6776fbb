/** A region that accepts a request and gives no answer, a late answer or an empty answer. */
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, test } from "vitest";
import type { Format } from "../support/clients.js";
import * as faults from "../support/faults.js";
import {
  CLIENTS,
  errorOf,
  expectTruth,
  KINDS,
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

describe.each(CLIENTS)("home is silent, $name, $format", (kind) => {
  const wire = useWire();
  // The first fetch of a process loads modules, which takes longer than the timeouts here.
  beforeAll(() => fetch("data:,"));

  describe.each(SILENT)("$name", ({ fault, executed }) => {
    test.each(REPLAYABLE)("a %s goes to the next region after its share of the timeout", async (method) => {
      const { home, second, client } = await wire().pair(kind, { policy: { timeoutMs: 600 } });
      // So that the method is known to be quick.
      expect(await client[method](newRequestId())).toBe("home");
      home.always(fault);
      const id = newRequestId();
      expect(await client[method](id)).toBe("second");
      expect(home.saw(id)).toEqual({ received: 1, executed });
      expect(second.saw(id)).toEqual({ received: 1, executed: 1 });
      const facts = { code: "deadline_exceeded", origin: "timeout", execution: "unknown" };
      expect(client.eventsOf("attempt")).toMatchObject([{ ok: true }, { ok: false, ...facts }, { ok: true }]);
      expect(client.eventsOf("attempt")[1]?.elapsedMs).toBeGreaterThan(295);
      expect(client.eventsOf("failover")).toMatchObject([{ from: "home", to: "second", ...facts }]);
      expectTruth(client, home, second);
    });

    test("a read goes to the next region after perAttemptTimeoutMs", async () => {
      const { home, second, client } = await wire().pair(kind, { policy: { perAttemptTimeoutMs: 150 } });
      home.always(fault);
      expect(await client.read(newRequestId())).toBe("second");
      expect(client.eventsOf("attempt")[0]?.elapsedMs).toBeLessThan(1_000);
      expectTruth(client, home, second);
    });

    test("a mutation waits until its deadline", async () => {
      const { home, second, client } = await wire().pair(kind, { policy: { timeoutMs: 120 } });
      home.always(fault);
      const id = newRequestId();
      const begun = performance.now();
      const error = await errorOf(client.mutation(id));
      expect(performance.now() - begun).toBeGreaterThan(115);
      expect(home.saw(id)).toEqual({ received: 1, executed });
      expect(second.saw()).toEqual({ received: 0, executed: 0 });
      expect(kind.factsOf(error).code).toBe("deadline_exceeded");
      expect(outcomesOf(error)).toEqual([{ code: "deadline_exceeded", origin: "caller", execution: "unknown" }]);
      expectTruth(client, home, second);
    });

    test("a mutation with perAttemptTimeoutMs fails after that time, and goes nowhere else", async () => {
      const { home, second, client } = await wire().pair(kind, { policy: { perAttemptTimeoutMs: 100 } });
      home.always(fault);
      const id = newRequestId();
      const error = await errorOf(client.mutation(id));
      expect(error).toMatchObject({ code: "deadline_exceeded" });
      expect(outcomesOf(error)).toEqual([{ code: "deadline_exceeded", origin: "timeout", execution: "unknown" }]);
      expect(client.eventsOf("replay_refused")).toMatchObject([{ region: "home", reason: "not_idempotent" }]);
      expect(home.saw(id)).toEqual({ received: 1, executed });
      expect(second.saw().received).toBe(0);
    });
  });

  test("the request ends with its attempt: home sees that the connection is closed", async () => {
    const { home, client } = await wire().pair(kind, { policy: { perAttemptTimeoutMs: 150 } });
    const left = new Promise<void>((resolve) => {
      home.always({ instead: ({ res }) => void res.on("close", resolve) });
    });
    expect(await client.read(newRequestId())).toBe("second");
    await left;
  });

  test.each(KINDS)("a slow answer to a %s is accepted", async (method) => {
    const { home, second, client } = await wire().pair(kind, { policy: { timeoutMs: 2_000 } });
    home.always(faults.answersAfter(60));
    const id = newRequestId();
    expect(await client[method](id)).toBe("home");
    expect(home.saw(id)).toEqual({ received: 1, executed: 1 });
    expectTruth(client, home, second);
  });

  test("an answer after its attempt was given up changes nothing", async () => {
    const { home, second, client } = await wire().pair(kind, { policy: { perAttemptTimeoutMs: 250 } });
    let answered = () => {};
    const late = new Promise<void>((resolve) => {
      answered = resolve;
    });
    home.always({ before: () => sleep(280), after: answered });
    second.always({ before: () => late });
    const id = newRequestId();
    expect(await client.read(id)).toBe("second");
    expect(home.saw(id)).toEqual({ received: 1, executed: 1 });
    expect(client.eventsOf("call")).toMatchObject([{ ok: true, attempts: 2, region: "second" }]);
    expectTruth(client, home, second);
  });
});

const inFormat = (wanted: Format) => CLIENTS.filter(({ format }) => format === wanted);

// In binary format, zero bytes are a valid message with all default values, so the transport must accept them.
describe.each(inFormat("binary"))("an empty 200, $name, $format", (kind) => {
  const wire = useWire();

  test.each(KINDS)("is a message, the answer to a %s", async (method) => {
    const { home, second, client } = await wire().pair(kind);
    home.always(faults.answersEmpty);
    const id = newRequestId();
    expect(await client[method](id)).toBe("");
    expect(home.saw(id)).toEqual({ received: 1, executed: 1 });
    expectTruth(client, home, second);
  });
});

describe.each(inFormat("JSON"))("an empty 200, $name, $format", (kind) => {
  const wire = useWire();

  test.each(REPLAYABLE)("is not a message: a %s fails over", async (method) => {
    const { home, second, client } = await wire().pair(kind);
    home.always(faults.answersEmpty);
    const id = newRequestId();
    expect(await client[method](id)).toBe("second");
    expect(home.saw(id)).toEqual({ received: 1, executed: 1 });
    expectTruth(client, home, second);
  });

  test("is not a message: a mutation is not replayed", async () => {
    const { home, second, client } = await wire().pair(kind);
    home.always(faults.answersEmpty);
    const id = newRequestId();
    const error = await errorOf(client.mutation(id));
    expect(kind.factsOf(error).code).toBe(kind.codeOf({ code: "dataloss", origin: "transport" }));
    expect(home.saw(id)).toEqual({ received: 1, executed: 1 });
    expect(second.saw().received).toBe(0);
  });
});

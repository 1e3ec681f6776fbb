/** A region that takes a request and does not answer it, or not in time, or with nothing. */
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
  // The first fetch of a process loads its parts, which takes longer than the timeouts here.
  beforeAll(() => fetch("data:,"));

  describe.each(SILENT)("$name", ({ fault, executed }) => {
    test.each(REPLAYABLE)("a %s moves on after its share of the timeout", async (method) => {
      const { home, second, client } = await wire().pair(kind, { policy: { timeoutMs: 600 } });
      // It is known to be quick.
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

    test("a read moves on after perAttemptTimeoutMs", async () => {
      const { home, second, client } = await wire().pair(kind, { policy: { perAttemptTimeoutMs: 150 } });
      home.always(fault);
      expect(await client.read(newRequestId())).toBe("second");
      expect(client.eventsOf("attempt")[0]?.elapsedMs).toBeLessThan(1_000);
      expectTruth(client, home, second);
    });

    test("a mutation waits until its deadline, and no longer", async () => {
      const { home, second, client } = await wire().pair(kind, { policy: { timeoutMs: 120 } });
      home.always(fault);
      const id = newRequestId();
      const begun = performance.now();
      const error = await errorOf(client.mutation(id));
      expect(performance.now() - begun).toBeGreaterThan(115);
      expect(home.saw(id)).toEqual({ received: 1, executed });
      expect(second.saw()).toEqual({ received: 0, executed: 0 });
      expect(kind.told(error).code).toBe("deadline_exceeded");
      expect(outcomesOf(error)).toEqual([{ code: "deadline_exceeded", origin: "caller", execution: "unknown" }]);
      expectTruth(client, home, second);
    });

    test("a mutation with a timeout per attempt fails by it, and goes nowhere else", async () => {
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

  test("the request ends with its attempt: home sees the client leave", async () => {
    const { home, client } = await wire().pair(kind, { policy: { perAttemptTimeoutMs: 150 } });
    const left = new Promise<void>((resolve) => {
      home.always({ instead: ({ res }) => void res.on("close", resolve) });
    });
    expect(await client.read(newRequestId())).toBe("second");
    await left;
  });

  test.each(KINDS)("a slow answer to a %s is an answer", async (method) => {
    const { home, second, client } = await wire().pair(kind, { policy: { timeoutMs: 2_000 } });
    home.always(faults.answersAfter(60));
    const id = newRequestId();
    expect(await client[method](id)).toBe("home");
    expect(home.saw(id)).toEqual({ received: 1, executed: 1 });
    expectTruth(client, home, second);
  });

  test("an execution that ends after its attempt was given up changes nothing", async () => {
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

// Binary has a meaning for no bytes: a message with all its defaults. The transport cannot know better.
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

  test.each(REPLAYABLE)("is no message: a %s fails over", async (method) => {
    const { home, second, client } = await wire().pair(kind);
    home.always(faults.answersEmpty);
    const id = newRequestId();
    expect(await client[method](id)).toBe("second");
    expect(home.saw(id)).toEqual({ received: 1, executed: 1 });
    expectTruth(client, home, second);
  });

  test("is no message: a mutation is not replayed", async () => {
    const { home, second, client } = await wire().pair(kind);
    home.always(faults.answersEmpty);
    const id = newRequestId();
    const error = await errorOf(client.mutation(id));
    expect(kind.told(error).code).toBe(kind.codeOf({ code: "dataloss", origin: "transport" }));
    expect(home.saw(id)).toEqual({ received: 1, executed: 1 });
    expect(second.saw().received).toBe(0);
  });
});

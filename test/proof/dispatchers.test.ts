/**
 * Whose word counts. "Handed over, and not started" is a proof only with a dispatcher that tells of the start before it
 * writes. undici's own do. Any other has to show it first, and until then nothing is proved by silence.
 */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { LIBRARIES } from "../support/clients.js";
import { realDispatcher, withDispatcher } from "../support/dispatcher.js";
import * as faults from "../support/faults.js";
import { type RegionServer, refusedUrl, startRegion } from "../support/region.js";
import { AnyClient, type AnyOptions, QUICK } from "../support/test-clients.js";
import { generations } from "./undici.js";
import { LateDispatcher, threadRegion } from "./untrusted.js";

let home: RegionServer;
let second: RegionServer;
beforeEach(async () => {
  home = await startRegion("home");
  second = await startRegion("second");
});
afterEach(async () => {
  await home.close();
  await second.close();
});

const WAIT_MS = 150;
const POLICY = { ...QUICK, connectTimeoutMs: WAIT_MS };

describe.each(LIBRARIES)("$name", (library) => {
  const connect = (url: string, options: AnyOptions = {}) =>
    new AnyClient(
      { ...library, format: "JSON" },
      [
        { id: "home", url },
        { id: "second", url: second.url },
      ],
      {
        policy: POLICY,
        ...options,
      },
    );

  const outcomes = (client: AnyClient) =>
    client.eventsOf("attempt").map((event) => (event.ok ? "ok" : event.execution));

  // Its threads never get their requests on Node 20, and it cannot post the body of Node 26's `fetch`.
  test.skipIf(!/^2[2-5]\./.test(process.versions.node)).each(generations)(
    "$name's Agent with undici-thread-interceptor: a mutation that takes longer than connectTimeoutMs runs once",
    async ({ undici }) => {
      const thread = await threadRegion(undici, 3 * WAIT_MS);
      try {
        const client = connect(thread.url);
        expect(await withDispatcher(thread.dispatcher, () => client.mutation("slow"))).toBe("thread");
        expect(thread.executed()).toBe(1);
        expect(second.executed).toEqual([]);
        // It starts and answers in one tick, so it has proved nothing for the next call either.
        expect(await withDispatcher(thread.dispatcher, () => client.mutation("slow again"))).toBe("thread");
        expect(thread.executed()).toBe(2);
        expect(client.eventsOf("warning")).toEqual([]);
      } finally {
        await thread.close();
      }
    },
  );

  test("a dispatcher that tells of the start late: a slow mutation runs once", async () => {
    home.always(faults.answersAfter(3 * WAIT_MS));
    const client = connect(home.url);
    const late = new LateDispatcher();
    for (const id of ["first", "second", "third"]) {
      expect(await withDispatcher(late, () => client.mutation(id))).toBe("home");
      expect(home.saw(id).executed).toBe(1);
    }
    expect(second.executed).toEqual([]);
  });

  test("a dispatcher that tells of the start late: a reset proves nothing, and one warning says so", async () => {
    home.always(faults.ran(faults.resets));
    const client = connect(home.url);
    const late = new LateDispatcher();
    for (const id of ["first", "second"]) {
      await expect(withDispatcher(late, () => client.mutation(id))).rejects.toThrow();
    }
    expect(home.executed).toEqual(["first", "second"]);
    expect(second.executed).toEqual([]);
    expect(outcomes(client)).toEqual(["unknown", "unknown"]);
    expect(client.eventsOf("warning").map(({ message }) => message)).toEqual([
      expect.stringMatching(/dispatcher \(LateDispatcher\).*proofOfSending: false/),
    ]);
  });

  test("what such a dispatcher itself calls a refused connection is one", async () => {
    const client = connect(await refusedUrl());
    expect(await withDispatcher(new LateDispatcher(), () => client.mutation("refused"))).toBe("second");
    expect(client.eventsOf("attempt")[0]).toMatchObject({ execution: "none", cause: "ECONNREFUSED" });
    expect(client.eventsOf("warning")).toEqual([]);
  });

  test.each(generations)("$name: a dispatcher of the user's earns its word with one answer", async ({ undici }) => {
    const agent = new undici.Agent({ connections: 1, pipelining: 1 });
    const own = { dispatch: (options: object, handler: object) => agent.dispatch(options, handler) };
    /** One request holds the only connection, and another one waits for it for longer than it may. */
    const together = async (client: AnyClient, id: string) => {
      home.script(faults.answersAfter(6 * WAIT_MS));
      const arrived = home.arrived(home.received.length + 1);
      const holding = client.mutation(`${id} holds`);
      await arrived;
      return Promise.all([holding, client.mutation(`${id} waits`)]);
    };
    const client = connect(home.url);
    // Nothing was seen of it yet: a request that waits may have been sent, so it stays where it is.
    expect(await withDispatcher(own, () => together(client, "before"))).toEqual(["home", "home"]);
    // It has started a request and got the answer later. Now its silence is a proof.
    expect(await withDispatcher(own, () => together(client, "after"))).toEqual(["home", "second"]);
    expect(home.saw("after waits").received).toBe(0);
  });

  test("what is earned at one origin does not hold at another", async () => {
    const late = new LateDispatcher();
    /** Late at home alone, as with undici-thread-interceptor, which hands on what is for the network. */
    const mixed = {
      dispatch: (options: object, handler: object) =>
        (options as { origin: string | URL }).origin.toString().startsWith(home.origin)
          ? late.dispatch(options, handler)
          : realDispatcher(handler).dispatch(options, handler),
    };
    const there = new AnyClient({ ...library, format: "JSON" }, [{ id: "second", url: second.url }], {});
    expect(await withDispatcher(mixed, () => there.mutation("earns"))).toBe("second");
    home.always(faults.answersAfter(3 * WAIT_MS));
    const client = connect(home.url);
    expect(await withDispatcher(mixed, () => client.mutation("slow"))).toBe("home");
    expect(second.executed).toEqual(["earns"]);
  });

  test.each(generations)("$name: what only looks like undici's own is not believed", async ({ undici }) => {
    home.always(faults.answersAfter(3 * WAIT_MS));
    const late = new LateDispatcher();
    const dispatch = (options: object, handler: object) => late.dispatch(options, handler);
    class Agent extends undici.Agent {
      override dispatch(options: object, handler: object): boolean {
        return dispatch(options, handler);
      }
    }
    const patched = Object.assign(new undici.Agent(), { dispatch });
    const madeBy = new undici.Agent({ factory: () => Object.assign(new undici.Agent(), { dispatch }) });
    const composed = new undici.Agent().compose(() => dispatch);
    for (const [id, dispatcher] of Object.entries({ subclass: new Agent(), patched, composed, madeBy })) {
      const client = connect(home.url);
      expect(await withDispatcher(dispatcher, () => client.mutation(id)), id).toBe("home");
      expect(second.executed, id).toEqual([]);
    }
  });

  test.each(generations)("$name's RetryAgent: a request that was sent is not taken for unsent", async ({ undici }) => {
    const dispatcher = new undici.RetryAgent(new undici.Agent(), { maxRetries: 0 });
    home.script(faults.ran(faults.resets), faults.answersAfter(3 * WAIT_MS));
    const client = connect(home.url);
    await expect(withDispatcher(dispatcher, () => client.mutation("reset"))).rejects.toThrow();
    expect(await withDispatcher(dispatcher, () => client.mutation("slow"))).toBe("home");
    expect(second.executed).toEqual([]);
  });

  test.each(generations)("$name's RetryAgent does not send a mutation again", async ({ undici }) => {
    const dispatcher = new undici.RetryAgent(new undici.Agent(), { methods: ["POST"], minTimeout: 10, maxRetries: 2 });
    home.always(faults.ran(faults.html(503)));
    const client = connect(home.url);
    await expect(withDispatcher(dispatcher, () => client.mutation("once"))).rejects.toThrow();
    expect(home.saw("once").executed).toBe(1);
    expect(second.executed).toEqual([]);
  });

  test.each(generations)("$name's MockAgent, aborted while it delays its reply, harms nothing", async ({ undici }) => {
    const mock = new undici.MockAgent();
    mock.disableNetConnect();
    const reply = mock.get(home.origin).intercept({ path: /./, method: "POST" });
    reply.reply(200, { servedBy: "mock" }, { headers: { "content-type": "application/json" } }).delay(100);
    const client = connect(home.url);
    const call = withDispatcher(mock, () => client.mutation("mocked", { timeout: 50, failover: false }));
    await expect(call).rejects.toThrow("within 50 ms");
    // An exception in the timer of the delay would fail this run.
    await new Promise((resolve) => setTimeout(resolve, 200));
  });
});

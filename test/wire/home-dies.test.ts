/** Home is healthy, then goes down completely, including its list. No second region is configured. */
import { beforeAll, describe, expect, test } from "vitest";
import { CLIENTS } from "../support/clients.js";
import { entryOf, listOf, serveList } from "../support/discovery.js";
import * as faults from "../support/faults.js";
import { errorOf, METHODS, type MethodKind, newRequestId, useWire } from "../support/wire.js";

const KINDS = Object.keys(METHODS) as MethodKind[];
const REPLAYABLE: readonly MethodKind[] = ["read", "update"];

describe.each(CLIENTS)("home dies, $name, $format", (library) => {
  const wire = useWire();
  // The first fetch of a process loads modules, which takes longer than the timeouts here.
  beforeAll(() => fetch("data:,"));

  /** A client of a healthy region, configured only with its URL. It has made one call and knows the list. */
  async function healthy(policy = {}) {
    const [home, second] = [await wire().region("home"), await wire().region("second")];
    const list = serveList(home, listOf(entryOf(home), entryOf(second, 40)));
    const client = wire().discovering(library, { home: home.url }, { policy });
    // No connection is reused, because on an idle connection to a closed server a call may fail without a proof.
    home.script({ before: ({ res }) => void res.setHeader("connection", "close") });
    const known = new Promise((resolve) => client.failover.on("regions_changed", resolve));
    expect(await client.read(newRequestId())).toBe("home");
    await known;
    return { home, second, list, client };
  }

  test.each(KINDS)("refusing: each of 30 %ss in a row succeeds", async (kind) => {
    const { home, second, client } = await healthy();
    await home.close();
    for (let i = 0; i < 30; i++) {
      const id = newRequestId();
      expect(await client[kind](id)).toBe("second");
      expect(second.saw(id)).toEqual({ received: 1, executed: 1 });
    }
    // An ejected home is not called, so not every call needs a failover.
    expect(client.eventsOf("failover").length).toBeLessThan(30);
    expect(client.eventsOf("discovery_failed")).toEqual([]);
  });

  test("refusing: each of 90 calls of all kinds at once succeeds", async () => {
    const { home, second, client } = await healthy();
    await home.close();
    const calls = Array.from({ length: 90 }, (_, i) => client[KINDS[i % 3] as MethodKind](newRequestId()));
    expect(new Set(await Promise.all(calls))).toEqual(new Set(["second"]));
    expect(second.saw()).toEqual({ received: 90, executed: 90 });
  });

  test("in the middle of 60 calls: those that may be replayed succeed, and no mutation runs twice", async () => {
    const { home, second, client } = await healthy({ timeoutMs: 5_000 });
    home.always(faults.answersAfter(150));
    const ids = Array.from({ length: 60 }, (_, i) => ({ id: newRequestId(), kind: KINDS[i % 3] as MethodKind }));
    const calls = ids.map(({ id, kind }) => client[kind](id));
    const settled = Promise.allSettled(calls);
    await home.arrived(61);
    await home.close();
    for (const [i, { status }] of (await settled).entries()) {
      const { id, kind } = ids[i] as (typeof ids)[number];
      const executed = home.saw(id).executed + second.saw(id).executed;
      if (kind === "mutation") expect(executed, id).toBeLessThanOrEqual(1);
      else expect(status, `${kind} ${id}`).toBe("fulfilled");
    }
  });

  test("hanging: the first calls end within perAttemptTimeoutMs and a wait, and none fails", async () => {
    const { home, second, client } = await healthy({ perAttemptTimeoutMs: 400 });
    home.always(faults.hangs);
    serveList(home, faults.hangs.instead as never);
    const begun = performance.now();
    const calls = Array.from({ length: 40 }, (_, i) => client[REPLAYABLE[i % 2] as MethodKind](newRequestId()));
    expect(new Set(await Promise.all(calls))).toEqual(new Set(["second"]));
    expect(performance.now() - begun).toBeLessThan(1_200);
    // Home is ejected by now, so the next call does not wait, not even a mutation.
    const next = performance.now();
    expect(await client.mutation(newRequestId())).toBe("second");
    expect(performance.now() - next).toBeLessThan(300);
    expect(second.saw()).toEqual({ received: 41, executed: 41 });
  });

  test("refusing before the list is known: the error is home's own", async () => {
    const [home, second] = [await wire().region("home"), await wire().region("second")];
    serveList(home, listOf(entryOf(home), entryOf(second)));
    await home.close();
    const client = wire().discovering(library, { home: home.url });
    for (const kind of KINDS) {
      expect(await errorOf(client[kind](newRequestId()))).toMatchObject({
        message: expect.stringMatching(/^fetch failed/),
      });
    }
    expect(client.eventsOf("discovery_failed")).toHaveLength(1);
    // The same, with a fallback: nothing fails.
    const fallback = [{ id: "second", url: second.url }];
    const prepared = wire().discovering(library, { home: home.url, fallback });
    for (const kind of KINDS) expect(await prepared[kind](newRequestId())).toBe("second");
    await prepared.failover.ready();
  });
});

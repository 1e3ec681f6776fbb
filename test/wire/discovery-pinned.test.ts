/** A project that is moved to other regions while clients run: every call gets there although the list is fresh. */
import { describe, expect, test } from "vitest";
import { CLIENTS } from "../support/clients.js";
import { entryOf, listOf, serveList } from "../support/discovery.js";
import * as faults from "../support/faults.js";
import { METHODS, type MethodKind, newRequestId, useWire } from "../support/wire.js";

const KINDS = Object.keys(METHODS) as MethodKind[];

describe.each(CLIENTS)("HTTP 451, $name, $format", (library) => {
  const wire = useWire();

  /** Home and `old` are known and now answer 451. Home's new list names `allowed`. */
  async function moved() {
    const home = await wire().region("home");
    const [old, allowed] = [await wire().region("old"), await wire().region("allowed")];
    const before = serveList(home, listOf(entryOf(home), entryOf(old)));
    const client = wire().discovering(library, { home: home.url }, { retryThrottling: false });
    await client.failover.ready();
    expect(before.requests).toHaveLength(1);
    for (const region of [home, old]) region.always(faults.pinned);
    const list = serveList(home, listOf(entryOf(home), entryOf(allowed)));
    return { home, old, allowed, client, list };
  }

  test.each(KINDS)("a %s goes to a region of the new list", async (kind) => {
    const { home, old, allowed, client, list } = await moved();
    const id = newRequestId();
    expect(await client[kind](id)).toBe("allowed");
    expect([home, old, allowed].map((region) => region.saw(id).received)).toEqual([1, 0, 1]);
    expect(allowed.saw(id).executed).toBe(1);
    expect(list.requests).toHaveLength(1);
    expect(client.eventsOf("failover")).toMatchObject([{ to: "allowed", httpStatus: 451, execution: "none" }]);
  });

  test("1,000 calls, fifty at a time, go there with one request for a list in three seconds", async () => {
    const { allowed, client, list } = await moved();
    const begun = performance.now();
    for (let i = 0; i < 20; i++) {
      const calls = Array.from({ length: 50 }, () => client.mutation(newRequestId()));
      expect(new Set(await Promise.all(calls))).toEqual(new Set(["allowed"]));
    }
    expect(allowed.saw()).toEqual({ received: 1_000, executed: 1_000 });
    expect(list.requests.length).toBeLessThanOrEqual(1 + Math.floor((performance.now() - begun) / 3_000));
  });

  test("if the list cannot be loaded, the known regions stay", async () => {
    const { old, home, client } = await moved();
    old.always(faults.answersAsUsual);
    const failing = serveList(home, ({ res }) => void res.writeHead(503, { connection: "close" }).end());
    expect(await client.mutation(newRequestId())).toBe("old");
    // Home was asked again, and so was the other known region, which has no list.
    expect(failing.requests).toHaveLength(1);
    expect(client.eventsOf("discovery_failed")).toMatchObject([{ reason: "HTTP 503" }]);
  });
});

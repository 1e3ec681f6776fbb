/** Regions that are not configured but discovered over HTTP, from a server that may fail too. */
import { RegionCache } from "twirp-failover";
import { describe, expect, test } from "vitest";
import { entryOf, listOf, serveList } from "../support/discovery.js";
import * as faults from "../support/faults.js";
import { CLIENTS, errorOf, KINDS, newRequestId, outcomesOf, useWire } from "../support/wire.js";

describe.each(CLIENTS)("discovery, $name, $format", (kind) => {
  const wire = useWire();

  const regions = async () => ({ home: await wire().region("home"), second: await wire().region("second") });

  test.each(KINDS)("a %s goes to a discovered region when home and its endpoint are down", async (method) => {
    const { home, second } = await regions();
    serveList(home, listOf(entryOf(home), entryOf(second, 40)));
    const client = wire().discovering(kind, { home: home.url });
    await client.failover.ready();
    expect(client.failover.regions()).toMatchObject([
      { id: "home", url: home.url, home: true },
      { id: "second", url: second.url, home: false },
    ]);
    expect(client.eventsOf("regions_changed")).toMatchObject([{ regions: ["home", "second"] }]);

    await home.close();
    const id = newRequestId();
    expect(await client[method](id)).toBe("second");
    expect(second.saw(id)).toEqual({ received: 1, executed: 1 });
    expect(client.eventsOf("failover")).toMatchObject([
      { from: "home", to: "second", origin: "transport", execution: "none" },
    ]);
  });

  test("the first call loads the list in the background", async () => {
    const { home, second } = await regions();
    const list = serveList(home, listOf(entryOf(home), entryOf(second)), true);
    const client = wire().discovering(kind, { home: home.url });
    expect(await client.mutation(newRequestId())).toBe("home");
    await list.asked;
    list.release();
    await client.failover.ready();
    expect(client.failover.regions().map(({ id }) => id)).toEqual(["home", "second"]);
  });

  test("100 calls at once load it once when they succeed", async () => {
    const { home, second } = await regions();
    const list = serveList(home, listOf(entryOf(home), entryOf(second)));
    const client = wire().discovering(kind, { home: home.url });
    const calls = Array.from({ length: 100 }, () => client.read(newRequestId()));
    await Promise.all([...calls, client.failover.ready()]);
    expect(list.requests).toHaveLength(1);
    expect(home.saw()).toEqual({ received: 100, executed: 100 });
  });

  test("100 calls at once load it once when all of them need it", async () => {
    const { home, second } = await regions();
    const list = serveList(home, listOf(entryOf(home), entryOf(second)), true);
    home.always(faults.html(503));
    const client = wire().discovering(kind, { home: home.url }, { retryThrottling: false });
    const calls = Array.from({ length: 100 }, () => client.read(newRequestId()));
    await home.arrived(100);
    list.release();
    expect(new Set(await Promise.all(calls))).toEqual(new Set(["second"]));
    expect(list.requests).toHaveLength(1);
    expect([home.saw().received, second.saw().received]).toEqual([100, 100]);
    expect(client.attemptsIn("home") + client.attemptsIn(new URL(home.url).host)).toBe(100);
  });

  test("regions are tried nearest first, with any order of the list", async () => {
    const { home, second } = await regions();
    const far = await wire().region("far");
    serveList(home, listOf(entryOf(far, 9_000), entryOf(second, 800), entryOf(home)));
    const client = wire().discovering(kind, { home: home.url });
    await client.failover.ready();
    home.always(faults.http(429));
    second.always(faults.http(429));
    expect(await client.mutation(newRequestId())).toBe("far");
    expect(client.eventsOf("attempt").map(({ region }) => region)).toEqual(["home", "second", "far"]);
  });

  test("a ws:// address is used as http://", async () => {
    const { home, second } = await regions();
    const entry = { region: "second", url: second.origin.replace("http", "ws") };
    serveList(home, listOf(entryOf(home), entry));
    const client = wire().discovering(kind, { home: home.url });
    await client.failover.ready();
    home.always(faults.http(429));
    expect(await client.mutation(newRequestId())).toBe("second");
  });

  test("two Failovers with one cache load it once", async () => {
    const { home, second } = await regions();
    const list = serveList(home, listOf(entryOf(home), entryOf(second)));
    const cache = new RegionCache();
    const clients = [1, 2].map(() => wire().discovering(kind, { home: home.url }, { cache }));
    await Promise.all(clients.map(({ failover }) => failover.ready()));
    home.always(faults.http(429));
    for (const client of clients) expect(await client.mutation(newRequestId())).toBe("second");
    expect(list.requests).toHaveLength(1);
    for (const client of clients) expect(client.eventsOf("regions_changed")).toHaveLength(1);
  });

  test("a caller who aborts meanwhile returns at once, and the other one gets the list", async () => {
    const { home, second } = await regions();
    const list = serveList(home, listOf(entryOf(home), entryOf(second)), true);
    home.always(faults.html(503));
    const client = wire().discovering(kind, { home: home.url });
    const controller = new AbortController();
    const abort = wire().leaks.watch(controller.signal);
    const leaving = errorOf(client.read(newRequestId(), { abort }));
    const staying = client.read(newRequestId());
    await home.arrived(2);
    while (client.eventsOf("attempt").length < 2) await new Promise((resolve) => setImmediate(resolve));
    controller.abort();
    const begun = performance.now();
    const error = await leaving;
    expect(performance.now() - begun).toBeLessThan(1_000);
    expect(kind.factsOf(error).code).toBe(kind.codeOf({ code: "canceled", origin: "caller" }));
    expect(outcomesOf(error)).toMatchObject([{ httpStatus: 503 }]);

    list.release();
    expect(await staying).toBe("second");
    expect(list.requests).toHaveLength(1);
    expect(second.saw()).toEqual({ received: 1, executed: 1 });
  });
});

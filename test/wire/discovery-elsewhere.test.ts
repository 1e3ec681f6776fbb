/** If home cannot give the list, the other regions are asked; and one list is shared by all clients. */
import { RegionCache } from "twirp-failover";
import { describe, expect, test } from "vitest";
import { RoomServiceClient } from "../../proto/gen/rooms.client.js";
import { entryOf, listOf, serveList } from "../support/discovery.js";
import * as faults from "../support/faults.js";
import { refusedUrl } from "../support/region.js";
import { errorOf, METHODS, newRequestId, useWire } from "../support/wire.js";

const TOKEN = "Bearer s3cret";

describe("when home cannot be asked", () => {
  const wire = useWire();

  const regions = async () => {
    const [second, third] = [await wire().region("second"), await wire().region("third")];
    return { second, third, list: serveList(second, listOf(entryOf(second, 1), entryOf(third, 2))) };
  };

  test("because it refuses, a fallback region is asked at once, with the same token", async () => {
    const { second, list } = await regions();
    const home = await refusedUrl();
    const source = { home, headers: { authorization: TOKEN }, fallback: [{ id: "second", url: second.url }] };
    const client = wire().discovering(false, source);
    const begun = performance.now();
    await client.failover.ready();
    expect(performance.now() - begun).toBeLessThan(400);
    expect(list.requests).toMatchObject([{ authorization: TOKEN }]);
    expect(client.failover.regions().map((region) => [region.url === home, region.home])).toEqual([
      [true, true],
      [false, false],
      [false, false],
    ]);
    expect(client.failover.regions()[2]?.id).toBe("third");
    expect(client.eventsOf("discovery_failed")).toEqual([]);
  });

  test("because it hangs, a fallback region is asked half a second later, and its answer ends home's request", async () => {
    const { second, list } = await regions();
    const home = await wire().region("home");
    let ended: Promise<unknown> | undefined;
    const hung = serveList(home, ({ req }) => {
      ended = new Promise((resolve) => req.socket.once("close", resolve));
    });
    const client = wire().discovering(false, { home: home.url, fallback: [second.url] });
    const begun = performance.now();
    await client.failover.ready();
    const tookMs = performance.now() - begun;
    expect(tookMs).toBeGreaterThan(490);
    expect(tookMs).toBeLessThan(900);
    expect([hung.requests.length, list.requests.length]).toEqual([1, 1]);
    await ended;
  });

  test("no other region is asked if the list is not on home's host", async () => {
    const { second, list } = await regions();
    const url = `${(await refusedUrl()).replace("/twirp", "")}/settings/regions`;
    const source = { home: second.url, url, fallback: [(await wire().region("home")).url] };
    const client = wire().discovering(false, source);
    await client.failover.ready();
    expect(list.requests).toEqual([]);
    expect(client.eventsOf("discovery_failed")).toHaveLength(1);
  });
});

describe("a shared list", () => {
  const wire = useWire();

  test("five clients of two Failovers with one cache load it once when all of them need it", async () => {
    const [home, second] = [await wire().region("home"), await wire().region("second")];
    const list = serveList(home, listOf(entryOf(home), entryOf(second)), true);
    home.always(faults.http(429));
    const cache = new RegionCache();
    const two = [1, 2].map(() => wire().discovering(false, { home: home.url }, { cache }));
    const clients = Array.from({ length: 5 }, (_, i) => {
      const { rooms } = two[i % 2] as (typeof two)[number];
      return i < 2 ? rooms : new RoomServiceClient((rooms as unknown as { _transport: never })._transport);
    });
    const calls = clients.flatMap((rooms) => Array.from({ length: 4 }, () => METHODS.mutation(rooms, newRequestId())));
    await home.arrived(20);
    list.release();
    expect(await Promise.all(calls)).toEqual(Array(20).fill("second"));
    expect(list.requests).toHaveLength(1);
    for (const client of two) expect(client.eventsOf("regions_changed")).toHaveLength(1);
  });

  test("a caller who aborts while it is loaded returns at once, and the request goes on", async () => {
    const [home, second] = [await wire().region("home"), await wire().region("second")];
    let left = false;
    const list = serveList(home, listOf(entryOf(home), entryOf(second)), true);
    home.always(faults.http(429));
    const cache = new RegionCache();
    const [one, other] = [1, 2].map(() => wire().discovering(false, { home: home.url }, { cache }));
    const controller = new AbortController();
    const abort = wire().leaks.watch(controller.signal);
    const leaving = errorOf(METHODS.mutation(one?.rooms as RoomServiceClient, newRequestId(), { abort })).then(
      (error) => {
        left = true;
        return error;
      },
    );
    const staying = METHODS.mutation(other?.rooms as RoomServiceClient, newRequestId());
    await Promise.all([home.arrived(2), list.asked]);
    while ((one?.eventsOf("attempt").length ?? 0) < 1) await new Promise((resolve) => setImmediate(resolve));
    controller.abort();
    await new Promise((resolve) => setImmediate(resolve));
    expect(left).toBe(true);
    expect(await leaving).toMatchObject({ code: "cancelled" });
    list.release();
    expect(await staying).toBe("second");
    expect(list.requests).toHaveLength(1);
  });
});

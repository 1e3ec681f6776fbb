/** Records that change, a DNS server that dies, and how often it is asked. Tests move the clock and do not wait. */
import { type FailoverEventType, RegionCache } from "twirp-failover";
import { expect, test } from "vitest";
import type { TestClient } from "../support/wire.js";
import { NAME } from "./dnsmasq.js";
import { mutate, reads, sharesOf, withDnsmasq } from "./network.js";

/** So long that the real time of a test does not matter. */
const TTL_MS = 600_000;
/** Less than any wait for DNS that could delay a call. */
const AT_ONCE_MS = 400;

/** Resolves with the next event of this type. */
const next = ({ failover }: TestClient, type: FailoverEventType) =>
  new Promise<unknown>((resolve) => {
    const off = failover.on(type, (event) => {
      off();
      resolve(event);
    });
  });

withDnsmasq("SRV records that change", (network) => {
  test("are queried again after 80 % of ttlMs and not before, and calls go to the new ones", async () => {
    const { dns } = network();
    const [before, after] = [await network().region("before"), await network().region("after")];
    await dns.serve([before.record]);
    const client = network().client({ ttlMs: TTL_MS });
    expect(await mutate(client)).toBe("before");
    await dns.serve([after.record]);

    network().pass(0.79 * TTL_MS);
    expect(sharesOf(await reads(client, 40))).toEqual({ before: 1 });
    expect(await dns.queries()).toBe(1);

    network().pass(0.01 * TTL_MS);
    const changed = next(client, "regions_changed");
    // The call that causes the refresh does not wait for it.
    expect(await mutate(client)).toBe("before");
    await changed;
    expect(await mutate(client)).toBe("after");
    expect(sharesOf(await reads(client, 40))).toEqual({ after: 1 });
    expect(await dns.queries()).toBe(2);
    expect(before.saw().received).toBe(42);
  });

  test("are queried once by many calls at the same time", async () => {
    const region = await network().region("a");
    await network().dns.serve([region.record]);
    const client = network().client({ ttlMs: TTL_MS });
    await reads(client, 40);
    expect(await network().dns.queries()).toBe(1);
    for (let refreshes = 1; refreshes <= 3; refreshes++) {
      network().pass(TTL_MS);
      await reads(client, 40);
      await network().refreshed(client);
      expect(await network().dns.queries()).toBe(1 + refreshes);
    }
    expect(client.eventsOf("regions_changed")).toHaveLength(1);
  });

  test("in another order, because servers rotate them, are the same list", async () => {
    const regions = [await network().region("a"), await network().region("b"), await network().region("c")];
    const records = regions.map(({ record }) => record);
    await network().dns.serve(records);
    const client = network().client({ ttlMs: TTL_MS });
    for (const order of [records, records.toReversed(), records, records]) {
      await network().dns.serve(order);
      network().pass(TTL_MS);
      await reads(client, 8);
      await network().refreshed(client);
    }
    expect(client.eventsOf("regions_changed")).toHaveLength(1);
  });

  test("are queried at most every 3 s, with the smallest ttlMs", async () => {
    const region = await network().region("a");
    await network().dns.serve([region.record]);
    const client = network().client({ ttlMs: 3_000 });
    await reads(client, 8);
    network().pass(2_450);
    await reads(client, 8);
    expect(await network().dns.queries()).toBe(1);
    network().pass(550);
    await reads(client, 8);
    await network().refreshed(client);
    expect(await network().dns.queries()).toBe(2);
  });

  test("with new weights for the same regions change the shares", async () => {
    const { dns } = network();
    const [a, b] = [await network().region("a"), await network().region("b")];
    const weigh = (ofA: number, ofB: number) =>
      dns.serve([
        { ...a.record, weight: ofA },
        { ...b.record, weight: ofB },
      ]);
    await weigh(90, 10);
    const client = network().client({ ttlMs: TTL_MS });
    expect((await share(client)).a).toBeCloseTo(0.9, 1);
    await weigh(20, 80);
    network().pass(TTL_MS);
    await network().refreshed(client);
    expect((await share(client)).a).toBeCloseTo(0.2, 1);
  });
});

const share = async (client: TestClient) => sharesOf(await reads(client, 400));

withDnsmasq("a DNS server that fails later", (network) => {
  test("by refusing: the last records stay in use, and the new ones are used when it is back", async () => {
    const { dns } = network();
    const [before, after] = [await network().region("before"), await network().region("after")];
    await dns.serve([before.record]);
    const client = network().client({ ttlMs: TTL_MS });
    await reads(client, 8);
    await dns.kill();

    for (let failures = 1; failures <= 4; failures++) {
      network().pass(TTL_MS);
      const failed = next(client, "discovery_failed");
      expect(sharesOf(await reads(client, 20))).toEqual({ before: 1 });
      expect(await failed).toMatchObject({ reason: expect.stringContaining("ECONNREFUSED") });
      // No query is sent until the backoff is over, which is at least 3 s.
      expect(await mutate(client)).toBe("before");
      expect(client.eventsOf("discovery_failed")).toHaveLength(failures);
    }

    await dns.serve([after.record]);
    network().pass(TTL_MS);
    await network().refreshed(client);
    expect(await mutate(client)).toBe("after");
  });

  test("by answering that the name does not exist: the last records stay in use", async () => {
    const region = await network().region("a");
    await network().dns.serve([region.record]);
    const client = network().client({ ttlMs: TTL_MS });
    await reads(client, 8);
    await network().dns.serve([]);
    network().pass(TTL_MS);
    await network().refreshed(client);
    expect(client.eventsOf("discovery_failed")).toMatchObject([{ reason: `querySrv ENOTFOUND ${NAME}` }]);
    expect(await mutate(client)).toBe("a");
  });

  test("by answering that the service does not exist: the last records stay in use", async () => {
    const region = await network().region("a");
    await network().dns.serve([region.record]);
    const client = network().client({ ttlMs: TTL_MS });
    await reads(client, 8);
    await network().dns.serve([{ target: "", port: 0 }]);
    network().pass(TTL_MS);
    await network().refreshed(client);
    expect(client.eventsOf("discovery_failed")).toHaveLength(1);
    expect(await mutate(client)).toBe("a");
  });

  test("by being silent: no call waits for it", async () => {
    const region = await network().region("a");
    await network().dns.serve([region.record]);
    const relay = await network().relay(network().dns.address);
    relay.release();
    const client = network().client({ ttlMs: TTL_MS, resolver: relay.address });
    await reads(client, 8);
    relay.hold();
    network().pass(TTL_MS);
    const begun = performance.now();
    expect(sharesOf(await reads(client, 20))).toEqual({ a: 1 });
    expect(await mutate(client)).toBe("a");
    expect(performance.now() - begun).toBeLessThan(AT_ONCE_MS);
    await network().refreshed(client);
    expect(client.eventsOf("discovery_failed")).toHaveLength(1);
  });
});

withDnsmasq("SRV records in a store", (network) => {
  test("are used by the next process when DNS is down", async () => {
    const [a, b] = [await network().region("a", { weight: 3 }), await network().region("b", { weight: 1 })];
    await network().dns.serve([a.record, b.record]);
    const store = new Map<string, string>();
    await reads(network().client({}, { cache: new RegionCache({ store }) }), 8);
    expect(store.size).toBe(1);
    await network().dns.kill();

    const client = network().client({}, { cache: new RegionCache({ store }) });
    const shares = sharesOf(await reads(client, 200));
    expect(shares.a).toBeCloseTo(0.75, 1);
    expect(await mutate(client)).toMatch(/^[ab]$/);
    expect(client.eventsOf("discovery_failed")).toHaveLength(1);
    expect(client.eventsOf("call").every(({ ok }) => ok)).toBe(true);
  });

  test("are checked again: a forged record in the store is left out", async () => {
    const [a, stranger] = [await network().region("a"), await network().region("stranger")];
    await network().dns.serve([a.record]);
    const store = new Map<string, string>();
    await reads(network().client({}, { cache: new RegionCache({ store }) }), 8);
    await network().dns.kill();
    const [key = "", answer = ""] = [...store][0] ?? [];
    const forged = { ...network().recordOf(stranger), name: "127.0.0.1", priority: 0, weight: 1_000 };
    store.set(key, JSON.stringify([forged, ...JSON.parse(answer)]));

    const client = network().client({}, { cache: new RegionCache({ store }) });
    expect(sharesOf(await reads(client, 40))).toEqual({ a: 1 });
    expect(stranger.saw().received).toBe(0);
    expect(client.eventsOf("warning")[0]?.message).toContain('it is at "127.0.0.1", which is not in allowedHosts');
  });

  test.each(["", "no JSON", "{}", "[]", "null", '"text"', "[null, 5, {}]"])(
    "that are invalid, %s, cause a warning, and DNS is asked",
    async (text) => {
      const region = await network().region("a");
      await network().dns.serve([region.record]);
      const store = { get: () => text, set: () => {} };
      const client = network().client({}, { cache: new RegionCache({ store }) });
      expect(await mutate(client)).toBe("a");
      expect(client.eventsOf("warning").at(-1)?.message).toContain("the region store could not be read");
    },
  );
});

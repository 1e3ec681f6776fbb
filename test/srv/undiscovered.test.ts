/** The first call, before any region is known: what it waits for, for how long, and its error. */
import { RpcError } from "@protobuf-ts/runtime-rpc";
import { failoverTrace, RegionCache } from "twirp-failover";
import { expect, test } from "vitest";
import { refusedUrl } from "../support/region.js";
import { errorOf, METHODS, newRequestId } from "../support/wire.js";
import { NAME } from "./dnsmasq.js";
import { mutate, type Network, reads, sharesOf, udpSockets, withDnsmasq } from "./network.js";

/** The longest wait for DNS, plus some time for a busy machine. */
const BOUND_MS = 2_000 + 500;
/** The time of a call without a wait on a busy machine. */
const AT_ONCE_MS = 400;

const timed = async <T>(work: Promise<T>): Promise<[T, number]> => {
  const begun = performance.now();
  return [await work, performance.now() - begun];
};

withDnsmasq("the first call", (network) => {
  test("waits for the records, as do all calls at the same time, with one query", async () => {
    const { dns } = network();
    const region = await network().region("a");
    await dns.serve([region.record]);
    const relay = await network().relay(dns.address);
    const client = network().client({ resolver: relay.address });
    expect(client.failover.regions()).toEqual([]);

    const calls = Promise.all([mutate(client), reads(client, 20)]);
    await relay.asked;
    expect(region.saw().received).toBe(0);
    relay.release();
    expect(await calls).toEqual(["a", Array(20).fill("a")]);
    expect(await dns.queries()).toBe(1);
    expect(client.failover.regions()).toMatchObject([{ id: `localhost:${region.record.port}`, home: true }]);
  });

  test("of several clients with one cache causes one query", async () => {
    const region = await network().region("a");
    await network().dns.serve([region.record]);
    const cache = new RegionCache();
    const clients = [1, 2, 3].map(() => network().client({}, { cache }));
    expect(await Promise.all(clients.map(mutate))).toEqual(["a", "a", "a"]);
    expect(await network().dns.queries()).toBe(1);
  });

  test("does not wait after ready()", async () => {
    const region = await network().region("a");
    await network().dns.serve([region.record]);
    const client = network().client();
    await client.failover.ready();
    expect(client.failover.regions()).toHaveLength(1);
    await network().dns.kill();
    expect(await mutate(client)).toBe("a");
    await client.failover.ready();
    expect(client.eventsOf("discovery_failed")).toEqual([]);
  });

  test("goes to the fallback at once while DNS is silent, and to the records when it answers", async () => {
    const [fallback, region] = [await network().region("fallback"), await network().region("a")];
    await network().dns.serve([region.record]);
    const relay = await network().relay(network().dns.address);
    const client = network().client({ resolver: relay.address, fallback: [fallback.url] });
    const [servedBy, ms] = await timed(mutate(client));
    expect(servedBy).toBe("fallback");
    expect(ms).toBeLessThan(AT_ONCE_MS);
    relay.release();
    await client.failover.ready();
    expect(sharesOf(await reads(client, 20))).toEqual({ a: 1 });
  });

  test("ends at once if it is aborted while it waits, and the other calls get the records", async () => {
    const region = await network().region("a");
    await network().dns.serve([region.record]);
    const relay = await network().relay(network().dns.address);
    const client = network().client({ resolver: relay.address });
    const controller = new AbortController();
    const abort = network().wire.leaks.watch(controller.signal);
    const aborted = errorOf(METHODS.mutation(client.rooms, newRequestId(), { abort }));
    const patient = mutate(client);
    await relay.asked;
    controller.abort();
    const [error, ms] = await timed(aborted);
    expect(error).toMatchObject({ code: "cancelled" });
    expect(ms).toBeLessThan(AT_ONCE_MS);
    relay.release();
    expect(await patient).toBe("a");
    expect(region.saw()).toEqual({ received: 1, executed: 1 });
  });

  test("waits no longer than its timeout", async () => {
    const relay = await network().relay();
    const client = network().client({ resolver: relay.address });
    const [error, ms] = await timed(errorOf(METHODS.read(client.rooms, newRequestId(), { timeout: 150 })));
    expect(error).toMatchObject({ code: "deadline_exceeded" });
    expect(failoverTrace(error)?.attempts).toEqual([]);
    expect(ms).toBeGreaterThan(140);
    expect(ms).toBeLessThan(150 + AT_ONCE_MS);
    await client.failover.ready(); // Until DNS is given up, so that nothing is left.
  });
});

interface Trouble {
  readonly name: string;
  /** The resolvers, and what is wrong with them. */
  readonly resolver: (net: Network) => Promise<string[]>;
  readonly reason: RegExp;
  readonly withinMs: number;
}

const TROUBLES: readonly Trouble[] = [
  {
    name: "a name that does not exist",
    resolver: async ({ dns }) => [dns.address],
    reason: new RegExp(`^querySrv ENOTFOUND ${NAME}$`),
    withinMs: AT_ONCE_MS,
  },
  {
    name: "a DNS server that is dead",
    resolver: async ({ dns }) => {
      await dns.kill();
      return [dns.address];
    },
    reason: /ECONNREFUSED/,
    withinMs: AT_ONCE_MS,
  },
  {
    name: "a DNS server that is silent",
    resolver: async (net) => [(await net.relay()).address],
    reason: /ETIMEOUT|no answer within 2000 ms/,
    withinMs: BOUND_MS,
  },
  {
    name: "three DNS servers that are silent",
    resolver: async (net) => [(await net.relay()).address, (await net.relay()).address, (await net.relay()).address],
    reason: /no answer within 2000 ms/,
    withinMs: BOUND_MS,
  },
];

withDnsmasq("no records", (network) => {
  test.each(TROUBLES)(
    "$name: the first call fails with unavailable in time, and the next at once",
    async ({ resolver, reason, withinMs }) => {
      const client = network().client({ resolver: await resolver(network()) });
      const sockets = udpSockets();
      for (const bound of [withinMs, AT_ONCE_MS]) {
        const [error, ms] = await timed(errorOf(mutate(client)));
        expect(error).toBeInstanceOf(RpcError);
        expect(error).toMatchObject({
          code: "unavailable",
          message: expect.stringContaining("no region is known yet"),
        });
        expect(failoverTrace(error)).toMatchObject({ attempts: [], refused: "undiscovered" });
        expect(ms).toBeLessThan(bound);
      }
      // Once, because the second call came before the source may be asked again.
      const failed = client.eventsOf("discovery_failed");
      expect(failed).toMatchObject([{ reason: expect.stringMatching(reason), source: expect.stringContaining(NAME) }]);
      expect(client.eventsOf("attempt")).toEqual([]);
      // No call waits for the queries any longer, so no socket is open for an answer.
      await expect.poll(udpSockets, { timeout: 300, interval: 20 }).toBe(sockets);
    },
  );

  test.each(TROUBLES)("$name: the fallback is used", async ({ resolver, reason, withinMs }) => {
    const region = await network().region("fallback");
    // The first one is down, to show that calls fail over within the fallback.
    const fallback = [await refusedUrl(), region.url];
    const client = network().client({ resolver: await resolver(network()), fallback });
    const [answered, ms] = await timed(Promise.all([mutate(client), reads(client, 20)]));
    expect(answered).toEqual(["fallback", Array(20).fill("fallback")]);
    expect(ms).toBeLessThan(AT_ONCE_MS);
    const [, readyMs] = await timed(client.failover.ready());
    expect(readyMs).toBeLessThan(withinMs);
    expect(client.eventsOf("discovery_failed")).toMatchObject([{ reason: expect.stringMatching(reason) }]);
  });

  test("a silent DNS server before one that answers: the call succeeds", async () => {
    const region = await network().region("a");
    await network().dns.serve([region.record]);
    const silent = await network().relay();
    const client = network().client({ resolver: [silent.address, network().dns.address] });
    expect(await mutate(client)).toBe("a");
    expect(client.eventsOf("discovery_failed")).toEqual([]);
  });

  test("a name that is created later: calls succeed when the source may be asked again", async () => {
    const region = await network().region("a");
    const client = network().client();
    await errorOf(mutate(client));
    await network().dns.serve([region.record]);
    network().pass(2_400);
    expect(failoverTrace(await errorOf(mutate(client)))?.refused).toBe("undiscovered");
    network().pass(1_200);
    expect(await mutate(client)).toBe("a");
    expect(await network().dns.queries()).toBe(2);
  });

  test("a hundred queries leave no socket open", async () => {
    const region = await network().region("a");
    await network().dns.serve([region.record]);
    const before = udpSockets();
    const client = network().client({ ttlMs: 3_000 });
    for (let i = 0; i < 100; i++) {
      network().pass(3_000);
      await network().refreshed(client);
    }
    expect(await network().dns.queries()).toBe(100);
    expect(udpSockets()).toBe(before);
    expect(process.getActiveResourcesInfo().filter((name) => /QUERY|UDP/.test(name))).toEqual([]);
  });
});

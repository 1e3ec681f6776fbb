/** Invalid or forged records. Someone who can forge DNS answers must not get the calls and their credentials. */
import { createServer } from "node:net";
import { failoverTrace } from "twirp-failover";
import { expect, test } from "vitest";
import { freePort } from "../proxy/program.js";
import { errorOf } from "../support/wire.js";
import type { SrvRecord } from "./dnsmasq.js";
import { mutate, type Network, reads, sharesOf, withDnsmasq } from "./network.js";

const at = (target: string, given: Partial<SrvRecord> = {}): SrvRecord => ({ target, port: 8080, ...given });

/** Listens on a port, and counts the connections. */
async function startStranger() {
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    socket.destroy();
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, "localhost", resolve));
  const close = () => new Promise((resolve) => server.close(resolve));
  return { port, close, connections: () => connections };
}

/** The URLs that the client would call, and its warnings, when the records are known. */
async function loaded(net: Network, given: Parameters<Network["client"]>[0]) {
  const client = net.client(given);
  await client.failover.ready();
  const urls = client.failover.regions().map(({ url }) => url);
  return { client, urls, warnings: client.eventsOf("warning").map(({ message }) => message) };
}

withDnsmasq("a target outside the name's domain", (network) => {
  test("is left out with a warning, and gets no connection", async () => {
    const region = await network().region("a");
    const stranger = await startStranger();
    // It has the best priority and nearly all of the weight.
    await network().dns.serve([at("localhost", { port: stranger.port, weight: 65_535 })]);
    const { client, warnings } = await loaded(network(), { allowedHosts: undefined, fallback: [region.url] } as object);
    expect(warnings).toEqual([
      expect.stringMatching(
        /a record was left out: it is at "localhost", which is not in allowedHosts \(example.test\)/,
      ),
    ]);
    expect(sharesOf(await reads(client, 40))).toEqual({ a: 1 });
    expect(await mutate(client)).toBe("a");
    expect(stranger.connections()).toBe(0);
    await stranger.close();
  });

  test("is the only record, without a fallback: nothing is sent", async () => {
    const stranger = await startStranger();
    await network().dns.serve([at("localhost", { port: stranger.port })]);
    const client = network().client({ allowedHosts: ["example.test"] });
    const error = await errorOf(mutate(client));
    expect(error).toMatchObject({ code: "unavailable" });
    expect(failoverTrace(error)?.refused).toBe("undiscovered");
    expect(client.eventsOf("discovery_failed")).toMatchObject([
      { reason: expect.stringContaining("has no record that can be used") },
    ]);
    expect(stranger.connections()).toBe(0);
    await stranger.close();
  });
});

/** Names, with hosts that they allow by default and hosts that they do not. */
const DOMAINS = [
  {
    name: "_twirp._tcp.svc.example.test",
    fit: ["svc.example.test", "eu.svc.example.test", "a.b.svc.example.test"],
    unfit: ["example.test", "othersvc.example.test", "eu.example.test", "svc.example.test.evil.test"],
  },
  { name: "_twirp._tcp.example.test", fit: ["eu.example.test"], unfit: ["evilexample.test", "localhost"] },
  { name: "plain.example.test", fit: ["eu.plain.example.test"], unfit: ["eu.example.test"] },
];

withDnsmasq("the hosts that records may name", (network) => {
  test.each(DOMAINS)("by default those under $name without its labels with _", async ({ name, fit, unfit }) => {
    await network().dns.serve([...fit, ...unfit].map((target) => at(target, { name })));
    const { urls, warnings } = await loaded(network(), { name, allowedHosts: undefined } as object);
    expect(urls.toSorted()).toEqual(fit.map((host) => `http://${host}:8080/twirp`).toSorted());
    expect(warnings).toHaveLength(unfit.length);
    for (const host of unfit) expect(warnings.join()).toContain(`"${host}"`);
  });

  test.each(["_rooms._tcp.service.consul", "rooms.service.consul"])("of Consul, for %s", async (name) => {
    const targets = ["7f000001.addr.dc1.consul", "web-1.node.dc1.consul"];
    await network().dns.serve(targets.map((target) => at(target, { name, priority: 1 })));
    const { urls, warnings } = await loaded(network(), { name, allowedHosts: ["consul"] });
    expect(warnings).toEqual([]);
    expect(urls.toSorted()).toEqual(targets.map((host) => `http://${host}:8080/twirp`));
    // The nodes are not under the service's name, so without allowedHosts no node is called, and a warning says so.
    const strict = await loaded(network(), { name, allowedHosts: undefined } as object);
    expect(strict.urls).toEqual([]);
    expect(strict.warnings).toHaveLength(2);
  });

  test("with a port in allowedHosts, only that port", async () => {
    await network().dns.serve([at("eu.example.test", { port: 8443 }), at("us.example.test", { port: 22 })]);
    const { urls, warnings } = await loaded(network(), { allowedHosts: ["example.test:8443"] });
    expect(urls).toEqual(["http://eu.example.test:8443/twirp"]);
    expect(warnings).toEqual([expect.stringContaining("is at port 22")]);
  });
});

withDnsmasq("how a record is read", (network) => {
  const allowedHosts = ["example.test"];

  test.each([
    { given: {}, url: "http://eu.example.test:8080/twirp" },
    { given: { prefix: "" }, url: "http://eu.example.test:8080" },
    { given: { prefix: "/" }, url: "http://eu.example.test:8080" },
    { given: { prefix: "/a/b/" }, url: "http://eu.example.test:8080/a/b" },
    { given: { protocol: "https:" }, url: "https://eu.example.test:8080/twirp" },
    { given: { protocol: "https:" }, port: 443, url: "https://eu.example.test/twirp" },
    { given: { protocol: undefined }, url: "https://eu.example.test:8080/twirp" },
    { given: { name: "_TWIRP._tcp.Example.Test." }, url: "http://eu.example.test:8080/twirp" },
  ])("with $given: $url", async ({ given, port = 8080, url }) => {
    await network().dns.serve([at("eu.example.test", { port })]);
    const { client, urls } = await loaded(network(), { allowedHosts, ...given } as object);
    expect(urls).toEqual([url]);
    expect(client.failover.regions()[0]?.id).toBe(new URL(url).host);
  });

  test("upper case is the same host", async () => {
    await network().dns.serve([at("EU.Example.TEST")]);
    expect((await loaded(network(), { allowedHosts })).urls).toEqual(["http://eu.example.test:8080/twirp"]);
  });

  test("the same host and port twice is one region, and another port is another region", async () => {
    const host = "eu.example.test";
    await network().dns.serve([at(host), at(host, { priority: 5 }), at(host, { port: 8081, priority: 7 })]);
    const { urls } = await loaded(network(), { allowedHosts });
    expect(urls).toEqual(["http://eu.example.test:8080/twirp", "http://eu.example.test:8081/twirp"]);
  });

  test("of two records with the same host and port the worse is left out", async () => {
    const host = "eu.example.test";
    for (const priorities of [
      [5, 1],
      [1, 5],
    ]) {
      await network().dns.serve([
        ...priorities.map((priority) => at(host, { priority })),
        at("us.example.test", { priority: 3 }),
      ]);
      expect((await loaded(network(), { allowedHosts })).urls[0]).toBe("http://eu.example.test:8080/twirp");
    }
  });

  test('the target "." next to another is left out with a warning', async () => {
    await network().dns.serve([at(""), at("eu.example.test")]);
    const { urls, warnings } = await loaded(network(), { allowedHosts });
    expect(urls).toEqual(["http://eu.example.test:8080/twirp"]);
    expect(warnings).toEqual([expect.stringContaining('a record was left out: its target is "."')]);
  });

  test('only the target ".": the service does not exist, and nothing is sent', async () => {
    await network().dns.serve([at("")]);
    const client = network().client({ allowedHosts });
    expect(failoverTrace(await errorOf(mutate(client)))?.refused).toBe("undiscovered");
  });

  test("port 0 is left out with a warning", async () => {
    await network().dns.serve([at("us.example.test", { port: 0 }), at("eu.example.test")]);
    const { urls, warnings } = await loaded(network(), { allowedHosts });
    expect(urls).toEqual(["http://eu.example.test:8080/twirp"]);
    expect(warnings).toEqual([expect.stringContaining('"us.example.test", port 0')]);
  });

  test("of a hundred records, which need TCP, the 64 with the best priorities are used", async () => {
    // Records that may not be called do not count.
    const unfit = Array.from({ length: 70 }, (_, i) => at(`region-${i}.other.test`));
    const records = Array.from({ length: 100 }, (_, i) => at(`region-${i}.example.test`, { priority: 1_000 - i }));
    await network().dns.serve([...unfit, ...records]);
    const { urls, warnings, client } = await loaded(network(), { allowedHosts });
    expect(urls).toEqual(
      records
        .toReversed()
        .slice(0, 64)
        .map(({ target }) => `http://${target}:8080/twirp`),
    );
    expect(warnings).toHaveLength(71);
    expect(warnings.at(-1)).toContain("names 100 regions; only the first 64 are used");
    expect(client.eventsOf("discovery_failed")).toEqual([]);
  });
});

/** A list that cannot be loaded, or must not be trusted. */
import { failoverTrace } from "twirp-failover";
import { describe, expect, test } from "vitest";
import { entryOf, LIST_PATH, listOf, serveList } from "../support/discovery.js";
import * as faults from "../support/faults.js";
import { type Exchange, refusedUrl } from "../support/region.js";
import { CLIENTS, errorOf, newRequestId, useWire } from "../support/wire.js";

const answerWith = (status: number, body: string) => (exchange: Exchange) =>
  faults.http(status, { "content-type": "application/json" }, body).instead?.(exchange);

const BAD_ANSWERS = [
  { name: "HTTP 500", answer: answerWith(500, "{}"), reason: /^HTTP 500$/ },
  { name: "HTTP 401", answer: answerWith(401, "no"), reason: /^HTTP 401$/ },
  { name: "no JSON", answer: answerWith(200, "<html>"), reason: /JSON/ },
  { name: "no list", answer: answerWith(200, '{"regions":{}}'), reason: /no list of regions/ },
  { name: "too much", answer: answerWith(200, " ".repeat(70_000)), reason: /larger than 65536 bytes/ },
  { name: "a connection that breaks", answer: ({ req }: Exchange) => req.socket.resetAndDestroy(), reason: /./ },
];

describe.each(CLIENTS)("discovery that fails, $name, $format", (kind) => {
  const wire = useWire();

  test.each(BAD_ANSWERS)("$name: an event reports it, and calls go home as before", async ({ answer, reason }) => {
    const home = await wire().region("home");
    serveList(home, answer);
    const client = wire().discovering(kind, { home: home.url });
    await client.failover.ready();
    expect(client.eventsOf("discovery_failed")).toMatchObject([{ reason: expect.stringMatching(reason) }]);
    expect(client.eventsOf("discovery_failed")[0]?.source).toContain(home.origin);
    expect(await client.mutation(newRequestId())).toBe("home");
    expect(client.failover.regions()).toMatchObject([{ id: new URL(home.url).host, url: home.url, home: true }]);
  });

  test("an endpoint that is down does not change the error of a call", async () => {
    const home = await wire().region("home");
    home.always(faults.html(502));
    const client = wire().discovering(kind, { home: home.url, url: await refusedUrl() });
    const code = kind.codeOf({ code: "unavailable", origin: "intermediary" });
    for (const call of [client.read, client.mutation]) {
      const error = await errorOf(call(newRequestId()));
      expect(kind.factsOf(error)).toMatchObject({ code, message: expect.stringContaining("HTTP 502") });
      expect(failoverTrace(error)?.attempts[0]?.outcome).toMatchObject({ code: "unavailable", httpStatus: 502 });
    }
    // The read's three attempts in the only region, and the mutation's one.
    expect(home.saw()).toEqual({ received: 4, executed: 0 });
    expect(client.eventsOf("discovery_failed").length).toBeGreaterThan(0);
  });

  test("an endpoint that hangs does not delay a call past its timeout", async () => {
    const [home, endpoint] = [await wire().region("home"), await wire().region("endpoint")];
    serveList(endpoint, () => {});
    home.always(faults.html(502));
    const source = { home: home.url, url: endpoint.origin + LIST_PATH };
    const client = wire().discovering(kind, source, { policy: { perAttemptTimeoutMs: 5_000 } });
    const begun = performance.now();
    const error = await errorOf(client.read(newRequestId(), { timeout: 300 }));
    expect(performance.now() - begun).toBeLessThan(1_000);
    expect(error).toMatchObject({ message: expect.stringContaining("HTTP 502") });
    expect(failoverTrace(error)?.refused).toBe("deadline");
    // The request for the list goes on for later calls. It is ended here so that nothing is left open.
    const failed = new Promise((resolve) => client.failover.on("discovery_failed", resolve));
    await endpoint.close();
    await failed;
  });

  test("a redirect is not followed, and the token is not sent to its target", async () => {
    const [home, second] = [await wire().region("home"), await wire().region("second")];
    const target = serveList(second, listOf(entryOf(home), entryOf(second)));
    const list = serveList(home, ({ res }) => {
      res.writeHead(302, { location: second.origin + LIST_PATH }).end();
    });
    const headers = { authorization: "Bearer secret" };
    const client = wire().discovering(kind, { home: home.url, headers });
    await client.failover.ready();
    expect(list.requests).toMatchObject([headers]);
    expect(target.requests).toEqual([]);
    expect(client.eventsOf("discovery_failed")).toMatchObject([{ reason: "HTTP 302" }]);
    expect(client.failover.regions()).toHaveLength(1);
  });

  test.each([
    { name: "fixed", headers: { authorization: "Bearer secret" } },
    { name: "made for each request", headers: async () => ({ authorization: "Bearer secret" }) },
  ])("the headers of discovery, $name, are sent only to its endpoint", async ({ headers }) => {
    const [home, second] = [await wire().region("home"), await wire().region("second")];
    const list = serveList(home, listOf(entryOf(home), entryOf(second)));
    const client = wire().discovering(kind, { home: home.url, headers });
    await client.failover.ready();
    home.always(faults.http(429));
    expect(await client.mutation(newRequestId())).toBe("second");
    expect(list.requests).toMatchObject([{ authorization: "Bearer secret" }]);
    for (const { headers } of [...home.received, ...second.received]) expect(headers.authorization).toBeUndefined();
  });

  test("a region at a host that is not allowed is never called", async () => {
    const [home, stranger] = [await wire().region("home"), await wire().region("stranger")];
    const url = stranger.origin.replace("127.0.0.1", "localhost");
    const list = listOf(entryOf(home), { region: "stranger", url }, { region: "ftp", url: "ftp://127.0.0.1/" });
    serveList(home, list);
    const client = wire().discovering(kind, { home: home.url });
    await client.failover.ready();
    home.always(faults.html(503));
    await errorOf(client.read(newRequestId()));
    expect(stranger.saw().received).toBe(0);
    expect(client.eventsOf("warning").map(({ message }) => message)).toEqual([
      expect.stringContaining("not in allowedHosts"),
      expect.stringContaining("scheme ftp:"),
    ]);
  });

  test("a list without home leaves home first", async () => {
    const [home, second] = [await wire().region("home"), await wire().region("second")];
    serveList(home, listOf(entryOf(second)));
    const client = wire().discovering(kind, { home: home.url });
    await client.failover.ready();
    expect(await client.read(newRequestId())).toBe("home");
    expect(client.failover.regions().map(({ url }) => url)).toEqual([home.url, second.url]);
  });
});

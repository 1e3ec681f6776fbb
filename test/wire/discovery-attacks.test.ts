/** A list that names an attacker's host: that host must receive nothing, neither a connection nor a token. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { serveList } from "../support/discovery.js";
import * as faults from "../support/faults.js";
import { NamedHosts } from "../support/named-hosts.js";
import { type ClientOptions, errorOf, METHODS, newRequestId, useWire } from "../support/wire.js";

const TOKEN = "Bearer s3cret";

const OTHER_HOSTS = [
  ["another domain", "https://evil.com"],
  ["a name that ends the same", "https://evil-livekit.cloud"],
  ["a name that ends the same, without a hyphen", "https://evillivekit.cloud"],
  ["a name that begins the same", "https://livekit.cloud.evil.com"],
  ["a name that has home's in its credentials", "https://my.livekit.cloud@evil.com"],
  ["a name behind a backslash", "https://evil.com\\.livekit.cloud"],
  ["a name behind a tab", "https://evil.com\t/.livekit.cloud"],
  ["a name behind a line break", "https://evil.com\n/.livekit.cloud"],
  ["a name behind a question mark", "https://evil.com?.livekit.cloud"],
  ["a name behind a hash", "https://evil.com#.livekit.cloud"],
  ["a name behind an encoded slash", "https://evil.com%2f.livekit.cloud"],
  ["a name with a Cyrillic letter", "https://eu.lіvekit.cloud"],
  ["the same in punycode", "https://eu.xn--lvekit-5of.cloud"],
  ["another domain with a fullwidth dot", "https://evil。com"],
  ["a trailing dot", "https://eu.livekit.cloud."],
  ["a trailing dot after the domain", "https://livekit.cloud."],
  ["the domain above", "https://cloud"],
] as const;

const LOCAL_ADDRESSES = [
  "https://localhost",
  "https://127.0.0.1",
  "https://0.0.0.0",
  "https://[::1]",
  "https://[::ffff:10.0.0.1]",
  "https://10.1.2.3",
  "https://192.168.0.1",
  "https://169.254.169.254/latest/meta-data",
  "https://2852039166", // 169.254.169.254, as one number.
  "https://0xa9fea9fe",
  "https://0251.0376.0251.0376",
  "https://127.1",
  "https://1６9.254.169.254", // A fullwidth digit.
] as const;

const UNSAFE_URLS = [
  ["the scheme http:", "http://eu.livekit.cloud"],
  ["the scheme ws:", "ws://eu.livekit.cloud"],
  ["credentials", "https://user:hunter2@eu.livekit.cloud"],
  ["credentials for wss:", "wss://user:hunter2@eu.livekit.cloud"],
  ["a port that is not allowed", "https://eu.livekit.cloud:8443"],
  ["the port of http", "https://eu.livekit.cloud:80"],
  ["the scheme ftp:", "ftp://eu.livekit.cloud"],
  ["a blob", "blob:https://eu.livekit.cloud/x"],
] as const;

describe("an attacker's entry", () => {
  const wire = useWire();
  let network: NamedHosts;
  beforeEach(async () => {
    network = new NamedHosts();
    await network.start();
  });
  afterEach(() => network.stop());

  /** Home's list names `url` as the nearest, and a valid region. No region runs the call, so all regions are tried. */
  async function attack(url: string, given: { home?: string; allowedHosts?: string[] } = {}) {
    const home = given.home ?? "https://my.livekit.cloud/twirp";
    const [server, good] = [await wire().region("home"), await wire().region("good")];
    network.name(new URL(home).hostname, server.url);
    network.name("good.livekit.cloud", good.url);
    const attacker = { region: "attacker", url, distance: "1" };
    const list = { regions: [attacker, { region: "good", url: "https://good.livekit.cloud", distance: "9" }] };
    serveList(server, ({ res }) => void res.writeHead(200, { connection: "close" }).end(JSON.stringify(list)));
    server.always(faults.http(429));
    good.always(faults.http(429));

    const options: ClientOptions = { policy: { maxAttempts: 5, sameRegion: false } };
    const source = { headers: { authorization: TOKEN }, ...given, home };
    const client = wire().discovering(false, source, options);
    await client.failover.ready();
    const regions = client.failover.regions().map((region) => region.url);
    await errorOf(METHODS.mutation(client.rooms, newRequestId(), { meta: { authorization: TOKEN } }));
    return { client, server, good, regions, warnings: client.eventsOf("warning").map(({ message }) => message) };
  }

  async function expectRefused(url: string, home?: string): Promise<void> {
    const { server, good, regions, warnings } = await attack(url, { ...(home !== undefined && { home }) });
    expect(network.strangers).toEqual([]);
    expect([...network.dialled]).toEqual([new URL(home ?? "https://my.livekit.cloud").hostname, "good.livekit.cloud"]);
    // The valid region is kept, and got the call.
    expect(regions).toHaveLength(2);
    expect([server.saw().received, good.saw().received]).toEqual([1, 1]);
    expect(good.received[0]?.headers.authorization).toBe(TOKEN);
    expect(warnings).toEqual([expect.stringMatching(/^discovery: a region was left out: /)]);
    expect(warnings[0]).not.toMatch(/s3cret|hunter2/);
  }

  test.each(OTHER_HOSTS)("with %s receives nothing", (_, url) => expectRefused(url));

  test.each(LOCAL_ADDRESSES)("at %s receives nothing", (url) => expectRefused(url));

  test.each(UNSAFE_URLS)("with %s receives nothing", (_, url) => expectRefused(url));

  test.each(["https://evil.com", "https://evil.com.", "https://my.livekit.cloud.evil.com."])(
    "at %s receives nothing if home has a trailing dot",
    (url) => expectRefused(url, "https://my.livekit.cloud./twirp"),
  );

  test("would be called with the token if it were allowed, so these tests can fail", async () => {
    const { regions, warnings } = await attack("https://evil.com", { allowedHosts: ["evil.com", "livekit.cloud"] });
    expect(regions).toContain("https://evil.com/twirp");
    expect(warnings).toEqual([]);
    expect(network.dialled).toContain("evil.com");
    expect(network.strangers.join()).toContain(TOKEN);
  });

  test.each([301, 302, 303, 307, 308])(
    "that is the target of the list's redirect (%i) receives nothing",
    async (status) => {
      const server = await wire().region("home");
      network.name("my.livekit.cloud", server.url);
      const location = "https://evil.com/settings/regions";
      const list = serveList(server, ({ res }) => void res.writeHead(status, { location, connection: "close" }).end());
      const source = { home: "https://my.livekit.cloud/twirp", headers: { authorization: TOKEN } };
      const client = wire().discovering(false, source);
      await client.failover.ready();
      expect(list.requests).toMatchObject([{ authorization: TOKEN }]);
      expect(network.strangers).toEqual([]);
      expect([...network.dialled]).toEqual(["my.livekit.cloud"]);
      expect(client.eventsOf("discovery_failed")).toMatchObject([{ reason: `HTTP ${status}` }]);
    },
  );
});

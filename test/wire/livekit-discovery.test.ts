/** The list of regions is requested with the user's token, read carefully, and never leads to foreign hosts. */
import { describe as line } from "twirp-failover";
import { attachFailover, type LivekitFailoverOptions, livekitFailover } from "twirp-failover/livekit";
import { describe, expect, test } from "vitest";
import * as faults from "../support/faults.js";
import { failoverTo, sdkClients, TOKEN, useLivekit } from "../support/livekit.js";
import { errorOf } from "../support/wire.js";

const livekit = useLivekit();
const SECRET = "hunter2";

/** All events of a Failover, as lines. */
function listen(failover: ReturnType<typeof livekitFailover>): string[] {
  const lines: string[] = [];
  failover.on("*", (event) => lines.push(line(event), JSON.stringify(event)));
  return lines;
}

/** Sends requests for these hosts to regions on loopback instead, and records them, until `restore`. */
function resolving(hosts: Readonly<Record<string, string>>) {
  const real = globalThis.fetch;
  const seen: { host: string; authorization: string | null }[] = [];
  globalThis.fetch = async (input, init) => {
    const url = new URL(String(input));
    seen.push({ host: url.host, authorization: new Headers(init?.headers).get("authorization") });
    const origin = hosts[url.host];
    if (origin === undefined) throw new TypeError("fetch failed", { cause: { code: "ENOTFOUND" } });
    return real(origin + url.pathname, init);
  };
  const restore = () => {
    globalThis.fetch = real;
  };
  return { seen, restore };
}

describe("the list", () => {
  test("is requested once from /settings/regions, with the token", async () => {
    const { home, clients } = await livekit().bed();
    await clients.rooms.listRooms();
    await clients.egress.listEgress();
    expect(home.asked.map(({ authorization }) => authorization)).toEqual([`Bearer ${TOKEN}`]);
  });

  test("is read in LiveKit's format: ws URLs, and distances as strings", async () => {
    const home = await livekit().region("home");
    home.list(
      { region: "far", url: "ws://127.0.0.1:1", distance: "9000000" },
      { region: "here", url: home.origin.replace("http", "ws") },
      { region: "near", url: "ws://127.0.0.1:2", distance: "42" },
    );
    const failover = failoverTo(home);
    await failover.ready();
    expect(failover.regions().map(({ id, url }) => [id, url])).toEqual([
      ["here", `${home.origin}/twirp`],
      ["near", "http://127.0.0.1:2/twirp"],
      ["far", "http://127.0.0.1:1/twirp"],
    ]);
  });

  test("is requested with a token from a function, or with headers", async () => {
    for (const [options, expected] of [
      [{ token: async () => "made.for.it" }, "Bearer made.for.it"],
      [{ headers: { Authorization: "Bearer fixed" } }, "Bearer fixed"],
      [{ headers: async () => ({ Authorization: "Bearer made" }) }, "Bearer made"],
    ] as [Partial<LivekitFailoverOptions>, string][]) {
      const home = await livekit().region("home");
      home.list();
      const failover = livekitFailover({ url: home.origin, ...options } as LivekitFailoverOptions);
      await failover.ready();
      expect(home.asked.map(({ authorization }) => authorization)).toEqual([expected]);
    }
  });

  test.each<[string, Partial<LivekitFailoverOptions>]>([
    ["an invalid token", { token: () => `Bearer ${SECRET}` }],
    ["a token with a line break", { token: async () => `${SECRET}\nx` }],
    ["headers that are not valid", { headers: () => ({ authorization: `${SECRET}\nx` }) }],
  ])("that cannot be requested because of %s leaves the calls at home, and prints no secret", async (_, options) => {
    const home = await livekit().region("home");
    const failover = livekitFailover({ url: home.origin, ...options } as LivekitFailoverOptions);
    const lines = listen(failover);
    await failover.ready();
    const { rooms } = sdkClients(home.origin);
    await attachFailover(rooms, failover).listRooms();
    expect(home.executed).toHaveLength(1);
    expect(home.asked).toEqual([]);
    expect(lines.join("\n")).toMatch(/no region list from .*livekitFailover\.(token|headers) must be/);
    expect(lines.join("\n")).not.toContain(SECRET);
  });

  test("leaves the calls at home if the server does not have it", async () => {
    const home = await livekit().region("home");
    const failover = failoverTo(home);
    const lines = listen(failover);
    await failover.ready();
    const { rooms } = sdkClients(home.origin);
    await attachFailover(rooms, failover).listRooms();
    expect(lines.join("\n")).toContain("HTTP 404");
    expect(home.executed).toHaveLength(1);
  });
});

describe("tokens", () => {
  const CLOUD = "my.livekit.cloud";
  const entriesOf = (...hosts: string[]) => hosts.map((host) => ({ region: host, url: `https://${host}` }));

  /** Calls a project at `host` whose home refuses everything, and returns what its calls reached. */
  async function reached(host: string, listed: readonly string[], options: Partial<LivekitFailoverOptions> = {}) {
    const home = await livekit().region("home");
    home.list(...entriesOf(host, ...listed));
    home.always(faults.pinned);
    const { seen, restore } = resolving({ [host]: home.origin });
    try {
      const failover = livekitFailover({ url: `wss://${host}`, token: TOKEN, ...options });
      await failover.ready();
      const { rooms } = sdkClients(`https://${host}`);
      attachFailover(rooms, failover, { proofOfSending: false });
      await errorOf(rooms.sendData("lobby", new Uint8Array(), 0, {}));
      return [...new Set(seen.map((request) => request.host))];
    } finally {
      restore();
    }
  }

  test("of a project in the Cloud go to livekit.cloud and livekit.run, and nowhere else", async () => {
    const others = ["eu.my.livekit.cloud", "evil.example.com", "mylivekit.cloud", "livekit.cloud.example.com"];
    expect(await reached(CLOUD, [...others, "eu.livekit.run"])).toEqual([
      CLOUD,
      "eu.my.livekit.cloud",
      "eu.livekit.run",
    ]);
    expect(await reached("my.livekit.run", ["eu.livekit.cloud"])).toEqual(["my.livekit.run", "eu.livekit.cloud"]);
  });

  test("of a self-hosted server do not go to the Cloud or outside its domain", async () => {
    const others = ["eu.livekit.cloud", "eu.rtc.example.com", "www.example.com"];
    expect(await reached("us.rtc.example.com", others)).toEqual(["us.rtc.example.com", "eu.rtc.example.com"]);
  });

  test("go to the hosts in allowedHosts, if it is given", async () => {
    const options = { allowedHosts: ["eu.example.com"] };
    expect(await reached(CLOUD, ["eu.example.com", "eu.livekit.cloud"], options)).toEqual([CLOUD, "eu.example.com"]);
  });
});

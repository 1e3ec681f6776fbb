/**
 * The snippets of the documents, compiled as strictly as the project and run unchanged. A dispatcher sends requests for
 * their hosts, `us-east.example.com` and `eu-west.example.com` (also under `livekit.example.com`), to two servers on
 * loopback.
 */
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { createFailover, type Failover, failoverTrace, policiesFrom } from "twirp-failover";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RoomService } from "../../proto/gen/rooms.js";
import * as faults from "../support/faults.js";
import { startLivekit } from "../support/livekit.js";
import { type RegionServer, startRegion } from "../support/region.js";
import { type ShownAdapter, shownAdapters } from "./adapters.js";
import { extractSnippets, SNIPPETS } from "./snippets.js";

const snippets = extractSnippets([
  "README.md",
  "docs/policies.md",
  "docs/events.md",
  "docs/testing.md",
  "docs/adapters.md",
  "docs/regions.md",
  "docs/livekit.md",
]);

const DISPATCHER = Symbol.for("undici.globalDispatcher.1");
type Dispatch = (options: { origin: string | URL }, handler: unknown) => boolean;
const globals = globalThis as unknown as Record<symbol, { dispatch: Dispatch }>;

interface Host {
  readonly origin: string;
  close(): Promise<void>;
}

let servers: readonly [RegionServer, RegionServer];
let hosts: Map<string, Host>;

beforeAll(async () => {
  servers = [await startRegion("us-east"), await startRegion("eu-west")];
  hosts = new Map<string, Host>([
    ["us-east.example.com", servers[0]],
    ["eu-west.example.com", servers[1]],
    ["us-east.livekit.example.com", await startLivekit("us-east")],
    ["eu-west.livekit.example.com", await startLivekit("eu-west")],
  ]);
  await fetch("data:,"); // Node sets its dispatcher up with the first request.
  const real = globals[DISPATCHER] as { dispatch: Dispatch };
  globals[DISPATCHER] = {
    dispatch(options, handler) {
      const region = hosts.get(new URL(options.origin).host);
      return real.dispatch(region ? { ...options, origin: region.origin } : options, handler);
    },
  };
  return () => {
    globals[DISPATCHER] = real;
  };
});

afterAll(async () => {
  for (const host of hosts.values()) await host.close();
});

describe("the snippets of the documents", () => {
  it("are found", () => {
    expect(snippets.length).toBeGreaterThanOrEqual(13);
  });

  it("compile", () => {
    const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");
    const { stdout, status } = spawnSync(process.execPath, [tsc, "-p", SNIPPETS], { encoding: "utf8" });
    expect(stdout).toBe("");
    expect(status).toBe(0);
  });

  it.each(snippets)("$name runs", async ({ path }) => {
    const asserted: unknown[] = [];
    const assert = console.assert;
    console.assert = (condition) => void asserted.push(condition);
    try {
      await import(path);
    } finally {
      console.assert = assert;
    }
    expect(asserted.every(Boolean)).toBe(true);
  });
});

describe("the adapters of docs/adapters.md", () => {
  const failoverTo = () =>
    createFailover({
      regions: servers.map(({ id, url }) => ({ id, url })),
      policies: { ...policiesFrom(RoomService), "*": { initialBackoffMs: 1 } },
    });
  const each = async (check: (adapter: ShownAdapter, home: RegionServer, failover: Failover) => Promise<void>) => {
    const adapters = await shownAdapters(snippets);
    expect(adapters).toHaveLength(3);
    for (const adapter of adapters) await check(adapter, servers[0], failoverTo());
  };

  it("fail over", () =>
    each(async ({ name, read, mutation }, home, failover) => {
      home.script(faults.html(502), faults.http(429));
      expect(await read(failover), name).toBe("eu-west");
      expect(await mutation(failover), name).toBe("eu-west");
    }));

  it("reject with the RPC library's own error and its trace", () =>
    each(async ({ name, mutation }, home, failover) => {
      home.script(faults.handlerError("data_loss", { a: "b" }));
      const error = await mutation(failover).catch((error: unknown) => error);
      const code = name === "ts-proto" ? "dataloss" : "data_loss";
      expect(error, name).toMatchObject({ code, meta: { a: "b" } });
      expect((error as object).constructor.name).toBe("TwirpError");
      expect(failoverTrace(error)?.attempts, name).toMatchObject([{ error, outcome: { execution: "unknown" } }]);
    }));
});

/**
 * The documents' snippets, compiled as strictly as the project and run as they stand. Their hosts are
 * `us-east.example.com` and `eu-west.example.com`, which a dispatcher sends to two servers on loopback, and the same under
 * `livekit.example.com`.
 */
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startLivekit } from "../support/livekit.js";
import { startRegion } from "../support/region.js";
import { extractSnippets, SNIPPETS } from "./snippets.js";

const snippets = extractSnippets(["README.md", "docs/regions.md", "docs/livekit.md"]);

const DISPATCHER = Symbol.for("undici.globalDispatcher.1");
type Dispatch = (options: { origin: string | URL }, handler: unknown) => boolean;
const globals = globalThis as unknown as Record<symbol, { dispatch: Dispatch }>;

interface Host {
  readonly origin: string;
  close(): Promise<void>;
}

let regions: Map<string, Host>;

beforeAll(async () => {
  regions = new Map<string, Host>([
    ["us-east.example.com", await startRegion("us-east")],
    ["eu-west.example.com", await startRegion("eu-west")],
    ["us-east.livekit.example.com", await startLivekit("us-east")],
    ["eu-west.livekit.example.com", await startLivekit("eu-west")],
  ]);
  await fetch("data:,"); // Node sets its dispatcher up with the first request.
  const real = globals[DISPATCHER] as { dispatch: Dispatch };
  globals[DISPATCHER] = {
    dispatch(options, handler) {
      const region = regions.get(new URL(options.origin).host);
      return real.dispatch(region ? { ...options, origin: region.origin } : options, handler);
    },
  };
  return () => {
    globals[DISPATCHER] = real;
  };
});

afterAll(async () => {
  for (const region of regions.values()) await region.close();
});

describe("the snippets of the documents", () => {
  it("are there", () => {
    expect(snippets.length).toBeGreaterThanOrEqual(6);
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

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

/**
 * The folders of `src`, and which of them each may import from. Imports run downward, so a folder can be read without
 * those that use it. `.` is `src` itself: the entries, and `failover.ts`, which puts the parts together.
 */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  support: [],
  outcome: ["support"],
  policy: ["outcome", "support"],
  events: ["policy", "outcome", "support"],
  regions: ["events", "support"],
  "regions/discovery": ["regions", "support"],
  health: ["regions", "events", "outcome", "support"],
  call: ["health", "regions", "events", "policy", "outcome", "support"],
  http: ["call", "outcome", "support"],
  ".": ["http", "call", "health", "regions", "regions/discovery", "events", "policy", "outcome", "support"],
  "adapters/protobuf-ts": [".", "http", "call", "policy", "outcome", "support"],
  "adapters/twirp-ts": [".", "http", "call", "regions", "policy", "outcome", "support"],
  "adapters/livekit": [".", "http", "call", "regions/discovery", "policy", "outcome", "support"],
};

const root = fileURLToPath(new URL("../../src", import.meta.url));
const files = readdirSync(root, { recursive: true, encoding: "utf8" })
  .map((path) => path.replaceAll("\\", "/"))
  .filter((path) => path.endsWith(".ts"))
  .toSorted();

const sources = new Map(files.map((path) => [path, readFileSync(join(root, path), "utf8")]));

/** A file's code without comments, because comments may name things that code may not use. A URL's `//` is not a comment. */
const codeOf = (path: string) =>
  (sources.get(path) ?? "").replace(/\/\*[\s\S]*?\*\//g, "").replace(/(?<!:)\/\/.*$/gm, "");

/** The imports and re-exports of a file, including types: our files as paths in `src`, everything else as written. */
function importsOf(path: string): string[] {
  const statements = codeOf(path).matchAll(/(?:\bfrom|\bimport)\s*\(?\s*["']([^"']+)["']/g);
  return [...statements].map(([, target = ""]) =>
    target.startsWith(".") ? posix.normalize(posix.join(dirname(path), target)).replace(/\.js$/, ".ts") : target,
  );
}

const folderOf = (path: string) => dirname(path);
const isAdapter = (path: string) => path.startsWith("adapters/");
const isCore = (path: string) => !isAdapter(path);

/** The first import cycle found, as a path. */
function findCycle(): string[] | undefined {
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): string[] | undefined => {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path];
    if (done.has(path)) return undefined;
    for (const target of importsOf(path).filter((name) => sources.has(name))) {
      const cycle = visit(target, [...trail, path]);
      if (cycle) return cycle;
    }
    done.add(path);
    return undefined;
  };
  for (const path of files) {
    const cycle = visit(path, []);
    if (cycle) return cycle;
  }
  return undefined;
}

describe("the source", () => {
  test("is found by this test: its files and their imports", () => {
    expect(files).toContain("call/engine.ts");
    expect(importsOf("call/engine.ts")).toEqual(expect.arrayContaining(["p-retry", "call/running-attempt.ts"]));
    expect(importsOf("regions/discovery/http.ts")).toContain("support/checks.ts");
    expect(importsOf("adapters/protobuf-ts/rpc-error.ts")).toContain("@protobuf-ts/runtime-rpc");
  });

  test("imports only files that exist", () => {
    const missing = files.flatMap((path) =>
      importsOf(path).filter((name) => name.endsWith(".ts") && !sources.has(name)),
    );
    expect(missing).toEqual([]);
  });

  test("has no import cycle", () => {
    expect(findCycle()).toBeUndefined();
  });
});

describe("the folders", () => {
  test("are those in the list of arrows", () => {
    expect([...new Set(files.map(folderOf))].toSorted()).toEqual(Object.keys(ARROWS).toSorted());
  });

  test("import only along the arrows", () => {
    const against = files.flatMap((path) =>
      importsOf(path)
        .filter((target) => sources.has(target))
        .filter((target) => folderOf(target) !== folderOf(path))
        .filter((target) => !ARROWS[folderOf(path)]?.includes(folderOf(target)))
        .map((target) => `${path} → ${target}`),
    );
    expect(against).toEqual([]);
  });

  test("need all of these arrows", () => {
    const used = new Set(files.flatMap((path) => importsOf(path).map((to) => `${folderOf(path)} → ${folderOf(to)}`)));
    const unused = Object.entries(ARROWS)
      .flatMap(([from, targets]) => targets.map((to) => `${from} → ${to}`))
      .filter((arrow) => !used.has(arrow));
    expect(unused).toEqual([]);
  });

  test("have no cycle: each imports only from folders that are listed before it", () => {
    const order = Object.keys(ARROWS);
    for (const [from, targets] of Object.entries(ARROWS)) {
      for (const to of targets) expect(order.indexOf(to), `${from} → ${to}`).toBeLessThan(order.indexOf(from));
    }
  });
});

describe("the core", () => {
  test("runs without Node: only regions/discovery/srv.ts imports from it", () => {
    const guilty = files.filter((path) => importsOf(path).some((name) => name.startsWith("node:")));
    expect(guilty).toEqual(["regions/discovery/srv.ts"]);
  });

  test("knows no RPC library: only adapters import one", () => {
    const isLibrary = (name: string) =>
      /^(@protobuf-ts\/|twirp-ts|@connectrpc\/|@grpc\/|livekit-server-sdk)/.test(name);
    expect(files.filter(isCore).filter((path) => importsOf(path).some(isLibrary))).toEqual([]);
  });

  test("imports no package except p-retry", () => {
    const packages = files
      .filter(isCore)
      .flatMap(importsOf)
      .filter((name) => !name.endsWith(".ts") && !name.startsWith("node:"));
    expect([...new Set(packages)]).toEqual(["p-retry"]);
  });
});

describe("time and randomness", () => {
  test.each([
    ["Date.now", /\bDate\.now\b/],
    ["new Date()", /\bnew Date\(\)/],
    ["Math.random", /\bMath\.random\b/],
    ["performance", /\bperformance\b/],
    ["crypto", /\bcrypto\b/],
    // A method with the same name, such as the clock's, does not count.
    ["the global timers", /(?<![.\w#])(?:set|clear)(?:Timeout|Interval|Immediate)\s*\(|globalThis\.(?:set|clear)/],
  ])("%s is used only in clock.ts", (_, use) => {
    const others = files.filter((path) => path !== "support/clock.ts");
    expect(others.filter((path) => use.test(codeOf(path)))).toEqual([]);
    if (!use.source.includes("new Date")) expect(codeOf("support/clock.ts")).toMatch(use);
  });
});

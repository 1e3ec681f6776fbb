import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../../src", import.meta.url));
const files = readdirSync(root, { recursive: true, encoding: "utf8" })
  .map((path) => path.replaceAll("\\", "/"))
  .filter((path) => path.endsWith(".ts"))
  .toSorted();

const sources = new Map(files.map((path) => [path, readFileSync(join(root, path), "utf8")]));

/** Without comments, so that one may speak of what the code may not do. A URL's `//` begins none. */
const codeOf = (path: string) =>
  (sources.get(path) ?? "").replace(/\/\*[\s\S]*?\*\//g, "").replace(/(?<!:)\/\/.*$/gm, "");

/** What a file imports or exports on, types included: `./x.js` of ours as a path in `src`, all else as it is written. */
function importsOf(path: string): string[] {
  const statements = codeOf(path).matchAll(/(?:\bfrom|\bimport)\s*\(?\s*["']([^"']+)["']/g);
  return [...statements].map(([, target = ""]) =>
    target.startsWith(".") ? posix.normalize(posix.join(dirname(path), target)).replace(/\.js$/, ".ts") : target,
  );
}

const isAdapter = (path: string) => path.startsWith("adapters/");
const isNode = (path: string) => path.startsWith("node/");
const isCore = (path: string) => !isAdapter(path) && !isNode(path);

/** The files of which something holds that must not. */
const filesThat = (of: (path: string) => boolean, isGuilty: (path: string) => boolean) =>
  files.filter(of).filter(isGuilty);

/** The first cycle that is found, as a path through it. */
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
  test("is read: this test sees its files and their imports", () => {
    expect(files).toContain("engine.ts");
    expect(importsOf("engine.ts")).toEqual(expect.arrayContaining(["p-retry", "attempt.ts", "regions.ts"]));
    expect(importsOf("discovery/http.ts")).toContain("options.ts");
    expect(importsOf("adapters/protobuf-ts.ts")).toContain("@protobuf-ts/runtime-rpc");
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

  test("has no file of more than 220 lines", () => {
    const lines = files.map((path) => [path, (sources.get(path) ?? "").split("\n").length - 1] as const);
    expect(lines.filter(([, count]) => count > 220)).toEqual([]);
  });
});

describe("the core", () => {
  test("knows neither the adapters nor what only Node has", () => {
    expect(filesThat(isCore, (path) => importsOf(path).some((name) => isAdapter(name) || isNode(name)))).toEqual([]);
  });

  test("runs where there is no Node: only node/ and discovery/srv.ts import of it", () => {
    const mayNot = (path: string) => !isNode(path) && path !== "discovery/srv.ts";
    expect(filesThat(mayNot, (path) => importsOf(path).some((name) => name.startsWith("node:")))).toEqual([]);
  });

  test("knows no RPC library: only adapters import one", () => {
    const isLibrary = (name: string) =>
      /^(@protobuf-ts\/|twirp-ts|@connectrpc\/|@grpc\/|livekit-server-sdk)/.test(name);
    expect(
      filesThat(
        (path) => !isAdapter(path),
        (path) => importsOf(path).some(isLibrary),
      ),
    ).toEqual([]);
  });

  test("has p-retry as its only package", () => {
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
    // Not a method of that name, such as the clock's.
    ["the global timers", /(?<![.\w#])(?:set|clear)(?:Timeout|Interval|Immediate)\s*\(|globalThis\.(?:set|clear)/],
  ])("%s is used in clock.ts alone", (_, use) => {
    expect(
      filesThat(
        (path) => path !== "clock.ts",
        (path) => use.test(codeOf(path)),
      ),
    ).toEqual([]);
    if (!use.source.includes("new Date")) expect(codeOf("clock.ts")).toMatch(use);
  });
});

/**
 * In a `vm` realm, as under Jest and in Vitest's `vmThreads`: calls succeed and fail over, errors are those of the library,
 * and a refused connection proves nothing, because the request could not be watched.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { type BuildOptions, build } from "esbuild";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { type RegionServer, refusedUrl, startRegion } from "../support/region.js";

const at = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
/** In the repository, so that packages are found from there. */
const out = (path = "") => at(`test/realms/bundle/${path}`);

const source = (path: string) => at(`src/${path}`);

const REQUIRE = `import { createRequire } from "node:module"; const require = createRequire(import.meta.url);`;

/** What a transform would do, TypeScript to JavaScript, but once and for all. */
const bundle = (entry: string, file: string, options: BuildOptions) =>
  build({
    entryPoints: [at(`test/realms/${entry}`)],
    outfile: out(file),
    bundle: true,
    platform: "node",
    target: "node20",
    logLevel: "error",
    // What is generated is CommonJS, and requires its runtime.
    banner: options.format === "esm" ? { js: REQUIRE } : {},
    alias: {
      "twirp-failover": source("index.ts"),
      "twirp-failover/protobuf-ts": source("adapters/protobuf-ts/index.ts"),
      "twirp-failover/twirp-ts": source("adapters/twirp-ts/index.ts"),
    },
    ...options,
  });

let home: RegionServer;
beforeEach(async () => {
  home = await startRegion("home");
});
afterEach(() => home.close());
beforeAll(async () => {
  await mkdir(out(), { recursive: true });
  return async () => {
    await rm(out(), { recursive: true, force: true });
  };
});

async function run(command: readonly string[]): Promise<string> {
  const env = { ...process.env, REGION_URL: home.url, REFUSED_URL: await refusedUrl(), CI: "1", NO_COLOR: "1" };
  const child = spawn(process.execPath, command, { cwd: out(), env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (piece) => (output += piece));
  const [code] = await once(child, "close");
  expect(code, output).toBe(0);
  return output;
}

const EXECUTED = ["protobuf-ts", "twirp-ts"].flatMap((name) => [`${name} mutation`, `${name} update`]);
/** What has to be executed by the end of the test that is running: each call once. */
const executedOnce = () => expect(home.executed.toSorted()).toEqual(EXECUTED);

test.each([
  // The package and p-retry are ESM, so a project without --experimental-vm-modules has them transformed.
  ["CommonJS", "jest.test.cjs", { format: "cjs", external: ["@jest/globals"] }],
  ["ESM", "jest.test.mjs", { format: "esm", packages: "external" }],
] as const)("Jest, %s", { timeout: 60_000 }, async (_, file, options) => {
  await bundle("jest.ts", file, options as BuildOptions);
  const config = {
    rootDir: out(),
    testEnvironment: "node",
    transform: {},
    testMatch: [`**/${file}`],
    moduleFileExtensions: ["js", "mjs", "cjs", "json"],
  };
  await writeFile(out("jest.config.json"), JSON.stringify(config));
  const output = await run(["--experimental-vm-modules", at("node_modules/jest/bin/jest.js"), "--no-cache"]);
  expect(output).toMatch(/Tests: +2 passed, 2 total/);
  executedOnce();
});

test("Vitest's vmThreads", { timeout: 60_000 }, async () => {
  await bundle("vitest.ts", "vitest.test.mjs", { format: "esm", packages: "external" });
  const config = { root: out(), test: { include: ["vitest.test.mjs"], pool: "vmThreads" } };
  await writeFile(out("vitest.config.mjs"), `export default ${JSON.stringify(config)};\n`);
  const output = await run([at("node_modules/vitest/vitest.mjs"), "run"]);
  expect(output).toMatch(/Tests +2 passed/);
  executedOnce();
});

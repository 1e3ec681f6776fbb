import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const source = (path: string) => fileURLToPath(new URL(`./src/${path}`, import.meta.url));

const resolve = {
  alias: [
    { find: /^twirp-failover$/, replacement: source("index.ts") },
    { find: /^twirp-failover\/srv$/, replacement: source("regions/discovery/srv.ts") },
    { find: /^twirp-failover\/adapter$/, replacement: source("adapter.ts") },
    { find: /^twirp-failover\/(.+)$/, replacement: source("adapters/$1/index.ts") },
    // The documents show an adapter for it. Its generated code and runtime are in test/docs.
    {
      find: /^twirpscript$/,
      replacement: fileURLToPath(new URL("./test/docs/twirpscript/runtime.ts", import.meta.url)),
    },
  ],
};

export default defineConfig({
  test: {
    projects: [
      // No sockets and no waiting, because time is simulated.
      { resolve, test: { name: "unit", include: ["test/unit/**/*.test.ts"], isolate: false, testTimeout: 30_000 } },
      // Real sockets, real servers, on loopback.
      { resolve, test: { name: "wire", include: ["test/wire/**/*.test.ts"], testTimeout: 30_000 } },
      // What can be proved about a failed request, case by case.
      { resolve, test: { name: "proof", include: ["test/proof/**/*.test.ts"], testTimeout: 30_000 } },
      // Random faults in servers in separate processes, which count what they executed.
      {
        resolve,
        test: {
          name: "chaos",
          include: ["test/chaos/**/*.test.ts"],
          testTimeout: 300_000,
          // It runs alone, because on a busy machine the client sees late that a connection was closed.
          sequence: { groupOrder: 1 },
        },
      },
      // Behind the real nginx and HAProxy.
      { resolve, test: { name: "proxy", include: ["test/proxy/**/*.test.ts"], testTimeout: 60_000 } },
      // Against the Go server.
      {
        resolve,
        test: {
          name: "interop",
          include: ["test/interop/**/*.test.ts"],
          globalSetup: "test/interop/setup.ts",
          testTimeout: 30_000,
        },
      },
      // Regions from the SRV records of a real DNS server.
      { resolve, test: { name: "srv", include: ["test/srv/**/*.test.ts"], testTimeout: 30_000 } },
      // The package as it is published, in a project of its own: what compilers and loaders do with it.
      { resolve, test: { name: "package", include: ["test/package/**/*.test.ts"], testTimeout: 60_000 } },
      // The snippets of the documents, compiled and run.
      { resolve, test: { name: "docs", include: ["test/docs/**/*.test.ts"], testTimeout: 30_000 } },
    ],
  },
});

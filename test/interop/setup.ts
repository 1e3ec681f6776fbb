/** Builds the Go server once before the tests. If nothing has changed since the last time, that is fast. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { TestProject } from "vitest/node";
import { findProgram } from "../proxy/program.js";

declare module "vitest" {
  interface ProvidedContext {
    goServer: GoServer;
  }
}

/** The program, or why it is missing. The tests fail with that reason, because other projects run in the same process. */
export type GoServer = { readonly binary: string } | { readonly missing: string };

const at = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

export default function setup(project: TestProject): void {
  project.provide("goServer", build());
}

function build(): GoServer {
  if (findProgram("go") === undefined) return { missing: "go is not installed" };
  const { status } = spawnSync(process.execPath, [at("scripts/go-server.mjs")], { stdio: "inherit" });
  return status === 0
    ? { binary: at("examples/go-server/bin/go-server") }
    : { missing: "the Go server could not be built; run `npm run go-server` to see why" };
}

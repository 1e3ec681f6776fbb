/** SRV records need Node, so code that runs elsewhere must not include them. */
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { expect, test } from "vitest";

/** Our files, and the packages and Node modules, in a bundle of this file of `src`. */
async function insideOf(path: string): Promise<{ files: string[]; modules: string[] }> {
  const { metafile } = await build({
    entryPoints: [fileURLToPath(new URL(`../../src/${path}`, import.meta.url))],
    bundle: true,
    write: false,
    metafile: true,
    format: "esm",
    platform: "neutral",
    packages: "external",
    external: ["node:*"],
  });
  const inputs = Object.entries(metafile.inputs);
  const modules = inputs.flatMap(([, { imports }]) =>
    imports.filter(({ external }) => external).map(({ path }) => path),
  );
  return { files: inputs.map(([file]) => file.replace(/^.*\bsrc\//, "")), modules: [...new Set(modules)] };
}

test("the main entry includes neither srv.ts nor a Node module", async () => {
  const { files, modules } = await insideOf("index.ts");
  expect(files).toContain("regions/discovery/http.ts");
  expect(files).not.toContain("regions/discovery/srv.ts");
  expect(modules).toEqual(["p-retry"]);
});

test("the entry for SRV records needs node:dns/promises, and few of our other files", async () => {
  const { files, modules } = await insideOf("regions/discovery/srv.ts");
  expect(modules).toEqual(["node:dns/promises"]);
  expect(files).not.toContain("call/engine.ts");
});

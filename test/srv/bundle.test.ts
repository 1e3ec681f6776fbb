/** SRV records are for Node alone, so what runs elsewhere must not take them in. */
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { expect, test } from "vitest";

/** The files of ours, and the packages and modules of Node, that a bundle of this file of `src` has in it. */
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

test("the main entry has neither srv.ts in it nor anything of Node", async () => {
  const { files, modules } = await insideOf("index.ts");
  expect(files).toContain("regions/discovery/http.ts");
  expect(files).not.toContain("regions/discovery/srv.ts");
  expect(modules).toEqual(["p-retry"]);
});

test("the entry for SRV records needs node:dns/promises, and little else of ours", async () => {
  const { files, modules } = await insideOf("regions/discovery/srv.ts");
  expect(modules).toEqual(["node:dns/promises"]);
  expect(files).not.toContain("call/engine.ts");
});

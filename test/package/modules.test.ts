/** How the package is loaded: by `import` and by `require`. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { Project } from "./project.js";

const project = new Project();

beforeAll(() => project.install(), 60_000);
afterAll(() => project.remove());

test("require() loads every entry, the same modules that import loads, and no warning", async () => {
  project.add("commonjs.cjs");
  const { status, output } = await project.node("commonjs.cjs");
  expect(output).toBe(`${JSON.stringify({ same: [true, true, true, true, true, true], room: "lobby" })}\n`);
  expect(status).toBe(0);
});

test("nothing but its entries can be loaded", async () => {
  const { output } = await project.node("-e", 'require("twirp-failover/dist/index.js")');
  expect(output).toContain("ERR_PACKAGE_PATH_NOT_EXPORTED");
});

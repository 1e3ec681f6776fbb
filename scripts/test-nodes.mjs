/** Runs the tests on several versions of Node: `npm run test:nodes -- 22 24`. The binaries come from npm's package "node". */
import { spawnSync } from "node:child_process";

const versions = process.argv.length > 2 ? process.argv.slice(2) : ["20", "22", "24"];
const failed = versions.filter((version) => {
  console.log(`\n── Node ${version}`);
  const command = ["-y", "-p", `node@${version}`, "node", "node_modules/vitest/vitest.mjs", "run"];
  return spawnSync("npx", command, { stdio: "inherit" }).status !== 0;
});
if (failed.length > 0) {
  console.error(`\nThe tests failed on Node ${failed.join(", ")}.`);
  process.exitCode = 1;
}

/**
 * Generates the clients and the server that the tests, the demo and the benchmarks use:
 * proto/*.proto -> proto/gen-ts/*.ts -> proto/gen/*.js and *.d.ts.
 *
 * The generators emit TypeScript for CommonJS that fails this project's strict checks. So it is compiled here once with
 * a separate configuration, and the rest of the project uses plain modules.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const at = (...parts) => join(root, ...parts);
const require = createRequire(import.meta.url);

const inputs = ["proto/rooms.proto", "proto/tsconfig.json", "scripts/generate.mjs", "package-lock.json"].map((p) =>
  at(p),
);
const stamp = at("proto/gen/package.json");
const changedAt = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0);
if (existsSync(stamp) && inputs.every((path) => changedAt(path) < changedAt(stamp))) process.exit(0);

for (const dir of ["proto/gen-ts", "proto/gen"]) {
  rmSync(at(dir), { recursive: true, force: true });
  mkdirSync(at(dir), { recursive: true });
}

const run = (script, ...args) => execFileSync(process.execPath, [script, ...args], { cwd: root, stdio: "inherit" });
const bin = (pkg, path) => join(dirname(require.resolve(`${pkg}/package.json`)), path);

// By path, because `.bin/protoc` belongs to another package, which would try to download a compiler.
run(
  bin("protoc", "protoc.cjs"),
  `--plugin=protoc-gen-ts=${bin("@protobuf-ts/plugin", "bin/protoc-gen-ts")}`,
  `--plugin=protoc-gen-twirp_ts=${bin("twirp-ts", "protoc-gen-twirp_ts")}`,
  "--proto_path=proto",
  "--ts_out=proto/gen-ts",
  "--twirp_ts_out=proto/gen-ts",
  "--descriptor_set_out=proto/gen/rooms.binpb",
  "proto/rooms.proto",
);
run(bin("typescript", "bin/tsc"), "-p", "proto/tsconfig.json");
writeFileSync(stamp, '{ "type": "commonjs" }\n');

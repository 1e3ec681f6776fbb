/**
 * Builds the Go server that the interop tests run:
 * proto/rooms.proto -> examples/go-server/gen/rooms/*.go -> examples/go-server/bin/go-server.
 *
 * Go downloads the modules in go.mod, including the two protoc plugins. protoc itself comes from npm.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const server = join(root, "examples/go-server");
const binary = join(server, "bin/go-server");
const protoc = join(dirname(createRequire(import.meta.url).resolve("protoc/package.json")), "protoc.cjs");

const sources = readdirSync(server).filter((name) => /\.(go|mod|sum)$/.test(name));
const inputs = [...sources.map((name) => join(server, name)), join(root, "proto/rooms.proto"), import.meta.filename];
const changedAt = (path) => statSync(path).mtimeMs;
if (existsSync(binary) && inputs.every((path) => changedAt(path) < changedAt(binary))) process.exit(0);

const run = (file, ...args) => execFileSync(file, args, { cwd: server, stdio: "inherit" });
// Without version information from Git, because it is not available everywhere and not needed.
const build = (...args) => run("go", "build", "-buildvcs=false", "-trimpath", ...args);

for (const dir of ["bin", "gen"]) rmSync(join(server, dir), { recursive: true, force: true });
mkdirSync(join(server, "gen/rooms"), { recursive: true });
build("-o", "bin/", "tool");

// The .proto does not name a Go package, because that is decided by whoever generates the code. But protoc-gen-twirp takes
// its package name only from the .proto, so protoc-gen-go gets the same one.
const options = "paths=source_relative,Mrooms.proto=example.com/go-server/gen/rooms;acme_rooms_v1";
run(
  process.execPath,
  protoc,
  `--plugin=protoc-gen-go=${join(server, "bin/protoc-gen-go")}`,
  `--plugin=protoc-gen-twirp=${join(server, "bin/protoc-gen-twirp")}`,
  `--proto_path=${join(root, "proto")}`,
  `--go_out=${options}:gen/rooms`,
  `--twirp_out=${options}:gen/rooms`,
  "rooms.proto",
);
build("-o", binary, ".");

/**
 * What each runtime and adapter can prove of a mutation that failed: `node test/runtimes/proofs.mjs`. It prints a table, and
 * with `--errors` what the runtime's `fetch` says. Bun and Deno come from npm.
 * Where a connection is reused and dies, it also says how many times the region got the mutation.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { build } from "esbuild";

const RUNTIMES = {
  "Node 20": ["npx", "-y", "-p", "node@20", "node"],
  "Node 24": ["npx", "-y", "-p", "node@24", "node"],
  "Node 26": ["npx", "-y", "-p", "node@26", "node"],
  "Bun 1.3": ["npx", "-y", "bun@1.3.0", "run"],
  "Bun 1.4": ["npx", "-y", "bun@1.4.5", "run"],
  "Deno 2.9": ["npx", "-y", "deno@2.9.6", "run", "-A"],
};

/** In a thread, because this one waits for the runtimes. */
const SERVERS = `
const { parentPort } = require("node:worker_threads");
const http = require("node:http"), net = require("node:net");
const listen = (server) => new Promise((done) => server.listen(0, "127.0.0.1", () => done(server.address().port)));
const received = {};
async function dying(gone) {
  const server = http.createServer((req, res) => {
    req.resume();
    req.on("end", () => {
      if (req.url.endsWith("DialParticipant")) {
        if (++received[url] === 1) {
          if (gone) server.close();
          req.socket.destroy();
          if (gone) server.closeAllConnections();
          return;
        }
      }
      res.setHeader("content-type", req.headers["content-type"]);
      res.end(req.headers["content-type"] === "application/json" ? "{}" : "");
    });
  });
  server.keepAliveTimeout = 60_000;
  const url = "http://127.0.0.1:" + (await listen(server));
  received[url] = 0;
  return url;
}
(async () => {
  const closed = http.createServer();
  const refused = await listen(closed);
  closed.close();
  const behaving = (onData) => listen(net.createServer((s) => s.on("error", () => {}).once("data", () => onData(s))));
  const reset = await behaving((s) => s.resetAndDestroy());
  const plain = await behaving((s) => s.end("HTTP/1.1 400 Bad Request\\r\\n\\r\\n"));
  const control = await listen(http.createServer(async (req, res) => {
    const [path, query] = req.url.split("?");
    res.end(path === "/new" ? await dying(query === "gone") : String(received[query]));
  }));
  parentPort.postMessage({ refused, reset, plain, control });
})();
`;

const servers = new Worker(SERVERS, { eval: true });
const ports = await new Promise((resolve) => servers.once("message", resolve));
const at = (port, scheme = "http") => `${scheme}://127.0.0.1:${port}`;
const cases = [
  { name: "refused", url: at(ports.refused) },
  { name: "DNS", url: "http://no-such-region.invalid" },
  { name: "TLS to a plain port", url: at(ports.plain, "https") },
  { name: "reset", url: at(ports.reset) },
  { name: "reused, dies" },
  { name: "reused, dies, gone", gone: true },
];

const root = fileURLToPath(new URL("../../", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "proofs-"));
const file = join(folder, "calls.mjs");
await build({
  entryPoints: [join(root, "test/runtimes/calls.ts")],
  outfile: file,
  bundle: true,
  format: "esm",
  platform: "node",
  logLevel: "error",
  alias: {
    "twirp-failover": join(root, "src/index.ts"),
    "twirp-failover/protobuf-ts": join(root, "src/adapters/protobuf-ts/index.ts"),
    "twirp-failover/twirp-ts": join(root, "src/adapters/twirp-ts/index.ts"),
  },
  banner: {
    js: `import { createRequire } from "node:module"; const require = createRequire(import.meta.url); globalThis.MEASURE = ${JSON.stringify({ control: at(ports.control), cases })};`,
  },
});
writeFileSync(join(folder, "package.json"), "{}");

const table = {};
for (const [runtime, [command, ...args]] of Object.entries(RUNTIMES)) {
  const { stdout, stderr, status } = spawnSync(command, [...args, file], { encoding: "utf8", timeout: 120_000 });
  if (status !== 0) console.error(runtime, status, stderr);
  for (const line of stdout.split("\n").filter((text) => text.startsWith("{"))) {
    const { name, library, ok, execution, cause, received, error } = JSON.parse(line);
    table[`${runtime}, ${library}`] ??= {};
    table[`${runtime}, ${library}`][name] = [
      ok ? "succeeds" : execution,
      cause && `(${cause})`,
      received && `${received}×`,
    ]
      .filter(Boolean)
      .join(" ");
    if (process.argv.includes("--errors")) console.log(runtime, library, name, "\n  ", error);
  }
}
console.table(table);
await servers.terminate();
rmSync(folder, { recursive: true });

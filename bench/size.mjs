/** The size that the package adds to a bundle, minified and gzipped. */
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { printTable } from "./table.mjs";

/** The aim for the core and the protobuf-ts adapter, including p-retry. The output says if it is missed. */
const BAR_BYTES = 10_240;
/** The aim for the twirp-ts adapter on top of the core. Most of it makes requests with `fetch`, shared by other adapters. */
const TWIRP_TS_BAR_BYTES = 2_048;

const root = fileURLToPath(new URL("..", import.meta.url));
const core = (names) => `export ${names} from "./dist/index.js";`;
const adapter = 'export { failoverInterceptor } from "./dist/adapters/protobuf-ts/index.js";';
const homeDomain = 'export * from "./dist/regions/discovery/home-domain.js";';
const http = 'export { TwirpHttp } from "./dist/adapter.js";';
const twirpTs = 'export { failoverRpc } from "./dist/adapters/twirp-ts/index.js";';

const sizes = [
  { name: "createFailover and failoverInterceptor", ...(await sizeOf(core("{ createFailover }") + adapter)) },
  { name: "everything that the two entries export", ...(await sizeOf(core("*") + adapter)) },
  { name: "what httpRegions loads if nobody names hosts", ...(await sizeOf(homeDomain)) },
  { name: "only createFailover", ...(await sizeOf(core("{ createFailover }"))) },
  { name: "createFailover and TwirpHttp", ...(await sizeOf(core("{ createFailover }") + http)) },
  { name: "createFailover and failoverRpc", ...(await sizeOf(core("{ createFailover }") + twirpTs)) },
  { name: "only p-retry", ...(await sizeOf('export * from "p-retry"; export { default } from "p-retry";')) },
];

printTable(
  "Bundled by esbuild as ESM; @protobuf-ts and twirp-ts are not counted, because a generated client includes them",
  ["", "minified", "gzipped", "in kB"],
  sizes.map(({ name, minified, gzipped }) => [name, `${minified} B`, `${gzipped} B`, (gzipped / 1000).toFixed(2)]),
);

const [first, , , alone, , withTwirpTs] = sizes.map(({ gzipped }) => gzipped);
console.log(`\nThe aim for the first is ${BAR_BYTES} B: ${distance(first, BAR_BYTES)} it.`);
const added = withTwirpTs - alone;
console.log(
  `failoverRpc adds ${added} B; the aim is ${TWIRP_TS_BAR_BYTES} B: ${distance(added, TWIRP_TS_BAR_BYTES)} it.`,
);

function distance(bytes, bar) {
  return `${Math.abs(bar - bytes)} B ${bytes <= bar ? "below" : "above"}`;
}

/** The size in bytes of a bundle of everything that `source` exports, without what it loads later. */
async function sizeOf(source) {
  const { outputFiles } = await build({
    stdin: { contents: source, resolveDir: root },
    bundle: true,
    splitting: true,
    minify: true,
    format: "esm",
    target: "es2023",
    external: ["@protobuf-ts/*", "twirp-ts"],
    outdir: root,
    write: false,
  });
  const { contents } = outputFiles.find(({ path }) => path.endsWith("stdin.js"));
  return { minified: contents.byteLength, gzipped: gzipSync(contents, { level: 9 }).byteLength };
}

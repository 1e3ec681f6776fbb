/**
 * Reports of the public API of the built package, one for each entry that package.json exports:
 * dist/**.d.ts -> api/*.api.md. `--check` writes nothing, and fails if a committed report differs from the build's.
 */
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Extractor, ExtractorConfig } from "@microsoft/api-extractor";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const pkg = createRequire(import.meta.url)("../package.json");
const check = process.argv.includes("--check");
const reports = join(root, "api");
const fresh = join(root, "node_modules/.cache/api");

const entries = Object.entries(pkg.exports).filter(([, { types }]) => types !== undefined);
const reportOf = (path) => `${path === "." ? "index" : path.slice(2)}.api.md`;

/** Returns whether the report of this entry differs from the committed one. */
function report([path, { types }]) {
  const entry = join(root, types);
  const config = ExtractorConfig.prepare({
    packageJsonFullPath: join(root, "package.json"),
    configObjectFullPath: undefined,
    configObject: {
      projectFolder: root,
      mainEntryPointFilePath: entry,
      newlineKind: "lf",
      compiler: { overrideTsconfig: { extends: "./tsconfig.base.json", files: [entry] } },
      apiReport: { enabled: true, reportFileName: reportOf(path), reportFolder: reports, reportTempFolder: fresh },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        compilerMessageReporting: { default: { logLevel: "error" } },
        // TypeDoc (`npm run docs:api`) reports missing comments and types that are used but not exported. It sees all entries
        // together, while here a type that another entry exports would be reported.
        extractorMessageReporting: { default: { logLevel: "none" } },
        tsdocMessageReporting: { default: { logLevel: "none" } },
      },
    },
  });
  const { apiReportChanged, errorCount } = Extractor.invoke(config, {
    localBuild: !check,
    printApiReportDiff: check,
    messageCallback(message) {
      // Its own message for a changed report names paths, not the command that updates it.
      if (message.category === "console" && message.messageId !== "console-api-report-diff") message.handled = true;
    },
  });
  if (errorCount > 0) throw new Error(`${types} does not compile`);
  return apiReportChanged;
}

if (!existsSync(join(root, "dist"))) throw new Error("dist does not exist: run `npm run build` first.");
mkdirSync(reports, { recursive: true });
const changed = entries.filter(report).map(([path]) => reportOf(path));
const expected = new Set(entries.map(([path]) => reportOf(path)));
const orphans = readdirSync(reports).filter((name) => !expected.has(name));
if (!check) for (const name of orphans) rmSync(join(reports, name));

const differing = [...changed, ...orphans].map((name) => `api/${name}`);
if (check && differing.length > 0) {
  console.error(
    `\nThe public API differs from the committed reports: ${differing.join(", ")}.\n` +
      "If that is intended, run `npm run api`, commit the reports, and describe the change with `npm run changeset`.",
  );
  process.exitCode = 1;
} else {
  console.log(differing.length > 0 ? `Written: ${differing.join(", ")}` : "The reports in api/ match the build.");
}

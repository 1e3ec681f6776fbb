/**
 * `npm run version`: writes the next version to package.json, and its section to CHANGELOG.md, from the files in .changeset.
 *
 * Changesets bumps the version and removes the files. It does not write the changelog, because its headings ("Minor
 * Changes") differ from Keep a Changelog. The headings here come from the changesets.
 */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const at = (path) => join(root, path);
const read = (path) => readFileSync(at(path), "utf8");
const run = (command, ...args) => execFileSync(command, args, { cwd: root, stdio: "inherit" });

const KINDS = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"];

/** The entries of the changesets by kind. Text without a heading goes under "Changed". */
function readChangesets() {
  const entries = new Map(KINDS.map((kind) => [kind, []]));
  const files = readdirSync(at(".changeset")).filter((name) => name.endsWith(".md") && name !== "README.md");
  for (const file of files.toSorted()) {
    const body = read(`.changeset/${file}`).replace(/^---\n[\s\S]*?\n---\n/, "");
    const [plain, ...sections] = `\n${body}`.split(/\n### +/);
    if (plain.trim() !== "") entries.get("Changed").push(listOf(plain));
    for (const section of sections) {
      const [, kind, text] = /^(.*)\n?([\s\S]*)$/.exec(section);
      const list = entries.get(kind.trim());
      if (list === undefined) throw new Error(`.changeset/${file}: "### ${kind}" must be one of ${KINDS.join(", ")}`);
      if (text.trim() !== "") list.push(listOf(text));
    }
  }
  return entries;
}

/** Formats the text as a list, because a changeset with one entry may be without one. */
const listOf = (text) => (/^[-*] /.test(text.trim()) ? text.trim() : `- ${text.trim().replaceAll("\n", "\n  ")}`);

// npm also runs a script with this name for `npm version`, which has already bumped the version then.
if (process.env.npm_command === "version")
  throw new Error("The changesets determine the next version: use `npm run version`.");

const entries = readChangesets();
const { version: before } = JSON.parse(read("package.json"));
run("npx", "changeset", "version");
const { version } = JSON.parse(read("package.json"));
if (version === before) process.exit(0);

const sections = [...entries].filter(([, lists]) => lists.length > 0);
const text = sections.map(([kind, lists]) => `### ${kind}\n\n${lists.join("\n")}\n`).join("\n");
const changelog = read("CHANGELOG.md").trimEnd();
const newest = changelog.search(/^## /m);
const [head, older] = newest < 0 ? [changelog, ""] : [changelog.slice(0, newest).trimEnd(), changelog.slice(newest)];
writeFileSync(at("CHANGELOG.md"), `${`${head}\n\n## ${version}\n\n${text}\n${older}`.trimEnd()}\n`);

run("npm", "install", "--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund");

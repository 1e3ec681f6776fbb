/** Turns the TypeScript snippets of a document into modules that can be compiled and run. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Where the modules are written. It is deep enough for the paths in them, and ignored by git. */
export const SNIPPETS = join(root, "test/snippets");

/** The names that a snippet may use without a declaration, because the text around it introduces them. */
const INTRODUCED = ["rooms", "failover", "freshToken"];

export interface Snippet {
  readonly name: string;
  readonly path: string;
}

export function extractSnippets(documents: readonly string[]): Snippet[] {
  rmSync(SNIPPETS, { recursive: true, force: true });
  mkdirSync(SNIPPETS, { recursive: true });
  writeFileSync(join(SNIPPETS, "tsconfig.json"), JSON.stringify(TSCONFIG, null, 2));
  return documents.flatMap((document) => {
    const text = readFileSync(join(root, document), "utf8");
    const blocks = [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)];
    return blocks.map((block, i) => {
      const line = text.slice(0, block.index).split("\n").length;
      const path = join(SNIPPETS, `${basename(document, ".md")}-${i + 1}.ts`);
      writeFileSync(path, moduleOf(block[1] as string));
      return { name: `${document}:${line}`, path };
    });
  });
}

function moduleOf(code: string): string {
  const introduced = INTRODUCED.filter(
    (name) => new RegExp(`\\b${name}\\b`).test(code) && !new RegExp(`const ${name}\\b`).test(code),
  );
  const prelude = introduced.length > 0 ? `import { ${introduced.join(", ")} } from "../docs/prelude.js";\n` : "";
  const here = code
    .replaceAll('"./gen/', '"../../proto/gen/')
    .replaceAll(/"\.\/(ts-proto|twirpscript)\//g, '"../docs/$1/');
  const declared = [...code.matchAll(/^(?:async )?function (\w+)/gm)].map(([, name]) => name);
  return `${prelude}${here}\nexport { ${declared.join(", ")} };\n`;
}

/** As strict as the project, except that a snippet may have an unused value. */
const TSCONFIG = {
  extends: "../../tsconfig.json",
  compilerOptions: {
    noUnusedLocals: false,
    paths: {
      "twirp-failover": ["../../src/index.ts"],
      "twirp-failover/adapter": ["../../src/adapter.ts"],
      "twirp-failover/srv": ["../../src/regions/discovery/srv.ts"],
      "twirp-failover/*": ["../../src/adapters/*/index.ts"],
      twirpscript: ["../docs/twirpscript/runtime.ts"],
    },
  },
  include: ["."],
  exclude: [],
};

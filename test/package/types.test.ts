/** What the compilers of users make of the package, without this repository's settings. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { COMPILERS, Project } from "./project.js";

const project = new Project();

beforeAll(async () => {
  await project.install();
  project.add("consumer.ts");
}, 60_000);
afterAll(() => project.remove());

type Version = keyof typeof COMPILERS;
type Options = Readonly<Record<string, unknown>>;

const STRICT = { strict: true, noEmit: true, target: "ES2022", types: ["node"], skipLibCheck: false };
const MODULES = {
  node16: { module: "node16" },
  nodenext: { module: "nodenext" },
  bundler: { module: "esnext", moduleResolution: "bundler" },
} as const;
const NODE_ONLY = ["ES2023"];
const WITH_DOM = ["ES2023", "DOM", "DOM.Iterable"];
const LIBRARIES: readonly Options[] = [NODE_ONLY, WITH_DOM].flatMap((lib) =>
  [true, false].map((exactOptionalPropertyTypes) => ({ lib, exactOptionalPropertyTypes })),
);

let configs = 0;

/** What the compiler says of a file. */
async function compile(version: Version, file: string, options: Options): Promise<string> {
  const config = `tsconfig.${++configs}.json`;
  project.write(config, JSON.stringify({ compilerOptions: { ...STRICT, ...options }, files: [file] }));
  const { output, status } = await project.node(COMPILERS[version], "-p", config);
  return output === "" && status !== 0 ? `the compiler ended with ${status}` : output;
}

const CASES = (Object.keys(COMPILERS) as Version[]).flatMap((version) =>
  Object.entries(MODULES).flatMap(([name, module]) =>
    LIBRARIES.map((library) => ({ version, name, ...library, options: { ...module, ...library } })),
  ),
);

/** The compilers written in JavaScript take seconds, so they get the strictest settings, and the loosest of all once. */
const isWorthwhile = ({ version, name, options }: (typeof CASES)[number]) => {
  const { lib, exactOptionalPropertyTypes: exact } = options as { lib?: unknown; exactOptionalPropertyTypes?: boolean };
  return version === "7" || (lib === NODE_ONLY ? exact : !exact && name === "nodenext");
};

describe("every entry type-checks, and so do the declarations of the libraries that it is for", () => {
  test.each(CASES.filter(isWorthwhile))(
    "TypeScript $version, $name, $lib, exactOptionalPropertyTypes $exactOptionalPropertyTypes",
    async ({ version, options }) => {
      expect(await compile(version, "consumer.ts", options)).toBe("");
    },
  );
});

describe("from CommonJS", () => {
  // The declarations are checked above; here only whether they are found.
  const FAST = { lib: NODE_ONLY, types: [], skipLibCheck: true };

  beforeAll(() => {
    project.write(
      "consumer.cts",
      'import { createFailover } from "twirp-failover";\nexport const make = createFailover;\n',
    );
  });

  test.each([
    ["5.9", "nodenext"],
    ["5.9", "node20"],
    ["7", "nodenext"],
    ["7", "node20"],
  ] as const)("TypeScript %s takes an import with module %s", async (version, module) => {
    expect(await compile(version, "consumer.cts", { ...FAST, module })).toBe("");
  });

  test.each([
    ["5.7", "nodenext"],
    ["5.9", "node16"],
    ["7", "node16"],
  ] as const)("TypeScript %s with module %s asks for a dynamic import", async (version, module) => {
    const output = await compile(version, "consumer.cts", { ...FAST, module });
    expect(output).toContain("error TS1479");
    expect(output).toContain("Consider writing a dynamic 'import(\"twirp-failover\")' call instead.");
  });

  test.each(["5.7", "5.9"] as const)(
    'TypeScript %s with moduleResolution "node10" says what to set',
    async (version) => {
      const output = await compile(version, "consumer.cts", {
        lib: NODE_ONLY,
        module: "commonjs",
        moduleResolution: "node10",
      });
      expect(output).toContain("error TS2307: Cannot find module 'twirp-failover'");
      expect(output).toContain("Consider updating to 'node16', 'nodenext', or 'bundler'.");
    },
  );
});

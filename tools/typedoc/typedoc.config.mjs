/** `npm run docs:api`: the API reference in docs/api, of every entry that package.json exports. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Comment, Converter, ReflectionKind } from "typedoc";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const pkg = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

/** By source file: the name that an entry is imported by. */
const entries = new Map(
  Object.entries(pkg.exports).flatMap(([path, { types }]) => {
    if (types === undefined) return []; // ./package.json
    const source = join(root, types.replace("dist/", "src/").replace(/\.d\.ts$/, ".ts"));
    return [[source, path.replace(/^\./, pkg.name)]];
  }),
);

/** A module has the name that it is imported by, and a document that of its heading: a path tells a reader nothing. */
function nameByMeaning(app) {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const module of project.getReflectionsByKind(ReflectionKind.Module)) {
      module.name = entries.get(module.sources?.[0]?.fullFileName) ?? module.name;
    }
    for (const document of project.getReflectionsByKind(ReflectionKind.Document)) {
      document.name = /^# (.+)$/m.exec(document.content[0]?.text)?.[1] ?? document.name;
    }
  });
}

/** `type: "call"` needs no comment in the source, because its type is all that there is to say. */
function documentLiterals(app) {
  app.converter.on(Converter.EVENT_RESOLVE_END, (context) => {
    for (const property of context.project.getReflectionsByKind(ReflectionKind.Property)) {
      if (property.type?.type !== "literal" || property.hasComment()) continue;
      property.comment = new Comment([{ kind: "text", text: `Always \`${property.type}\`.` }]);
    }
  });
}

export default {
  name: pkg.name,
  entryPoints: [...entries.keys()],
  tsconfig: join(root, "tsconfig.build.json"),
  readme: join(root, "README.md"),
  projectDocuments: [join(root, "docs/*.md")],
  out: join(root, "docs/api"),
  plugin: [nameByMeaning, documentLiterals],
  includeVersion: true,
  // By template, so that the reference is the same in a checkout without Git or without a remote.
  disableGit: true,
  sourceLinkTemplate: `${pkg.homepage.replace(/#.*/, "")}/blob/{gitRevision}/{path}#L{line}`,
  gitRevision: "main",
  basePath: root,
  displayBasePath: root,
  navigation: { includeFolders: false },
  sortEntryPoints: false,
  navigationLinks: { GitHub: pkg.homepage },

  // The list behind the type `TwirpCode`, which shows all that is in it.
  intentionallyNotExported: ["TWIRP_CODES"],
  // A reference with a hole in it is an error, because nobody looks for what is not there.
  validation: { notExported: true, invalidLink: true, invalidPath: true, notDocumented: true, rewrittenLink: true },
  requiredToBeDocumented: [
    "Module",
    "Variable",
    "Function",
    "Class",
    "Interface",
    "Property",
    "Method",
    "Accessor",
    "TypeAlias",
    "Enum",
    "EnumMember",
  ],
  // Parts of a type that has a comment as a whole: there is no place for another one.
  intentionallyNotDocumented: [
    "twirp-failover.FailoverEventOf.__type.type",
    "twirp-failover/livekit.LivekitSdk.RoomServiceClient.__type",
  ],
  treatWarningsAsErrors: true,
  treatValidationWarningsAsErrors: true,
};

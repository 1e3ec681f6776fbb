/** A project as a user has it: outside of this repository, with the package installed from its tarball. */
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

export interface Ran {
  readonly status: number;
  readonly output: string;
}

export class Project {
  readonly #temp = mkdtempSync(join(tmpdir(), "twirp-failover-package-"));
  readonly directory = join(this.#temp, "app");

  /** Builds, packs and installs. The repository's own `dist` is left alone, because other tests may be reading it. */
  async install(): Promise<void> {
    const staging = join(this.#temp, "staging");
    mkdirSync(staging);
    for (const name of ["package.json", "README.md", "LICENSE", "CHANGELOG.md", "docs", "src"]) {
      cpSync(join(ROOT, name), join(staging, name), { recursive: true });
    }
    for (const name of ["tsconfig.base.json", "tsconfig.build.json"]) cpSync(join(ROOT, name), join(staging, name));
    symlinkSync(join(ROOT, "node_modules"), join(staging, "node_modules"), "junction");
    await this.#expectSuccess(run(staging, [COMPILERS["7"], "-p", "tsconfig.build.json"]));
    await this.#expectSuccess(start(staging, NPM, ["pack", "--silent", "--ignore-scripts"]));
    const [tarball = ""] = readdirSync(staging).filter((name) => name.endsWith(".tgz"));

    const modules = join(this.directory, "node_modules");
    mkdirSync(join(modules, "twirp-failover"), { recursive: true });
    const target = ["-C", join(modules, "twirp-failover")];
    await this.#expectSuccess(start(staging, "tar", ["-xzf", tarball, "--strip-components=1", ...target]));
    // What npm would download besides is linked from the repository.
    for (const name of packagesIn(join(ROOT, "node_modules"))) {
      mkdirSync(dirname(join(modules, name)), { recursive: true });
      symlinkSync(join(ROOT, "node_modules", name), join(modules, name), "junction");
    }
    this.write("package.json", '{ "private": true, "type": "module" }');
    cpSync(join(ROOT, "proto/gen"), join(this.directory, "gen"), { recursive: true });
  }

  write(path: string, text: string): void {
    writeFileSync(join(this.directory, path), text);
  }

  /** Copies a file of this directory. */
  add(path: string): void {
    cpSync(join(ROOT, "test/package", path), join(this.directory, basename(path)));
  }

  /** Runs Node in the project. */
  node(...args: readonly string[]): Promise<Ran> {
    return run(this.directory, args);
  }

  remove(): void {
    rmSync(this.#temp, { recursive: true, force: true });
  }

  async #expectSuccess(running: Promise<Ran>): Promise<void> {
    const { status, output } = await running;
    if (status !== 0) throw new Error(output);
  }
}

/** The compilers, by version. */
export const COMPILERS = {
  "5.7": join(ROOT, "tools/typescript57/node_modules/typescript/bin/tsc"),
  "5.9": join(ROOT, "tools/typescript59/node_modules/typescript/bin/tsc"),
  "7": join(ROOT, "node_modules/typescript/bin/tsc"),
} as const;

const NPM = process.platform === "win32" ? "npm.cmd" : "npm";

const run = (cwd: string, args: readonly string[]) => start(cwd, process.execPath, args);

function start(cwd: string, command: string, args: readonly string[]): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(command, args, { cwd, timeout: 60_000 }, (error, stdout, stderr) => {
      const status = typeof error?.code === "number" ? error.code : error ? 1 : 0;
      resolve({ status, output: `${stdout}${stderr}` });
    });
  });
}

function packagesIn(modules: string): string[] {
  const names = readdirSync(modules).filter((name) => !name.startsWith(".") && name !== "twirp-failover");
  return names.flatMap((name) =>
    name.startsWith("@") ? readdirSync(join(modules, name)).map((part) => `${name}/${part}`) : [name],
  );
}

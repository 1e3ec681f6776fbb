/** An installed program that runs in the foreground as long as a test needs it, and is ended by its pid. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants } from "node:fs";
import { connect, createServer } from "node:net";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** Servers are in `sbin`, which is not in an ordinary user's PATH on Debian. */
const SBIN = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/** The program's path, or `undefined` if it is not installed. */
export function findProgram(name: string): string | undefined {
  const directories = [...(process.env.PATH ?? "").split(delimiter).filter(Boolean), ...SBIN];
  return directories.map((directory) => join(directory, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

const STARTS_WITHIN_MS = 10_000;
const STOPS_WITHIN_MS = 2_000;

export class Program {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  #said = "";

  private constructor(file: string, args: readonly string[]) {
    this.#child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"] });
    const hear = (chunk: Buffer) => {
      this.#said = (this.#said + chunk).slice(-4_000);
    };
    this.#child.stdout?.on("data", hear);
    this.#child.stderr?.on("data", hear);
    this.#child.on("error", (error) => hear(Buffer.from(error.message)));
    // Not "exit", because the ports are free only when everything that the program held is closed.
    this.#exited = once(this.#child, "close").catch(() => {});
    // In case the test process ends without its afterAll.
    process.once("exit", this.#kill);
  }

  /** Resolves when the program accepts connections on all of the ports. Rejects with its output if it ends. */
  static async start(file: string, args: readonly string[], ports: readonly number[]): Promise<Program> {
    const program = new Program(file, args);
    try {
      await Promise.all(ports.map((port) => program.#listensOn(port)));
    } catch (error) {
      await program.stop();
      throw error;
    }
    return program;
  }

  /** Ends the program, and resolves when it has ended. May be called twice. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    process.off("exit", this.#kill);
    if (this.#running) this.#child.kill(signal);
    const killing = setTimeout(this.#kill, STOPS_WITHIN_MS);
    await this.#exited;
    clearTimeout(killing);
  }

  readonly #kill = (): void => {
    if (this.#running) this.#child.kill("SIGKILL");
  };

  get #running(): boolean {
    return this.#child.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  async #listensOn(port: number): Promise<void> {
    for (const giveUpAt = Date.now() + STARTS_WITHIN_MS; Date.now() < giveUpAt; await sleep(10)) {
      if (!this.#running) break;
      if (await accepts(port)) return;
    }
    throw new Error(
      `${this.#child.spawnfile} does not listen on port ${port}: ${this.#said.trim() || "it printed nothing"}`,
    );
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const settle = (accepted: boolean) => {
      socket.destroy();
      resolve(accepted);
    };
    socket.once("connect", () => settle(true));
    socket.once("error", () => settle(false));
  });
}

/** Below the range that the system assigns, so that no other program's port 0 or outgoing connection takes it. */
const FIRST_PORT = 20_000;
const PORTS = 12_000;

const given = new Set<number>();

/** A loopback port on which nothing listens, and which is not returned again. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST_PORT + Math.floor(Math.random() * PORTS);
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

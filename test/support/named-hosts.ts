/**
 * A network of host names for tests: each given name leads to a server of the test, and every other name or address leads
 * to a stranger, which records what it receives. So a test sees exactly what a stranger would see.
 *
 * It works below `fetch` and without TLS: requests to an `https:` host go over a plain socket.
 */
import { createRequire } from "node:module";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

interface Undici {
  Agent: new (options: { connect: Connect }) => { destroy(): Promise<void> };
}

type Connect = (
  target: { hostname: string; port?: string | number },
  callback: (error: Error | null, socket: Socket | null) => void,
) => void;

/** Node's `fetch` needs an agent of its own undici generation, and undici 8 stores the global one under another name. */
const generation = Math.min(Math.max(Number(process.versions.undici?.split(".")[0]), 6), 8);
const GLOBAL = Symbol.for(`undici.globalDispatcher.${generation < 8 ? 1 : 2}`);
const { Agent } = createRequire(import.meta.url)(`undici${generation}`) as Undici;
const globals = globalThis as unknown as Record<symbol, unknown>;

export class NamedHosts {
  /** The hosts that connections were made to, each once. */
  readonly dialled = new Set<string>();
  /** The data that each connection to a stranger brought. */
  readonly strangers: string[] = [];
  readonly #ports = new Map<string, number>();
  readonly #sockets = new Set<Socket>();
  #restore: () => Promise<void> = async () => {};

  /** From now on the name leads to the server at this URL. */
  name(host: string, url: string): void {
    this.#ports.set(host, Number(new URL(url).port));
  }

  async start(): Promise<void> {
    await fetch("data:,"); // Node makes its own global dispatcher with the first request.
    const trap = createServer((socket) => this.#receive(socket));
    await new Promise<void>((resolve) => trap.listen(0, "127.0.0.1", resolve));
    const { port } = trap.address() as AddressInfo;
    const agent = new Agent({
      connect: ({ hostname }, callback) => {
        this.dialled.add(hostname);
        const socket = connect(this.#ports.get(hostname) ?? port, "127.0.0.1");
        socket.once("connect", () => callback(null, socket)).once("error", (error) => callback(error, null));
      },
    });
    const before = globals[GLOBAL];
    globals[GLOBAL] = agent;
    this.#restore = async () => {
      globals[GLOBAL] = before;
      await agent.destroy();
      for (const socket of this.#sockets) socket.destroy();
      await new Promise((resolve) => trap.close(resolve));
    };
  }

  stop(): Promise<void> {
    return this.#restore();
  }

  /** Answers every request with success, so that a client that came once would come again. */
  #receive(socket: Socket): void {
    const i = this.strangers.push("") - 1;
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      this.strangers[i] += bytes.toString("latin1");
      socket.write("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}");
    });
  }
}

/**
 * Records when a region closed which connection. A request that was never read either was already in the connection when
 * it was closed, or was sent after the close. Only in the second case the client could have known.
 */
import type { Server } from "node:http";
import type { Socket } from "node:net";

/** `port` is the client's, or 0 for the listener itself, including its queue. */
export type Closed = readonly [port: number, atUs: number];

/** A clock that all processes on the machine share. */
export function nowUs(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

export class Connections {
  readonly closed: Closed[] = [];
  readonly #open = new Map<Socket, number>();

  constructor(server: Server) {
    server.on("connection", (socket: Socket) => {
      this.#open.set(socket, socket.remotePort ?? 0);
      socket.once("close", () => this.#open.delete(socket));
    });
  }

  /** The listener was closed together with the idle connections. */
  noteClosed(atUs: number): void {
    this.closed.push([0, atUs]);
    for (const [socket, port] of this.#open) if (socket.destroyed) this.closed.push([port, atUs]);
  }

  close(socket: Socket): void {
    this.closed.push([this.#open.get(socket) ?? 0, nowUs()]);
    socket.destroy();
  }
}

/** If a region reads for less than this, nothing more has arrived. */
const QUICK_US = 200;
const MAX_TURNS = 20;

/**
 * Resolves when everything that has arrived is read, as far as that can be known, because a turn of the event loop reads
 * only what was there when it began. A region must record what it has received before it closes a connection.
 */
export async function readAll(): Promise<void> {
  for (let turn = 0; turn < MAX_TURNS; turn++) {
    const beganUs = nowUs();
    await new Promise((resolve) => setImmediate(resolve));
    if (turn > 0 && nowUs() - beganUs < QUICK_US) return;
  }
}

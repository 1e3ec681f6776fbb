/**
 * When a region closed which connection. A request that was never read either was in the connection already when
 * it was closed, or was sent on one that was closed before: only the second could have been sent elsewhere.
 */
import type { Server } from "node:http";
import type { Socket } from "node:net";

/** `port` is the client's, or 0 for the listener itself, with all that stood in its queue. */
export type Closed = readonly [port: number, atUs: number];

/** A clock that all processes of the machine share. */
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

  /** The listener was closed, and the idle connections with it. */
  noteClosed(atUs: number): void {
    this.closed.push([0, atUs]);
    for (const [socket, port] of this.#open) if (socket.destroyed) this.closed.push([port, atUs]);
  }

  close(socket: Socket): void {
    this.closed.push([this.#open.get(socket) ?? 0, nowUs()]);
    socket.destroy();
  }
}

/** Of what a region reads in less than this, there is no more to come. */
const QUICK_US = 200;
const MAX_TURNS = 20;

/**
 * Resolves once all that has arrived is read, as far as that can be said: a turn of the event loop reads only what
 * was there when it began. What a region has in its hands is to be on record before it closes a connection.
 */
export async function readAll(): Promise<void> {
  for (let turn = 0; turn < MAX_TURNS; turn++) {
    const beganUs = nowUs();
    await new Promise((resolve) => setImmediate(resolve));
    if (turn > 0 && nowUs() - beganUs < QUICK_US) return;
  }
}

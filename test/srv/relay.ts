/** A DNS server that is silent until the test releases it, and then forwards queries to another. */
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";
import type { AddressInfo } from "node:net";

export class Relay {
  #held: (() => void)[] | undefined = [];
  /** Resolves when the first query has arrived. */
  readonly asked: Promise<unknown>;

  private constructor(
    private readonly socket: Socket,
    private readonly upstreamPort: number,
  ) {
    this.asked = new Promise((resolve) => socket.once("message", resolve));
    socket.on("message", (question, asker) => {
      if (this.#held === undefined) this.#pass(question, asker);
      else this.#held.push(() => this.#pass(question, asker));
    });
  }

  /** @param upstream in the form of `resolver`; without one it never answers. */
  static async start(upstream = "127.0.0.1:0"): Promise<Relay> {
    const socket = createSocket("udp4");
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    return new Relay(socket, Number(upstream.split(":")[1]));
  }

  get address(): string {
    return `127.0.0.1:${(this.socket.address() as AddressInfo).port}`;
  }

  /** Forwards the queries so far, and from now on all queries at once. */
  release(): void {
    for (const pass of this.#held ?? []) pass();
    this.#held = undefined;
  }

  /** Is silent again. */
  hold(): void {
    this.#held = [];
  }

  async close(): Promise<void> {
    const closed = once(this.socket, "close");
    this.socket.close();
    await closed;
  }

  #pass(question: Buffer, asker: RemoteInfo): void {
    const upstream = createSocket("udp4");
    upstream.once("message", (answer) => this.socket.send(answer, asker.port, asker.address, () => upstream.close()));
    upstream.send(question, this.upstreamPort, "127.0.0.1");
  }
}

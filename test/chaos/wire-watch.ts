/**
 * Watches undici's diagnostics channels: how many requests were sent, and when and on which connection each was sent. This
 * shows why a request never arrived.
 */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";
import { nowUs } from "./connections.js";

interface RequestMessage {
  readonly request: { readonly path: string; readonly headers: unknown };
}
type SentMessage = RequestMessage & { readonly socket: Socket };

/** A request as it was sent. */
export interface Sent {
  readonly fromPort: number;
  readonly toPort: number;
  readonly atUs: number;
}

/** Not a request for the list of regions. */
function isCall(message: unknown): boolean {
  return (message as RequestMessage).request.path.startsWith("/twirp/");
}

const CREATE = "undici:request:create";
const SEND = "undici:client:sendHeaders";

export class WireWatch {
  /** The client's attempts: requests for which it needed a connection. */
  attempts = 0;
  readonly #lastSent = new Map<string, Sent>();

  readonly #onCreate = (message: unknown) => {
    if (isCall(message)) this.attempts++;
  };

  readonly #onSend = (message: unknown) => {
    const { request, socket } = message as SentMessage;
    if (!isCall(message)) return;
    // A list or a string, depending on the version.
    const id = /x-request-id[:,]\s*([\w-]+)/i.exec(String(request.headers))?.[1];
    const { localPort = 0, remotePort = 0 } = socket;
    if (id !== undefined) this.#lastSent.set(id, { fromPort: localPort, toPort: remotePort, atUs: nowUs() });
  };

  start(): void {
    subscribe(CREATE, this.#onCreate);
    subscribe(SEND, this.#onSend);
  }

  stop(): void {
    unsubscribe(CREATE, this.#onCreate);
    unsubscribe(SEND, this.#onSend);
  }

  /** The last request of a call, if there was one. */
  lastSent(requestId: string): Sent | undefined {
    return this.#lastSent.get(requestId);
  }
}

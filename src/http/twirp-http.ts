/**
 * One Twirp request by `fetch`: for adapters whose clients bring no transport of their own.
 *
 * Whatever comes back is either the bytes of a good answer or an `HttpFailure`, which says two things: what the
 * engine should judge by (`answer`), and what the library's own error is to be made of (`code`, `message`, `meta`,
 * `cause`).
 */

import type { AttemptRequest } from "../call/rpc-call.js";
import { readBounded } from "../support/bounded-body.js";
import { checkBoolean, checkInteger } from "../support/checks.js";
import { InvalidOptionError, messageOf, show } from "../support/errors.js";
import { causeOf, messageWithCause } from "../support/platform-cause.js";
import { brokenAnswer, failureOf, HttpFailure } from "./http-failure.js";
import { type Dispatcher, ObservedDispatcher } from "./observed-dispatcher.js";

export { HttpFailure };

export interface HttpOptions {
  /**
   * What sends the requests, once each. One that knows nothing of undici's `dispatcher` option takes the proof of sending
   * with it. Its answers are like the platform's: bodies are web streams.
   *
   * @default the global `fetch`, looked up at each request
   */
  fetch?: typeof globalThis.fetch | undefined;
  /**
   * The longest answer that is read, in bytes, after decompression; a longer one fails with `dataloss`.
   *
   * @default 67_108_864 (64 MiB)
   */
  maxResponseBytes?: number | undefined;
  /**
   * Watch, in Node, whether a request was handed to a socket. Without it a mutation is not sent again after a
   * connection that was refused, and `connectTimeoutMs` has no effect.
   *
   * @default true
   */
  proofOfSending?: boolean | undefined;
}

export type ContentType = "application/json" | "application/protobuf";

export interface HttpRequest {
  /** `pkg.Service/Method`; the rest of the URL is the region's. */
  readonly route: string;
  readonly contentType: ContentType;
  readonly body: string | Uint8Array<ArrayBuffer>;
  readonly headers: HeadersInit;
}

const MAX_RESPONSE_BYTES = 64 * 1024 * 1024;

export class TwirpHttp {
  readonly #fetch: typeof globalThis.fetch | undefined;
  readonly #maxResponseBytes: number;
  readonly #observe: boolean;

  /** @throws InvalidOptionError */
  constructor({ fetch, maxResponseBytes = MAX_RESPONSE_BYTES, proofOfSending = true }: HttpOptions) {
    if (fetch !== undefined && typeof fetch !== "function") throw new InvalidOptionError("fetch", "a function", fetch);
    this.#fetch = fetch;
    this.#maxResponseBytes = checkInteger("maxResponseBytes", maxResponseBytes, 1);
    this.#observe = checkBoolean("proofOfSending", proofOfSending);
  }

  /** The bytes of a good answer. Rejects with an `HttpFailure`. */
  async post({ route, contentType, body, headers: given }: HttpRequest, attempt: AttemptRequest): Promise<Uint8Array> {
    const { region, signal, transmission } = attempt;
    const init: RequestInit & { dispatcher?: Dispatcher } = {
      method: "POST",
      headers: headersOf(given, contentType, attempt.headers),
      body,
      signal,
      // A redirect that is followed turns a POST into a GET without a body.
      redirect: "manual",
      ...(this.#observe && { dispatcher: new ObservedDispatcher(transmission, undefined) }),
    };
    let response: Response;
    try {
      response = await (this.#fetch ?? globalThis.fetch)(`${region.url}/${route}`, init);
    } catch (error) {
      const answer = { kind: "none", cause: causeOf(error) } as const;
      throw new HttpFailure({ answer, code: "unavailable", message: messageWithCause(error), cause: error });
    }
    if (response.status !== 200) throw await failureOf(response);
    return this.#read(response, contentType);
  }

  async #read(response: Response, contentType: ContentType): Promise<Uint8Array> {
    const type = response.headers.get("content-type");
    if (isOther(type ?? "", contentType)) {
      // Not waited for: a stream that hangs may hang here, too.
      response.body?.cancel().catch(ignore);
      throw brokenAnswer(`the answer is no ${contentType} but ${show(type ?? "of no type")}`);
    }
    try {
      const { bytes, more } = await readBounded(response, this.#maxResponseBytes);
      if (!more) return bytes;
    } catch (error) {
      throw brokenAnswer(`the answer broke off: ${messageOf(error)}`, error);
    }
    throw brokenAnswer(`the answer is longer than ${this.#maxResponseBytes} bytes (maxResponseBytes)`);
  }
}

/** @throws HttpFailure for what cannot be a header: nothing is sent then. */
function headersOf(given: HeadersInit, contentType: ContentType, ofCall: Readonly<Record<string, string>>): Headers {
  try {
    const headers = new Headers(given);
    headers.set("content-type", contentType);
    headers.set("accept", contentType);
    for (const [name, value] of Object.entries(ofCall)) if (!headers.has(name)) headers.set(name, value);
    return headers;
  } catch {
    // Not with the platform's own text, which quotes the value: it may be a token.
    const message = "the call's headers are not valid HTTP headers";
    throw new HttpFailure({ answer: { kind: "unsendable" }, code: "internal", message });
  }
}

/**
 * A page, the other one of Twirp's formats, or what a proxy sends when it was told nothing: an empty body would be read
 * as a message with all defaults. Servers that name the format by another name are let be.
 */
function isOther(type: string, expected: ContentType): boolean {
  const essence = type.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  return essence !== expected && /^(|text\/.*|application\/(json|protobuf|octet-stream))$/.test(essence);
}

function ignore(): void {}

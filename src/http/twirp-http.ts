/**
 * One Twirp request by `fetch`: for adapters whose clients bring no transport of their own.
 *
 * What comes back is either the bytes of a good answer or an `HttpFailure`, which says two things: what the engine judges
 * by (`wireFailure`), and what the library's own error is made of (`code`, `message`, `meta`, `cause`).
 */

import type { AttemptRequest } from "../call/rpc-call.js";
import { discardBody, readBounded } from "../support/bounded-body.js";
import { checkBoolean, checkInteger } from "../support/checks.js";
import { messageOf, mustBe } from "../support/errors.js";
import { causeOf, messageWithCause } from "../support/platform-cause.js";
import { type ContentType, typeProblem } from "./content-type.js";
import { brokenResponse, failureOf, HttpFailure } from "./http-failure.js";
import { requestInit } from "./request-init.js";
import { MAX_RESPONSE_BYTES } from "./response-limit.js";

export type { ContentType } from "./content-type.js";

/** How requests are sent. */
export interface HttpOptions {
  /**
   * What sends the requests, once each. One that ignores undici's `dispatcher` option gives no proof of sending. The bodies of its responses may be web streams or Node's, as those of `node-fetch`; of one without streams an
   * answer is all in memory before its length is known.
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
   * Whether to watch, in Node, if a request was handed to a socket. Without it a mutation is not sent again after a refused
   * connection, and `connectTimeoutMs` has no effect.
   *
   * @default true
   */
  proofOfSending?: boolean | undefined;
}

/** One request. */
export interface HttpRequest {
  /** `pkg.Service/Method`; the rest of the URL is the region's. */
  readonly route: string;
  /** The format of the request and of its answer. */
  readonly contentType: ContentType;
  /** The request message, encoded. */
  readonly body: string | Uint8Array<ArrayBuffer>;
  /** The call's headers. `Content-Type` and `Accept` are set over them; the attempt's own are added if missing. */
  readonly headers: Headers | Readonly<Record<string, string>>;
}

interface Answer {
  readonly bytes: Uint8Array;
  readonly headers: Headers;
}

/** Sends Twirp requests. One may serve any number of calls. */
export class TwirpHttp {
  readonly #fetch: typeof globalThis.fetch | undefined;
  readonly #maxResponseBytes: number;
  readonly #observe: boolean;

  /** @throws InvalidOptionError */
  constructor({ fetch, maxResponseBytes = MAX_RESPONSE_BYTES, proofOfSending = true }: HttpOptions) {
    if (fetch !== undefined && typeof fetch !== "function") throw mustBe("fetch", "a function", fetch);
    this.#fetch = fetch;
    this.#maxResponseBytes = checkInteger("maxResponseBytes", maxResponseBytes, 1);
    this.#observe = checkBoolean("proofOfSending", proofOfSending);
  }

  /** Sends one request, and resolves with the bytes of a good answer. Rejects with an `HttpFailure`. */
  async post(request: HttpRequest, attempt: AttemptRequest): Promise<Uint8Array> {
    return (await this.exchange(request, attempt)).bytes;
  }

  /** @internal As `post`, with the headers of the answer. */
  async exchange({ route, contentType, body, headers: given }: HttpRequest, attempt: AttemptRequest): Promise<Answer> {
    const { region, signal } = attempt;
    const init: RequestInit = {
      method: "POST",
      headers: headersOf(given, contentType, attempt.headers),
      body,
      signal,
      // A redirect that is followed turns a POST into a GET without a body.
      redirect: "manual",
      ...requestInit(attempt, this.#observe),
    };
    let response: Response;
    try {
      response = await (this.#fetch ?? globalThis.fetch)(`${region.url}/${route}`, init);
    } catch (error) {
      const wireFailure = { kind: "none", cause: causeOf(error) } as const;
      throw new HttpFailure({ wireFailure, code: "unavailable", message: messageWithCause(error), cause: error });
    }
    // A success with another status is a good answer of something else: a challenge's 202, a proxy's 204.
    if (response.status < 200 || response.status > 299) throw await failureOf(response);
    return this.#read(response, contentType);
  }

  async #read(response: Response, contentType: ContentType): Promise<Answer> {
    const { status, headers } = response;
    const problem =
      status === 200
        ? typeProblem(headers.get("content-type"), contentType)
        : `the answer has the HTTP status ${status}, and not 200`;
    if (problem !== undefined) {
      discardBody(response);
      throw brokenResponse(problem, status);
    }
    try {
      const { bytes, more } = await readBounded(response, this.#maxResponseBytes);
      if (!more) return { bytes, headers };
    } catch (error) {
      throw brokenResponse(`the answer broke off: ${messageOf(error)}`, status, error);
    }
    throw brokenResponse(`the answer is longer than ${this.#maxResponseBytes} bytes (maxResponseBytes)`, status);
  }
}

/** @throws HttpFailure for what cannot be a header. Nothing is sent then. */
function headersOf(
  given: HttpRequest["headers"],
  contentType: ContentType,
  ofCall: Readonly<Record<string, string>>,
): Headers {
  try {
    const headers = new Headers(given);
    headers.set("content-type", contentType);
    headers.set("accept", contentType);
    for (const [name, value] of Object.entries(ofCall)) if (!headers.has(name)) headers.set(name, value);
    return headers;
  } catch {
    // Without the platform's own text, which quotes the value, and that may be a token.
    const message = "the call's headers are not valid HTTP headers";
    throw new HttpFailure({ wireFailure: { kind: "unsendable" }, code: "internal", message });
  }
}

/**
 * One Twirp request by `fetch`: for adapters whose clients bring no transport of their own.
 *
 * Whatever comes back is either the bytes of a good answer or an `HttpFailure`, which says two things: what the
 * engine should judge by (`answer`), and what the library's own error is to be made of (`code`, `message`, `meta`,
 * `cause`).
 */
import { readBounded } from "../bounded-body.js";
import { InvalidOptionError, messageOf, show } from "../errors.js";
import { type Dispatcher, ObservedDispatcher } from "../node/observed-dispatcher.js";
import { checkBoolean, checkInteger } from "../options.js";
import type { Answer } from "../outcome.js";
import type { AttemptRequest } from "../rpc-call.js";
import { codeFromHttpStatus, parseTwirpCode, type TwirpCode } from "../twirp-code.js";
import { causeOf } from "./platform-cause.js";

export interface HttpOptions {
  /**
   * What sends the requests. One that knows nothing of undici's `dispatcher` option takes the proof of sending with it.
   *
   * @default the global `fetch`, looked up at each request
   */
  fetch?: typeof globalThis.fetch;
  /**
   * The longest answer that is read, in bytes, after decompression; a longer one fails with `dataloss`.
   *
   * @default 67_108_864 (64 MiB)
   */
  maxResponseBytes?: number;
  /**
   * Watch, in Node, whether a request was handed to a socket. Without it a mutation is not sent again after a
   * connection that was refused, and `connectTimeoutMs` has no effect.
   *
   * @default true
   */
  proofOfSending?: boolean;
}

export type ContentType = "application/json" | "application/protobuf";

export interface HttpRequest {
  /** `pkg.Service/Method`; the rest of the URL is the region's. */
  readonly route: string;
  readonly contentType: ContentType;
  readonly body: string | Uint8Array<ArrayBuffer>;
  readonly headers: HeadersInit;
}

/** An answer that was not good, as it came: for libraries whose errors show that. */
export interface BadAnswer {
  readonly status: number;
  readonly statusText: string;
  readonly contentType: string | null;
  /** `undefined` if it broke off; at most 64 KiB of it. */
  readonly text: string | undefined;
}

/** Why there is no good answer. */
export class HttpFailure extends Error {
  constructor(
    readonly answer: Answer,
    readonly code: TwirpCode,
    message: string,
    readonly meta: Readonly<Record<string, string>> = {},
    cause?: unknown,
    /** Absent if no answer came, and for one that was good but for its body. */
    readonly received?: BadAnswer,
  ) {
    super(message, { cause });
  }
}

const MAX_RESPONSE_BYTES = 64 * 1024 * 1024;
/** A Twirp error that is longer is taken for something else. */
const MAX_ERROR_BYTES = 64 * 1024;
/** How much of an intermediary's page goes into the error's meta, in characters. */
const MAX_SHOWN_BODY = 1024;

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
      throw new HttpFailure({ kind: "none", cause: causeOf(error) }, "unavailable", messageOf(error), {}, error);
    }
    if (response.status !== 200) throw await failureOf(response);
    return this.#read(response, contentType);
  }

  async #read(response: Response, contentType: ContentType): Promise<Uint8Array> {
    const broken = (message: string, cause?: unknown) =>
      new HttpFailure({ kind: "broken" }, "dataloss", message, { status_code: "200" }, cause);
    const type = response.headers.get("content-type");
    if (type !== null && isOther(type, contentType)) {
      await response.body?.cancel().catch(ignore);
      throw broken(`the answer is no ${contentType} but ${show(type)}`);
    }
    try {
      const { bytes, more } = await readBounded(response, this.#maxResponseBytes);
      if (!more) return bytes;
    } catch (error) {
      throw broken(`the answer broke off: ${messageOf(error)}`, error);
    }
    throw broken(`the answer is longer than ${this.#maxResponseBytes} bytes (maxResponseBytes)`);
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
    throw new HttpFailure({ kind: "unsendable" }, "internal", "the call's headers are not valid HTTP headers");
  }
}

/** A page of HTML, or the other one of Twirp's formats. Servers that name the format by another name are let be. */
function isOther(type: string, expected: ContentType): boolean {
  const essence = type.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  if (essence === expected) return false;
  return essence.startsWith("text/") || essence === "application/json" || essence === "application/protobuf";
}

/** By the specification: Twirp's own error, or else what its table says of an intermediary's status. */
async function failureOf(response: Response): Promise<HttpFailure> {
  const { status, headers } = response;
  const retryAfter = headers.get("retry-after") ?? undefined;
  // A browser shows nothing of a redirect, not even its status.
  const answer = status === 0 ? ({ kind: "http" } as const) : ({ kind: "http", status, retryAfter } as const);
  let text: string;
  try {
    text = new TextDecoder().decode((await readBounded(response, MAX_ERROR_BYTES)).bytes);
  } catch {
    return intermediary({ ...answer, broken: true }, response, undefined);
  }
  const error = readTwirpError(text);
  if (error === undefined) return intermediary(answer, response, text);
  const { code: spelt, msg, meta } = error;
  const code = parseTwirpCode(spelt);
  // Who writes JSON with a code of his own may be a server as well as a gateway; the engine knows both.
  if (code === undefined) return intermediary({ kind: "twirp", code: spelt, retryAfter }, response, text);
  const own = { kind: "twirp", code: spelt, meta, retryAfter } as const;
  return new HttpFailure(own, code, msg, meta, undefined, receivedAs(response, text));
}

function receivedAs({ status, statusText, headers }: Response, text: string | undefined): BadAnswer {
  return { status, statusText, contentType: headers.get("content-type"), text };
}

function intermediary(answer: Answer, response: Response, body: string | undefined): HttpFailure {
  const { status, headers } = response;
  const location = headers.get("location");
  return new HttpFailure(
    answer,
    status === 0 ? "internal" : codeFromHttpStatus(status),
    `HTTP ${status} from something that is no Twirp server`,
    {
      http_error_from_intermediary: "true",
      status_code: String(status),
      body: (body ?? "").slice(0, MAX_SHOWN_BODY),
      ...(location !== null && { location: location.slice(0, MAX_SHOWN_BODY) }),
    },
    undefined,
    receivedAs(response, body),
  );
}

interface TwirpErrorJson {
  readonly code: string;
  readonly msg: string;
  readonly meta: Readonly<Record<string, string>>;
}

function readTwirpError(text: string): TwirpErrorJson | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { code, msg, meta } = (json ?? {}) as { code?: unknown; msg?: unknown; meta?: unknown };
  if (typeof code !== "string") return undefined;
  const entries = Object.entries(typeof meta === "object" && meta !== null ? meta : {});
  return {
    code,
    msg: typeof msg === "string" ? msg : "",
    meta: Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === "string")),
  };
}

function ignore(): void {}

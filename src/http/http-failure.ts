/** Why a request got no usable answer: Twirp's own error, an intermediary's answer, or no answer. */

import { codeFromHttpStatus, parseTwirpCode, type TwirpCode } from "../outcome/twirp-code.js";
import type { WireFailure } from "../outcome/wire-failure.js";
import { readBounded } from "../support/bounded-body.js";
import { messageOf } from "../support/errors.js";

/** A response that is not a good answer, as it arrived: for libraries whose errors show it. */
export interface ErrorResponse {
  /** The HTTP status; 0 for a redirect in a browser, which shows nothing of it. */
  readonly status: number;
  /** The status in words, which HTTP/2 leaves out. */
  readonly statusText: string;
  /** The `Content-Type` header. */
  readonly contentType: string | null;
  /** The body; `undefined` if it broke off. */
  readonly text: string | undefined;
}

interface HttpFailureParts {
  /** What the engine judges by. */
  readonly wireFailure: WireFailure;
  readonly code: TwirpCode;
  readonly message: string;
  readonly meta?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
  /** Absent if no answer came, and if only the answer's body was bad. */
  readonly received?: ErrorResponse;
}

/** Why there is no good answer: what the engine judges by, and what the library's own error is made of. */
export class HttpFailure extends Error {
  override readonly name = "HttpFailure";
  /** What the engine judges by. */
  readonly wireFailure: WireFailure;
  /** The code for the library's own error. */
  readonly code: TwirpCode;
  /** The meta for the library's own error. */
  readonly meta: Readonly<Record<string, string>>;
  /** The response; absent if no answer came, and if only the answer's body was bad. */
  readonly received: ErrorResponse | undefined;

  /** @internal Adapters get one from `TwirpHttp`. */
  constructor({ wireFailure, code, message, meta = {}, cause, received }: HttpFailureParts) {
    super(message, { cause });
    this.wireFailure = wireFailure;
    this.code = code;
    this.meta = meta;
    this.received = received;
  }
}

/** An answer of success that cannot be used. */
export function brokenResponse(message: string, status: number, cause?: unknown): HttpFailure {
  return new HttpFailure({
    wireFailure: { kind: "broken" },
    code: "dataloss",
    message,
    meta: { status_code: `${status}` },
    cause,
  });
}

/** A good answer, all of it, that the client's library cannot decode. */
export function undecodable(cause: unknown): HttpFailure {
  return new HttpFailure({
    wireFailure: { kind: "undecodable" },
    code: "internal",
    message: `the answer cannot be decoded: ${messageOf(cause)}`,
    cause,
  });
}

/** A longer Twirp error is taken for something else. Go's server cuts its message at one million bytes. */
const MAX_ERROR_BYTES = 2 * 1024 * 1024;
/** How much of an intermediary's page goes into the error's meta, in characters. */
const MAX_SHOWN = 1024;

/** Reads a response by the specification: as Twirp's own error, or else by its table for intermediaries. */
export async function failureOf(response: Response): Promise<HttpFailure> {
  const { status, statusText, headers } = response;
  const { text, json, broken } = await readBody(response);
  const retryAfter = headers.get("retry-after") ?? undefined;
  const received = { status, statusText, contentType: headers.get("content-type"), text };

  // The engine also judges codes that are not Twirp's, which gateways write, and servers with codes of their own; and
  // numbers, which are gRPC's, and which gateways write for handlers.
  if (typeof json.code === "string" || typeof json.code === "number") {
    const meta = stringsOf(json.meta);
    const wireFailure = { kind: "twirp", code: `${json.code}`, meta, retryAfter } as const;
    const code = parseTwirpCode(wireFailure.code);
    const message = typeof json.msg === "string" ? json.msg : "";
    return code === undefined
      ? ofIntermediary(wireFailure, received, headers)
      : new HttpFailure({ wireFailure, code, message, meta, received });
  }
  // A browser shows nothing of a redirect, not even its status.
  const shown = status === 0 ? {} : { status, retryAfter, broken, otherJson: isObject(json.error) };
  return ofIntermediary({ kind: "http", ...shown }, received, headers);
}

interface ErrorBody {
  /** `undefined` if it broke off. */
  readonly text: string | undefined;
  readonly json: {
    readonly code?: unknown;
    readonly msg?: unknown;
    readonly meta?: unknown;
    /** Where Google's APIs, and gateways for them, put the error. */
    readonly error?: unknown;
  };
  /** Whether it may be half of a Twirp error. Then the status proves nothing. */
  readonly broken: boolean;
}

async function readBody(response: Response): Promise<ErrorBody> {
  let text: string;
  let more: boolean;
  try {
    const body = await readBounded(response, MAX_ERROR_BYTES);
    text = new TextDecoder().decode(body.bytes);
    more = body.more;
  } catch {
    return { text: undefined, json: {}, broken: true };
  }
  try {
    return { text, json: JSON.parse(text) ?? {}, broken: false };
  } catch {
    // If the body ends with the connection, half of a Twirp error looks complete.
    const isHalf = /^\s*\{/.test(text) || /\bjson\b/i.test(response.headers.get("content-type") ?? "");
    return { text, json: {}, broken: more || isHalf };
  }
}

function stringsOf(meta: unknown): Record<string, string> {
  const entries = Object.entries(isObject(meta) ? meta : {});
  return Object.fromEntries(entries.filter(([, value]) => typeof value === "string"));
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function ofIntermediary(wireFailure: WireFailure, received: ErrorResponse, headers: Headers): HttpFailure {
  const { status, text = "" } = received;
  const location = headers.get("location")?.slice(0, MAX_SHOWN);
  return new HttpFailure({
    wireFailure,
    code: status === 0 ? "internal" : codeFromHttpStatus(status),
    message: `HTTP ${status} from something that is not a Twirp server`,
    meta: {
      http_error_from_intermediary: "true",
      status_code: `${status}`,
      body: text.slice(0, MAX_SHOWN),
      ...(location !== undefined && { location }),
    },
    received,
  });
}

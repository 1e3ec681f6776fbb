/** What stands in the place of a good answer: Twirp's own error, an intermediary's answer, or none. */

import { codeFromHttpStatus, parseTwirpCode, type TwirpCode } from "../outcome/twirp-code.js";
import type { Answer } from "../outcome/wire-failure.js";
import { readBounded } from "../support/bounded-body.js";

/** An answer that was not good, as it came: for libraries whose errors show that. */
export interface BadAnswer {
  readonly status: number;
  readonly statusText: string;
  readonly contentType: string | null;
  /** `undefined` if it broke off. */
  readonly text: string | undefined;
}

interface HttpFailureParts {
  /** What the engine is to judge by. */
  readonly answer: Answer;
  readonly code: TwirpCode;
  readonly message: string;
  readonly meta?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
  /** Absent if no answer came, and for one that was good but for its body. */
  readonly received?: BadAnswer;
}

/** Why there is no good answer. */
export class HttpFailure extends Error {
  override readonly name = "HttpFailure";
  readonly answer: Answer;
  readonly code: TwirpCode;
  readonly meta: Readonly<Record<string, string>>;
  readonly received: BadAnswer | undefined;

  constructor({ answer, code, message, meta = {}, cause, received }: HttpFailureParts) {
    super(message, { cause });
    this.answer = answer;
    this.code = code;
    this.meta = meta;
    this.received = received;
  }
}

/** A good answer that cannot be used. */
export function brokenAnswer(message: string, cause?: unknown): HttpFailure {
  return new HttpFailure({
    answer: { kind: "broken" },
    code: "dataloss",
    message,
    meta: { status_code: "200" },
    cause,
  });
}

/** A Twirp error that is longer is taken for something else. Go's server cuts its message at one million bytes. */
const MAX_ERROR_BYTES = 2 * 1024 * 1024;
/** How much of an intermediary's page goes into the error's meta, in characters. */
const MAX_SHOWN = 1024;

/** By the specification: Twirp's own error, or else what its table says of an intermediary's status. */
export async function failureOf(response: Response): Promise<HttpFailure> {
  const { status, statusText, headers } = response;
  const { text, json, broken } = await readBody(response);
  const retryAfter = headers.get("retry-after") ?? undefined;
  const received = { status, statusText, contentType: headers.get("content-type"), text };

  // A code of another kind was written by a gateway or by a server with codes of its own: the engine knows both. So are
  // numbers, gRPC's, which gateways write for handlers.
  if (typeof json.code === "string" || typeof json.code === "number") {
    const meta = stringsOf(json.meta);
    const answer = { kind: "twirp", code: `${json.code}`, meta, retryAfter } as const;
    const code = parseTwirpCode(answer.code);
    const message = typeof json.msg === "string" ? json.msg : "";
    return code === undefined
      ? ofIntermediary(answer, received, headers)
      : new HttpFailure({ answer, code, message, meta, received });
  }
  // A browser shows nothing of a redirect, not even its status.
  const shown = status === 0 ? {} : { status, retryAfter, broken };
  return ofIntermediary({ kind: "http", ...shown }, received, headers);
}

interface ErrorBody {
  /** `undefined` if it broke off. */
  readonly text: string | undefined;
  readonly json: { readonly code?: unknown; readonly msg?: unknown; readonly meta?: unknown };
  /** May it be half of a Twirp error? Then the status proves nothing. */
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
    // Where the end of the connection is that of the body, half of a Twirp error looks complete.
    const isHalf = /^\s*\{/.test(text) || /\bjson\b/i.test(response.headers.get("content-type") ?? "");
    return { text, json: {}, broken: more || isHalf };
  }
}

function stringsOf(meta: unknown): Record<string, string> {
  const entries = Object.entries(typeof meta === "object" && meta !== null ? meta : {});
  return Object.fromEntries(entries.filter(([, value]) => typeof value === "string"));
}

function ofIntermediary(answer: Answer, received: BadAnswer, headers: Headers): HttpFailure {
  const { status, text = "" } = received;
  const location = headers.get("location")?.slice(0, MAX_SHOWN);
  return new HttpFailure({
    answer,
    code: status === 0 ? "internal" : codeFromHttpStatus(status),
    message: `HTTP ${status} from something that is no Twirp server`,
    meta: {
      http_error_from_intermediary: "true",
      status_code: `${status}`,
      body: text.slice(0, MAX_SHOWN),
      ...(location !== undefined && { location }),
    },
    received,
  });
}

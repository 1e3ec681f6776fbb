/** What stands in the place of a good answer: Twirp's own error, an intermediary's answer, or none. */

import type { Answer } from "../answer.js";
import { readBounded } from "../bounded-body.js";
import { codeFromHttpStatus, parseTwirpCode, type TwirpCode } from "../twirp-code.js";

/** An answer that was not good, as it came: for libraries whose errors show that. */
export interface BadAnswer {
  readonly status: number;
  readonly statusText: string;
  readonly contentType: string | null;
  /** `undefined` if it broke off. */
  readonly text: string | undefined;
}

/** Why there is no good answer. */
export class HttpFailure extends Error {
  override readonly name = "HttpFailure";

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

/** A good answer that cannot be used. */
export function brokenAnswer(message: string, cause?: unknown): HttpFailure {
  return new HttpFailure({ kind: "broken" }, "dataloss", message, { status_code: "200" }, cause);
}

/** A Twirp error that is longer is taken for something else. Go's server cuts its message at one million bytes. */
const MAX_ERROR_BYTES = 2 * 1024 * 1024;
/** How much of an intermediary's page goes into the error's meta, in characters. */
const MAX_SHOWN = 1024;

/**
 * By the specification: Twirp's own error, or else what its table says of an intermediary's status. A body that is cut
 * off may have been Twirp's, and then the status proves nothing.
 */
export async function failureOf(response: Response): Promise<HttpFailure> {
  const { status, statusText, headers } = response;
  const retryAfter = headers.get("retry-after") ?? undefined;
  let text: string | undefined;
  let json: { code?: unknown; msg?: unknown; meta?: unknown } = {};
  let broken = true;
  try {
    const { bytes, more } = await readBounded(response, MAX_ERROR_BYTES);
    text = new TextDecoder().decode(bytes);
    // Where the end of the connection is that of the body, half of a Twirp error looks complete.
    broken = more || /^\s*\{/.test(text) || /\bjson\b/i.test(headers.get("content-type") ?? "");
    json = JSON.parse(text) ?? {};
    broken = false;
  } catch {
    // An intermediary's page, or half of something.
  }
  const received = { status, statusText, contentType: headers.get("content-type"), text };
  const spelt = json.code;
  let answer: Answer;
  if (typeof spelt === "string") {
    const meta = Object.fromEntries(
      Object.entries(typeof json.meta === "object" ? (json.meta ?? {}) : {}).filter(
        ([, value]) => typeof value === "string",
      ),
    );
    const code = parseTwirpCode(spelt);
    answer = { kind: "twirp", code: spelt, meta, retryAfter };
    const msg = typeof json.msg === "string" ? json.msg : "";
    if (code !== undefined) return new HttpFailure(answer, code, msg, meta, undefined, received);
    // Who writes JSON with a code of his own may be a server as well as a gateway; the engine knows both.
  } else {
    // A browser shows nothing of a redirect, not even its status.
    answer = status === 0 ? { kind: "http" } : { kind: "http", status, retryAfter, broken };
  }
  const location = headers.get("location")?.slice(0, MAX_SHOWN);
  return new HttpFailure(
    answer,
    status === 0 ? "internal" : codeFromHttpStatus(status),
    `HTTP ${status} from something that is no Twirp server`,
    {
      http_error_from_intermediary: "true",
      status_code: `${status}`,
      body: text?.slice(0, MAX_SHOWN) ?? "",
      ...(location !== undefined && { location }),
    },
    undefined,
    received,
  );
}

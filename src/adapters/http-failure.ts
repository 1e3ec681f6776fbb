/** What stands in the place of a good answer: Twirp's own error, an intermediary's answer, or none. */
import { readBounded } from "../bounded-body.js";
import type { Answer } from "../outcome.js";
import { codeFromHttpStatus, parseTwirpCode, type TwirpCode } from "../twirp-code.js";

/** Why there is no good answer. */
export class HttpFailure extends Error {
  override readonly name = "HttpFailure";

  constructor(
    readonly answer: Answer,
    readonly code: TwirpCode,
    message: string,
    readonly meta: Readonly<Record<string, string>> = {},
    cause?: unknown,
  ) {
    super(message, { cause });
  }
}

/** A good answer that cannot be used. */
export function brokenAnswer(message: string, cause?: unknown): HttpFailure {
  return new HttpFailure({ kind: "broken" }, "dataloss", message, { status_code: "200" }, cause);
}

/** A Twirp error that is longer is taken for something else. */
const MAX_ERROR_BYTES = 64 * 1024;
/** How much of an intermediary's page goes into the error's meta, in characters. */
const MAX_SHOWN = 1024;

/**
 * By the specification: Twirp's own error, or else what its table says of an intermediary's status. A body that is cut
 * off may have been Twirp's, and then the status proves nothing.
 */
export async function failureOf(response: Response): Promise<HttpFailure> {
  const { status, headers } = response;
  const retryAfter = headers.get("retry-after") ?? undefined;
  let text = "";
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
  const spelt = json.code;
  let answer: Answer;
  if (typeof spelt === "string") {
    const meta = Object.fromEntries(Object.entries(json.meta ?? {}).filter(([, value]) => typeof value === "string"));
    const code = parseTwirpCode(spelt);
    answer = { kind: "twirp", code: spelt, meta, retryAfter };
    if (code !== undefined) return new HttpFailure(answer, code, typeof json.msg === "string" ? json.msg : "", meta);
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
      body: text.slice(0, MAX_SHOWN),
      ...(location !== undefined && { location }),
    },
  );
}

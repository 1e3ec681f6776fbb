/** twirp-ts's errors: made of what was seen, and read where an `Rpc` of the user's made them. */
import { TwirpError, type TwirpErrorCode } from "twirp-ts";
import type { ErrorParts } from "../../http/adapter-call.js";
import type { WireFailure } from "../../outcome/wire-failure.js";
import { causeOf } from "../../support/platform-cause.js";

export function toTwirpError({ code, message, meta, cause }: ErrorParts): TwirpError {
  const error = new TwirpError((code === "dataloss" ? "data_loss" : code) as TwirpErrorCode, message);
  for (const [key, value] of Object.entries(meta)) error.withMeta(key, value);
  // It is what was thrown or what the caller aborted with, which need not be an `Error`.
  return cause === undefined ? error : error.withCause(cause as Error);
}

/** By shape: there may be two copies of the library, and `Rpc`s that throw something else. */
export function readTwirpError(error: unknown): WireFailure {
  const { code, msg, meta } = (error ?? {}) as { code?: unknown; msg?: unknown; meta?: unknown };
  if (typeof code !== "string" || typeof msg !== "string" || typeof meta !== "object" || meta === null) {
    return { kind: "none", cause: causeOf(error) };
  }
  const { http_error_from_intermediary: byProxy, status_code: status } = meta as Record<string, unknown>;
  // Whose proxy it was, and whether its answer was complete, cannot be seen from here: a service may pass on the error
  // of another.
  if (byProxy === "true") return { kind: "http", status: Number(status) || undefined, relayed: true };
  return { kind: "twirp", code, meta: meta as Record<string, unknown> };
}

/** twirp-ts's errors: made for our own requests, and read where the user's own `Rpc` made them. */
import { TwirpError, type TwirpErrorCode } from "twirp-ts";
import type { ErrorParts } from "../../http/adapter-call.js";
import type { WireFailure } from "../../outcome/wire-failure.js";
import { causeOf } from "../../support/platform-cause.js";

export function toTwirpError({ code, message, meta, cause }: ErrorParts): TwirpError {
  const error = new TwirpError((code === "dataloss" ? "data_loss" : code) as TwirpErrorCode, message);
  for (const [key, value] of Object.entries(meta)) error.withMeta(key, value);
  // It is whatever was thrown, or what the caller aborted with, so it need not be an `Error`.
  return cause === undefined ? error : error.withCause(cause as Error);
}

/** Reads an error by its shape, because there may be two copies of the library, and `Rpc`s that throw something else. */
export function readTwirpError(error: unknown): WireFailure {
  const { code, msg, meta } = (error ?? {}) as { code?: unknown; msg?: unknown; meta?: unknown };
  if (typeof code !== "string" || typeof msg !== "string" || typeof meta !== "object" || meta === null) {
    return { kind: "none", cause: causeOf(error) };
  }
  const { http_error_from_intermediary: byProxy, status_code: status } = meta as Record<string, unknown>;
  // From here one cannot tell whose proxy it was, nor whether its answer was complete: a service may pass on the error of
  // another.
  if (byProxy === "true") return { kind: "http", status: Number(status) || undefined, relayed: true };
  return { kind: "twirp", code, meta: meta as Record<string, unknown> };
}

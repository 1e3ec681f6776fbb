/**
 * The errors that the SDK itself would throw: its `ServerError` for an answer, whoever wrote it, and `fetch`'s own error if
 * no answer came. Tests compare both with the stock client.
 */

import type { ErrorParts } from "../../http/adapter-call.js";
import type { ErrorResponse } from "../../http/http-failure.js";
import type { WireFailure } from "../../outcome/wire-failure.js";

/** The SDK's class for what a server said. */
export type ServerErrorClass = new (
  name: string,
  message: string,
  status: number,
  code?: string,
  metadata?: Record<string, string>,
) => Error;

/** Makes the error. For what no server said it is the platform's error, as `fetch` with a signal would throw it. */
export function thrownFor({ code, message, meta, cause, received }: ErrorParts, ServerError: ServerErrorClass): object {
  if (received !== undefined) return serverErrorOf(received, ServerError);
  if (code === "deadline_exceeded") return new DOMException(message, "TimeoutError");
  if (code === "canceled") return new DOMException(message, "AbortError");
  // The SDK throws the `SyntaxError` of `JSON.parse` here, which says nothing about the call.
  const isUnreadable = code === "dataloss" && (cause === undefined || cause instanceof SyntaxError);
  if (isUnreadable) return new ServerError("ServerError", message, Number(meta.status_code), code, { ...meta });
  return (cause as object | undefined) ?? new TypeError(message); // The cause is `fetch`'s own.
}

/** Reads the response as the SDK does, whatever a server may get wrong in it. */
function serverErrorOf({ status, statusText, contentType, text }: ErrorResponse, ServerError: ServerErrorClass): Error {
  let message = "Unknown internal error";
  let code: string | undefined;
  let metadata: Record<string, string> | undefined;
  if (contentType !== "application/json") message = text ?? message;
  else {
    try {
      const said = JSON.parse(text ?? "");
      if ("msg" in said) message = said.msg;
      if ("code" in said) code = said.code;
      if ("meta" in said) metadata = said.meta;
    } catch {
      // Keep what could be read.
    }
  }
  return new ServerError(statusText, message, status, code, metadata);
}

/**
 * Reinterprets the answer for a busy phone. It arrives as `unavailable` or `resource_exhausted`, which would count against
 * the region, but its SIP status says that it is the phone network's answer to a call that was made.
 */
export function judgedAs(failure: WireFailure): WireFailure {
  if (failure.kind !== "twirp" || failure.meta?.sip_status_code === undefined) return failure;
  return { kind: "twirp", code: "failed_precondition", meta: failure.meta };
}

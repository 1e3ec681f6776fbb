/**
 * What the SDK itself would throw: its `ServerError` for an answer, whoever wrote it, and `fetch`'s own error where none
 * came. Tests hold both against the stock client.
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

/** For what no server said, the platform's errors, as `fetch` with a signal would throw them. */
export function thrownFor({ code, message, meta, cause, received }: ErrorParts, ServerError: ServerErrorClass): object {
  if (received !== undefined) return serverErrorOf(received, ServerError);
  if (code === "deadline_exceeded") return new DOMException(message, "TimeoutError");
  if (code === "canceled") return new DOMException(message, "AbortError");
  // The SDK lets the complaint of `JSON.parse` out, which says nothing about a call.
  const isUnreadable = code === "dataloss" && (cause === undefined || cause instanceof SyntaxError);
  if (isUnreadable) return new ServerError("ServerError", message, 200, code, { ...meta });
  return (cause as object | undefined) ?? new TypeError(message); // The cause is `fetch`'s own.
}

/** As the SDK reads it, with all that a server may get wrong. */
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
      // What could be read of it stays.
    }
  }
  return new ServerError(statusText, message, status, code, metadata);
}

/**
 * What the engine is to judge by. A phone that is busy comes as `unavailable` or `resource_exhausted`, which would count
 * against the region; but with a SIP status in it, it is the phone network's answer to a call that was made.
 */
export function judgedAs(answer: WireFailure): WireFailure {
  if (answer.kind !== "twirp" || answer.meta?.sip_status_code === undefined) return answer;
  return { kind: "twirp", code: "failed_precondition", meta: answer.meta };
}

/**
 * What an `RpcError` of `TwirpFetchTransport` says about the attempt. The transport reports an intermediary's answer as
 * `internal` and puts the HTTP status only into the message, so the message is read. These are the texts of
 * @protobuf-ts/twirp-transport 2.x.
 */
import type { RpcMetadata } from "@protobuf-ts/runtime-rpc";
import { parseTwirpCode } from "../../outcome/twirp-code.js";
import type { WireFailure } from "../../outcome/wire-failure.js";
import { causeInMessage, causeOf } from "../../support/platform-cause.js";

const NOT_JSON = /^received HTTP (\d{3}), unable to read response body as json$/;
const NOT_TWIRP = "cannot read twirp error response";
const OPAQUE = /^fetch response type (error|opaque|opaqueredirect)$/;
const BROKEN = /^unable to read response body( as json)?$/;

/** @param headers of the response, if one came. */
export function readError(error: unknown, headers: RpcMetadata | undefined): WireFailure {
  if (!isRpcError(error)) return { kind: "none", cause: causeOf(error) };
  const { code, message, meta } = error;
  const retryAfter = textOf(headers?.["retry-after"]);

  if (code === "internal") {
    const status = NOT_JSON.exec(message)?.[1];
    if (status !== undefined) return { kind: "http", status: Number(status), retryAfter, unreadable: true };
    if (message === NOT_TWIRP) return { kind: "http", retryAfter };
  }
  if (code === "unknown" && OPAQUE.test(message)) return { kind: "http" };
  if (code === "dataloss" && BROKEN.test(message)) return { kind: "broken" };
  // The transport's own codes for a fetch that failed. No server spells its codes this way.
  if (code === "UNKNOWN" || (code === "cancelled" && headers === undefined)) {
    // The transport keeps the message of what `fetch` threw, and nothing else of it.
    return { kind: "none", cause: causeOf(error) ?? (headers === undefined ? causeInMessage(message) : undefined) };
  }
  return { kind: "twirp", code: parseTwirpCode(code) ?? code, meta, retryAfter };
}

interface RpcErrorShape {
  readonly code: string;
  readonly message: string;
  readonly meta: Record<string, unknown>;
}

/** By shape, because there may be two copies of the library, and several realms. */
function isRpcError(error: unknown): error is RpcErrorShape {
  const { code, message, meta } = (error ?? {}) as Partial<RpcErrorShape>;
  return typeof code === "string" && typeof message === "string" && typeof meta === "object" && meta !== null;
}

function textOf(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}

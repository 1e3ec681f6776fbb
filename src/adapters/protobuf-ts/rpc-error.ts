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

/** What the transport says of an answer whose body it cannot read. */
export function notJson(httpStatus: number): string {
  return `received HTTP ${httpStatus}, unable to read response body as json`;
}

const NOT_TWIRP = "cannot read twirp error response";
const OPAQUE = /^fetch response type (error|opaque|opaqueredirect)$/;
/** JSON that is no message at all. (Of a field that is no message this is wrong, and costs a replay.) */
const NO_OBJECT = /^Unable to parse message \S+ from JSON \w+\.$/;
const BROKEN = /^unable to read response body( as json)?$/;

/** What was seen of a response besides the transport's error. */
export interface SeenResponse {
  /** Its headers, if one came. */
  readonly headers: RpcMetadata | undefined;
  /** Whether it was a good answer, all of which came, if its body could be read to its end. */
  readonly whole: boolean;
}

/** @param seen `undefined` if no response came. */
export function readError(error: unknown, seen: SeenResponse | undefined): WireFailure {
  if (!isRpcError(error)) return { kind: "none", cause: causeOf(error) };
  const headers = seen?.headers;
  const { code, message, meta } = error;
  const retryAfter = textOf(headers?.["retry-after"]);

  if (code === "internal") {
    // The transport's code for whatever the decoder throws, once it has the body.
    if (seen?.whole && headers !== undefined) return { kind: NO_OBJECT.test(message) ? "broken" : "undecodable" };
    const status = NOT_JSON.exec(message)?.[1];
    if (status !== undefined) return { kind: "http", status: Number(status), retryAfter, unreadable: true };
    // The transport wants both `code` and `msg`. What else the JSON says is lost.
    if (message === NOT_TWIRP) return { kind: "http", retryAfter, otherJson: true };
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

/**
 * One call over HTTP, in the form that the engine takes: for adapters whose clients bring no transport of their own. All
 * that an adapter adds is how its library spells errors.
 */

import type { RpcCall } from "../call/rpc-call.js";
import { messageOf } from "../support/errors.js";
import { adapterCall, type CallInfo, type Sending } from "./adapter-call.js";
import { isWhole } from "./framing.js";
import { brokenResponse, undecodable } from "./http-failure.js";
import type { ContentType, HttpRequest, TwirpHttp } from "./twirp-http.js";

/** The call, and what it sends. */
export interface HttpCallOptions<T> extends CallInfo, Pick<Sending<T>, "toError" | "judge"> {
  /** The format of the request and of its answer. */
  readonly contentType: ContentType;
  /** The request message, encoded. */
  readonly body: string | Uint8Array;
  /** Makes what the client expects of a good answer, which must not be a thenable. Throws if the answer cannot be read. */
  read(bytes: Uint8Array<ArrayBuffer>): T;
}

/**
 * Makes the call that `failover.run` takes.
 *
 * @param http shared by all calls.
 */
export function httpCall<T>(http: TwirpHttp, options: HttpCallOptions<T>): RpcCall<T> {
  const { contentType, body, read, toError, judge, ...info } = options;
  const request = { route: `${info.service}/${info.method}`, contentType, body: body as HttpRequest["body"] };
  return adapterCall(info, {
    async transmit(attempt, headers) {
      const { bytes, headers: received } = await http.exchange({ ...request, headers }, attempt);
      try {
        return read(bytes as Uint8Array<ArrayBuffer>);
      } catch (error) {
        const whole = isWhole(contentType, (name) => received.get(name));
        if (whole && (contentType !== "application/json" || isJsonObject(bytes))) throw undecodable(error);
        throw brokenResponse(`the answer cannot be read: ${messageOf(error)}`, 200, error);
      }
    },
    inspect: () => ({ kind: "none" }),
    toError,
    ...(judge && { judge }),
  });
}

/** Half of a message is none, nor is a page's `null`. */
function isJsonObject(bytes: Uint8Array): boolean {
  try {
    const json: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof json === "object" && json !== null && !Array.isArray(json);
  } catch {
    return false;
  }
}

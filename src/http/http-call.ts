/**
 * One call over HTTP, as the engine wants it: for adapters whose clients bring no transport of their own. An adapter
 * adds no more than the spelling of its library's errors.
 */

import type { RpcCall } from "../call/rpc-call.js";
import { messageOf } from "../support/errors.js";
import { adapterCall, type CallInfo, type Sending } from "./adapter-call.js";
import { brokenAnswer } from "./http-failure.js";
import type { ContentType, HttpRequest, TwirpHttp } from "./twirp-http.js";

/** The call, and what is to be sent. */
export interface HttpCallOptions<T> extends CallInfo, Pick<Sending<T>, "toError" | "judge"> {
  readonly contentType: ContentType;
  readonly body: string | Uint8Array;
  /** Makes what the client expects of a good answer; not a thenable. To throw means that the answer is no good. */
  read(bytes: Uint8Array<ArrayBuffer>): T;
}

/** @param http shared by all calls. */
export function httpCall<T>(http: TwirpHttp, options: HttpCallOptions<T>): RpcCall<T> {
  const { contentType, body, read, toError, judge, ...info } = options;
  const request = { route: `${info.service}/${info.method}`, contentType, body: body as HttpRequest["body"] };
  return adapterCall(info, {
    async transmit(attempt, headers) {
      const bytes = await http.post({ ...request, headers }, attempt);
      try {
        return read(bytes as Uint8Array<ArrayBuffer>);
      } catch (error) {
        throw brokenAnswer(`the answer cannot be read: ${messageOf(error)}`, error);
      }
    },
    inspect: () => ({ kind: "none" }),
    toError,
    ...(judge && { judge }),
  });
}

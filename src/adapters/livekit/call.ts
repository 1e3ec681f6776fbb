/** One call of a LiveKit client: JSON over `fetch`. */
import type { RpcCall } from "../../call/rpc-call.js";
import type { CallInfo } from "../../http/adapter-call.js";
import { httpCall } from "../../http/http-call.js";
import type { TwirpHttp } from "../../http/twirp-http.js";
import { judgedAs, type ServerErrorClass, thrownFor } from "./server-error.js";

/** What all calls of a client have in common. */
export interface LivekitTransport {
  readonly http: TwirpHttp;
  readonly ServerError: ServerErrorClass;
}

export function livekitCall({ http, ServerError }: LivekitTransport, info: CallInfo, data: unknown): RpcCall<unknown> {
  return httpCall<unknown>(http, {
    ...info,
    contentType: "application/json",
    body: JSON.stringify(data),
    read: (bytes) => JSON.parse(new TextDecoder().decode(bytes)),
    toError: (failure) => thrownFor(failure, ServerError),
    judge: judgedAs,
  });
}

/** One call of a LiveKit client: JSON over `fetch`. */
import type { RpcCall } from "../rpc-call.js";
import type { CallInfo } from "./adapter-call.js";
import { httpCall } from "./http-call.js";
import { judgedAs, type ServerErrorClass, thrownFor } from "./livekit-error.js";
import type { TwirpHttp } from "./twirp-http.js";

/** What all calls of a client share. */
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

/**
 * Everything that it takes to write an adapter for a client that this package has none for; docs/adapters.md shows how.
 *
 * @packageDocumentation
 */

export type { AttemptRequest, RpcCall } from "./call/rpc-call.js";
export type { Failover } from "./failover.js";
export { adapterCall, type CallInfo, type ErrorParts, type Sending } from "./http/adapter-call.js";
export { type HttpCallOptions, httpCall } from "./http/http-call.js";
export { type ErrorResponse, HttpFailure } from "./http/http-failure.js";
export { type ContentType, type HttpOptions, type HttpRequest, TwirpHttp } from "./http/twirp-http.js";
export type { SendObserver } from "./outcome/transmission.js";
export type { TwirpCode } from "./outcome/twirp-code.js";
export type { WireFailure } from "./outcome/wire-failure.js";
export type { MethodPolicy } from "./policy/policy.js";
export type { IdempotencyLevel } from "./policy/policy-table.js";
export type { Region } from "./regions/region.js";
export { checkHeaders, type HeadersSource } from "./support/headers.js";
export { causeOf } from "./support/platform-cause.js";

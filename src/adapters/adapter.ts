/**
 * What it takes to write an adapter for a client that this package has none for; docs/adapters.md tells how.
 *
 * @packageDocumentation
 */

export { checkHeaders, type HeadersSource } from "../headers.js";
export { causeOf } from "../platform-cause.js";
export { adapterCall, type CallInfo, type Failure, type Sending } from "./adapter-call.js";
export { type HttpCallOptions, httpCall } from "./http-call.js";
export type { BadAnswer } from "./http-failure.js";
export { type ContentType, HttpFailure, type HttpOptions, type HttpRequest, TwirpHttp } from "./twirp-http.js";

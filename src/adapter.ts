/**
 * What it takes to write an adapter for a client that this package has none for; docs/adapters.md tells how.
 *
 * @packageDocumentation
 */

export { adapterCall, type CallInfo, type Failure, type Sending } from "./http/adapter-call.js";
export { type HttpCallOptions, httpCall } from "./http/http-call.js";
export type { BadAnswer } from "./http/http-failure.js";
export { type ContentType, HttpFailure, type HttpOptions, type HttpRequest, TwirpHttp } from "./http/twirp-http.js";
export { checkHeaders, type HeadersSource } from "./support/headers.js";
export { causeOf } from "./support/platform-cause.js";

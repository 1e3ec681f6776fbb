/**
 * For LiveKit: regions from `/settings/regions`, a policy for each of its methods, and the clients of `livekit-server-sdk`
 * as they are.
 *
 * ```ts
 * const failover = livekitFailover({ url: "wss://my.livekit.cloud", token: () => regionsToken() });
 * const rooms = attachFailover(new RoomServiceClient("wss://my.livekit.cloud", apiKey, secret), failover);
 * ```
 *
 * For clients that protobuf-ts generated from LiveKit's `.proto` files, give the same `Failover` to `failoverInterceptor`.
 *
 * @packageDocumentation
 */
export type { HttpOptions } from "../../http/twirp-http.js";
export type { HeadersSource } from "../../support/headers.js";
export { type AttachOptions, attachFailover, type LivekitSdk } from "./attach.js";
export { type LivekitFailoverOptions, livekitFailover } from "./failover.js";
export { livekitPolicies } from "./policies.js";
export type { ServerErrorClass } from "./server-error.js";

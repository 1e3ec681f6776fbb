/**
 * Client-side failover for Twirp: typed, per method, and never running a mutation twice.
 *
 * @packageDocumentation
 */

export type { Answer } from "./answer.js";
export { describe } from "./describe.js";
export { type HttpRegionsOptions, httpRegions } from "./discovery/http.js";
export { InvalidOptionError } from "./errors.js";
export type {
  AttemptEvent,
  CallEvent,
  DiscoveryFailedEvent,
  FailedOverEvent,
  FailoverEvent,
  FailoverEventOf,
  FailoverEventType,
  RegionEjectedEvent,
  RegionProbeEvent,
  RegionReadmittedEvent,
  RegionsChangedEvent,
  ReplayRefusedEvent,
  RetryEvent,
  WarningEvent,
} from "./events.js";
export {
  createFailover,
  type Failover,
  type FailoverOptions,
  type FailoverStats,
  type RegionStatus,
} from "./failover.js";
export type { HealthOptions } from "./health-options.js";
export type { Execution, Origin, Outcome } from "./outcome.js";
export type { MethodPolicy } from "./policy.js";
export {
  type DescribedService,
  type IdempotencyLevel,
  type PolicyTable,
  policiesFor,
  policiesFrom,
  type ServiceInfo,
} from "./policy-table.js";
export { RegionCache, type RegionCacheOptions } from "./region-cache.js";
export type { RegionOrder } from "./region-order.js";
export type { LoadedRegions, LoadRequest, RegionSource } from "./region-source.js";
export type { RegionStore } from "./region-store.js";
export type { Region, RegionList } from "./regions.js";
export type { RefusalReason } from "./replay.js";
export type { AttemptRequest, RpcCall } from "./rpc-call.js";
export type { RetryThrottling } from "./throttling.js";
export { type FailedAttempt, type FailoverTrace, failoverTrace } from "./trace.js";
export type { Transmission } from "./transmission.js";
export type { TwirpCode } from "./twirp-code.js";

/**
 * Client-side failover for Twirp: typed, per method, and never running a mutation twice.
 *
 * @packageDocumentation
 */

export type { AttemptRequest, RpcCall } from "./call/rpc-call.js";
export { type FailedAttempt, type FailoverTrace, failoverTrace } from "./call/trace.js";
export { describe } from "./events/describe.js";
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
} from "./events/events.js";
export {
  createFailover,
  type Failover,
  type FailoverOptions,
  type FailoverStats,
  type RegionStatus,
} from "./failover.js";
export type { HealthOptions } from "./health/options.js";
export type { Execution, Origin, Outcome } from "./outcome/outcome.js";
export type { Transmission } from "./outcome/transmission.js";
export type { TwirpCode } from "./outcome/twirp-code.js";
export type { Answer } from "./outcome/wire-failure.js";
export type { MethodPolicy } from "./policy/policy.js";
export {
  type DescribedService,
  type IdempotencyLevel,
  type PolicyTable,
  policiesFor,
  policiesFrom,
  type ServiceInfo,
} from "./policy/policy-table.js";
export type { RefusalReason } from "./policy/refusal.js";
export type { RetryThrottling } from "./policy/retry-budget.js";
export { RegionCache, type RegionCacheOptions } from "./regions/cache.js";
export { type HttpRegionsOptions, httpRegions } from "./regions/discovery/http.js";
export type { RegionOrder } from "./regions/order.js";
export type { Region, RegionList } from "./regions/region.js";
export type { LoadedRegions, LoadRequest, RegionSource } from "./regions/source.js";
export type { RegionStore } from "./regions/store.js";
export { InvalidOptionError } from "./support/errors.js";

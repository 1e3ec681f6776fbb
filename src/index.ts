/**
 * Client-side failover for Twirp: typed, per method, and without sending a mutation again that may have run.
 *
 * @packageDocumentation
 */

export { describe } from "./call/describe.js";
export { type FailedAttempt, type FailoverTrace, failoverTrace } from "./call/trace.js";
export type {
  AttemptBase,
  AttemptEvent,
  CallBase,
  CallEvent,
  CallFailed,
  CallScope,
  CallSucceeded,
  DiscoveryFailedEvent,
  EjectionReason,
  EventBase,
  FailedOverEvent,
  FailoverEvent,
  FailoverEventOf,
  FailoverEventType,
  FailureFacts,
  RegionEjectedEvent,
  RegionProbeEvent,
  RegionReadmittedEvent,
  RegionsChangedEvent,
  ReplayBase,
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
export type { TwirpCode, TwirpCodeName } from "./outcome/twirp-code.js";
export {
  type ClientClass,
  type DescribedMethod,
  type DescribedService,
  type MethodKey,
  type MethodName,
  type PoliciesByMethod,
  policiesFor,
  policiesFrom,
  type ServiceInfo,
} from "./policy/policies-for.js";
export type { MethodPolicy } from "./policy/policy.js";
export type { IdempotencyLevel, PolicyTable } from "./policy/policy-table.js";
export type { RefusalReason } from "./policy/refusal.js";
export type { RetryThrottling } from "./policy/retry-budget.js";
export { RegionCache, type RegionCacheOptions } from "./regions/cache.js";
export { type HttpRegionsOptions, httpRegions } from "./regions/discovery/http.js";
export type { RegionOrder } from "./regions/order.js";
export type { Region, RegionInit, RegionList, RegionOptions } from "./regions/region.js";
export type { LoadedRegions, LoadRequest, RegionSource } from "./regions/source.js";
export type { RegionStore } from "./regions/store.js";
export { InvalidOptionError } from "./support/errors.js";
export type { HeadersSource } from "./support/headers.js";

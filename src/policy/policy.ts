/**
 * What a user declares about a method, and how the declarations for one method are merged.
 *
 * The hazard comes first: a call that failed may have run all the same. Whether running it again does harm is
 * something only the author of the method knows, so that is the question a policy answers before all others.
 */

import { parseTwirpCode, TWIRP_CODES, type TwirpCode } from "../outcome/twirp-code.js";
import { checkBoolean, checkInteger, checkKeys, checkList, checkNumber, checkObject } from "../support/checks.js";
import { MAX_TIMER_MS } from "../support/clock.js";
import { InvalidOptionError } from "../support/errors.js";

export interface MethodPolicy {
  /**
   * May the method run twice for one call, with the effect of once?
   *
   * `true` lets a call be replayed although the first attempt may have run; `false` never does. Left out, the
   * `.proto`'s `option idempotency_level` decides, and without one the method is not idempotent.
   */
  idempotent?: boolean;
  /**
   * `false`: one attempt and no replay, whatever happens.
   *
   * @default true
   */
  failover?: boolean;
  /**
   * When every region was tried, may a region that failed this call be tried again?
   *
   * @default true
   */
  sameRegion?: boolean;
  /**
   * Attempts of one call, the first included. More than 5 is taken as 5, with a `warning` event.
   *
   * @default 3
   */
  maxAttempts?: number;
  /**
   * The whole call in milliseconds: all attempts and the waits between them. The timeout that the caller
   * gives with the call wins.
   *
   * @default 10_000
   */
  timeoutMs?: number;
  /**
   * One attempt in milliseconds, never longer than what is left of the call.
   *
   * @default half of the call's timeout where a replay could follow a timeout (an idempotent method), so that
   * a region that hangs leaves time for another: 5 000 of 10 000. All of it where none could.
   */
  perAttemptTimeoutMs?: number;
  /**
   * How long a request may wait for a connection, in milliseconds. When that is over nothing has been sent, so
   * any method goes on to the next region. It applies where sending can be observed, which is in Node; elsewhere
   * a region that cannot be connected to costs `perAttemptTimeoutMs`.
   *
   * @default 1_000; Node's own limit is 10 000
   */
  connectTimeoutMs?: number;
  /**
   * The wait before the first replay that has to wait, in milliseconds; at least 1. Each further one is
   * `backoffMultiplier` times as long: 200, 400, 800 … up to `maxBackoffMs`, all of them jittered by ±20 %.
   * A failover after an attempt that provably never ran starts at once.
   *
   * @default 200
   */
  initialBackoffMs?: number;
  /**
   * The longest wait before a replay, in milliseconds, before jitter.
   *
   * @default 2_000
   */
  maxBackoffMs?: number;
  /**
   * How much longer each wait is than the one before; at least 1.
   *
   * @default 2
   */
  backoffMultiplier?: number;
  /**
   * The codes after which an idempotent method is replayed although the first attempt may have run. A
   * connection that broke and an attempt that timed out are always among the reasons.
   *
   * @default ["unavailable", "internal", "unknown", "dataloss", "bad_route"]: what a Twirp server sends with a 5xx,
   * `unimplemented` left out; and a proxy's 404, for a region that does not route the method (yet).
   */
  retryableCodes?: readonly TwirpCode[];
  /**
   * Codes that the service answers only *before* it runs this method, so that even a mutation may go to
   * another region: `["unavailable"]` for a service that says so at admission and nowhere else. Counts only
   * in the service's own Twirp error; a proxy's 503 is not its word.
   *
   * @default []
   */
  notExecutedCodes?: readonly TwirpCode[];
  /**
   * Sends one key per call in this header, the same with every attempt, so that a server which honours it runs the
   * call once; that makes the method replayable. `true` stands for `Idempotency-Key`. A key that the caller has
   * set is kept.
   *
   * @default false
   */
  idempotencyKey?: boolean | string;
}

/** A policy with nothing left open. */
export interface ResolvedPolicy {
  readonly idempotent: boolean;
  readonly failover: boolean;
  readonly sameRegion: boolean;
  readonly maxAttempts: number;
  readonly timeoutMs: number;
  /** `undefined`: as the default of `perAttemptTimeoutMs` says. */
  readonly perAttemptTimeoutMs: number | undefined;
  readonly connectTimeoutMs: number;
  readonly initialBackoffMs: number;
  readonly maxBackoffMs: number;
  readonly backoffMultiplier: number;
  readonly retryableCodes: ReadonlySet<TwirpCode>;
  readonly notExecutedCodes: ReadonlySet<TwirpCode>;
  /** The header for it, if there is to be one. */
  readonly idempotencyKey: string | undefined;
}

export const DEFAULT_POLICY: ResolvedPolicy = {
  idempotent: false,
  failover: true,
  sameRegion: true,
  maxAttempts: 3,
  timeoutMs: 10_000,
  perAttemptTimeoutMs: undefined,
  connectTimeoutMs: 1_000,
  initialBackoffMs: 200,
  maxBackoffMs: 2_000,
  backoffMultiplier: 2,
  retryableCodes: new Set<TwirpCode>(["unavailable", "internal", "unknown", "dataloss", "bad_route"]),
  notExecutedCodes: new Set<TwirpCode>(),
  idempotencyKey: undefined,
};

/** gRPC's limit for a retry policy: https://github.com/grpc/proposal/blob/master/A6-client-retries.md */
export const MAX_ATTEMPTS_LIMIT = 5;

/** May a call be sent again although its first attempt may have run? */
export function mayRunTwice(policy: ResolvedPolicy): boolean {
  return policy.idempotent || policy.idempotencyKey !== undefined;
}

/** May another attempt follow one that was lost? */
export function mayBeReplayed(policy: ResolvedPolicy): boolean {
  return mayRunTwice(policy) && policy.failover && policy.maxAttempts > 1;
}

/** How long one attempt may take, in a call that may take `timeoutMs`. */
export function perAttemptTimeoutMs(policy: ResolvedPolicy, timeoutMs: number): number {
  if (policy.perAttemptTimeoutMs !== undefined) return policy.perAttemptTimeoutMs;
  return mayBeReplayed(policy) ? timeoutMs / 2 : timeoutMs;
}

/** What one declaration says; the rest is left to others. */
export type PolicyPatch = { -readonly [K in keyof ResolvedPolicy]?: ResolvedPolicy[K] };

/** `base` with what `patch` declares laid over it. */
export function mergePolicy(base: ResolvedPolicy, patch: PolicyPatch): ResolvedPolicy {
  return { ...base, ...patch };
}

const DURATION = (option: string, value: unknown) => checkNumber(option, value, 1, MAX_TIMER_MS, " (milliseconds)");
const CODES = (option: string, value: unknown) =>
  new Set(checkList(option, value, parseTwirpCode, TWIRP_CODES)) as ReadonlySet<TwirpCode>;

const CHECKS: { readonly [K in keyof Required<MethodPolicy>]: (option: string, value: unknown) => ResolvedPolicy[K] } =
  {
    idempotent: checkBoolean,
    failover: checkBoolean,
    sameRegion: checkBoolean,
    maxAttempts: (option, value) => checkInteger(option, value, 1),
    timeoutMs: DURATION,
    perAttemptTimeoutMs: DURATION,
    connectTimeoutMs: DURATION,
    initialBackoffMs: DURATION,
    maxBackoffMs: DURATION,
    backoffMultiplier: (option, value) => checkNumber(option, value, 1, 100),
    retryableCodes: CODES,
    notExecutedCodes: CODES,
    idempotencyKey: checkKeyHeader,
  };

const HEADER_NAME = /^[\w!#$%&'*+.^`|~-]{1,64}$/;

function checkKeyHeader(option: string, value: unknown): string | undefined {
  if (typeof value === "boolean") return value ? "Idempotency-Key" : undefined;
  if (typeof value === "string" && HEADER_NAME.test(value)) return value;
  throw new InvalidOptionError(option, "true, false or the name of a header", value);
}

/**
 * Checks a policy as the user wrote it. An option that is given as `undefined` counts as left out.
 *
 * @param option how to name the policy in an error, e.g. `policies["*"]`.
 * @param warn told when a value is taken as another.
 * @throws InvalidOptionError
 */
export function checkPolicy(option: string, policy: unknown, warn: (message: string) => void): PolicyPatch {
  const given = checkObject(option, policy);
  checkKeys(option, given, Object.keys(CHECKS));
  const patch: Record<string, unknown> = {};
  for (const [name, check] of Object.entries(CHECKS)) {
    const value = given[name];
    if (value !== undefined) patch[name] = check(`${option}.${name}`, value);
  }
  if ((patch.maxAttempts as number) > MAX_ATTEMPTS_LIMIT) {
    warn(`${option}.maxAttempts is ${patch.maxAttempts}; taken as ${MAX_ATTEMPTS_LIMIT}, the most there is`);
    patch.maxAttempts = MAX_ATTEMPTS_LIMIT;
  }
  return patch as PolicyPatch;
}

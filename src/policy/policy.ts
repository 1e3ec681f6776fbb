/**
 * What a user declares about a method, and how several declarations for one method are merged.
 *
 * The hazard comes first: a call that failed may have run all the same. Only the author of the method knows whether
 * running it again does harm, so that is the first question that a policy answers.
 */
import { parseTwirpCode, TWIRP_CODES, type TwirpCode, type TwirpCodeName } from "../outcome/twirp-code.js";
import { checkBoolean, checkInteger, checkKeys, checkList, checkNumber, checkObject } from "../support/checks.js";
import { MAX_TIMER_MS } from "../support/clock.js";
import { mustBe } from "../support/errors.js";

/** What is declared about a method. An option that is `undefined` counts as left out. */
export interface MethodPolicy {
  /**
   * Whether the method may run twice for one call, with the effect of once.
   *
   * `true` lets a call be replayed even if the first attempt may have run; `false` never does. Left out, the `.proto`'s
   * `option idempotency_level` decides, and without one the method is not idempotent.
   *
   * @default what the `.proto` says, else false
   */
  idempotent?: boolean | undefined;
  /**
   * Whether a call may have more than one attempt at all. `false` allows one, whatever happens.
   *
   * @default true
   */
  replay?: boolean | undefined;
  /**
   * Whether a region that failed this call may be tried again once every region has been tried.
   *
   * @default true
   */
  sameRegion?: boolean | undefined;
  /**
   * The most attempts of one call, the first included. More than 5 is taken as 5, with a `warning` event.
   *
   * @default 3
   */
  maxAttempts?: number | undefined;
  /**
   * The time limit of the whole call in milliseconds, with all attempts and the waits between them. The timeout that the
   * caller gives with the call takes precedence.
   *
   * @default 10_000
   */
  timeoutMs?: number | undefined;
  /**
   * The time limit of one attempt in milliseconds; never longer than what is left of the call.
   *
   * @default half of the call's timeout (5 000 of 10 000), so that a region that hangs leaves time for another. It is all of
   * it unless a replay can follow (a method that may run twice) and help: unless, at that moment, a region is well that the
   * call has not tried, and what is left after the wait is at least what the slowest of the method's recent calls took (2 000
   * while none is known). So two regions that take 800 ms serve a call of 1 500 ms, at the first attempt.
   */
  perAttemptTimeoutMs?: number | undefined;
  /**
   * How long a request may wait for a connection, in milliseconds. When this time is over nothing has been sent, so any
   * method goes on to the next region. It applies where sending can be observed, which is in Node; elsewhere a region
   * that cannot be connected to costs `perAttemptTimeoutMs`.
   *
   * @default 1_000; Node's own limit is 10 000
   */
  connectTimeoutMs?: number | undefined;
  /**
   * The first wait before a replay, in milliseconds; at least 1. Each further wait is `backoffMultiplier` times as long:
   * 200, 400, 800 … up to `maxBackoffMs`, all of them jittered by ±20 %. A failover to a region that is well, after an attempt
   * that provably never ran, does not wait.
   *
   * @default 200
   */
  initialBackoffMs?: number | undefined;
  /**
   * The longest wait before a replay in milliseconds, before jitter.
   *
   * @default 2_000
   */
  maxBackoffMs?: number | undefined;
  /**
   * How many times longer each wait is than the one before; at least 1.
   *
   * @default 2
   */
  backoffMultiplier?: number | undefined;
  /**
   * The codes after which a method that may run twice is replayed although the attempt may have run. A code that you name
   * counts even where the handler chose it (`not_found` in a region that is behind, `aborted`). The list replaces the
   * default. A connection that broke and an attempt that timed out are always among the reasons, and the service's
   * `retryable: "false"` always forbids.
   *
   * @default `["unavailable", "internal", "unknown", "dataloss", "bad_route"]`: what a Twirp server sends with a 5xx,
   * except `unimplemented`; and a proxy's 404, for a region that does not route the method (yet). A proxy's other 3xx and
   * 4xx are final, except 408, 421, 425, 429 and 451.
   */
  retryableCodes?: readonly TwirpCodeName[] | undefined;
  /**
   * Codes that the service answers only *before* it runs this method, so that even a mutation may go to another region:
   * `["unavailable"]` for a service that says so at admission and nowhere else. They count only in the service's own
   * Twirp error; a proxy's 503 is not its word.
   *
   * @default []
   */
  notExecutedCodes?: readonly TwirpCodeName[] | undefined;
  /**
   * Sends one key per call in this header, the same with every attempt, so that a server which honours it runs the call
   * once; that makes the method replayable. `true` stands for `Idempotency-Key`. A key that the caller has set is kept.
   *
   * @default false
   */
  idempotencyKey?: boolean | string | undefined;
}

/** A policy with every option decided. */
export interface ResolvedPolicy {
  readonly idempotent: boolean;
  readonly replay: boolean;
  readonly sameRegion: boolean;
  readonly maxAttempts: number;
  readonly timeoutMs: number;
  /** `undefined`: as the default of `perAttemptTimeoutMs` says. */
  readonly perAttemptTimeoutMs: number | undefined;
  readonly connectTimeoutMs: number;
  readonly initialBackoffMs: number;
  readonly maxBackoffMs: number;
  readonly backoffMultiplier: number;
  /** Those that the user named; `undefined`: `DEFAULT_RETRYABLE_CODES`, and none of them where the handler chose it. */
  readonly retryableCodes: ReadonlySet<TwirpCode> | undefined;
  readonly notExecutedCodes: ReadonlySet<TwirpCode>;
  /** The header that carries the key; `undefined` for none. */
  readonly idempotencyKey: string | undefined;
}

const DEFAULT_RETRYABLE_CODES: ReadonlySet<TwirpCode> = new Set<TwirpCode>([
  "unavailable",
  "internal",
  "unknown",
  "dataloss",
  "bad_route",
]);

export const DEFAULT_POLICY: ResolvedPolicy = {
  idempotent: false,
  replay: true,
  sameRegion: true,
  maxAttempts: 3,
  timeoutMs: 10_000,
  perAttemptTimeoutMs: undefined,
  connectTimeoutMs: 1_000,
  initialBackoffMs: 200,
  maxBackoffMs: 2_000,
  backoffMultiplier: 2,
  retryableCodes: undefined,
  notExecutedCodes: new Set<TwirpCode>(),
  idempotencyKey: undefined,
};

/** gRPC's limit for a retry policy: https://github.com/grpc/proposal/blob/master/A6-client-retries.md */
export const MAX_ATTEMPTS_LIMIT = 5;

/** Whether a call may be sent again although its first attempt may have run. */
export function mayRunTwice(policy: ResolvedPolicy): boolean {
  return policy.idempotent || policy.idempotencyKey !== undefined;
}

/** Whether another attempt may follow one whose fate is unknown. */
export function mayBeReplayed(policy: ResolvedPolicy): boolean {
  return mayRunTwice(policy) && policy.replay && policy.maxAttempts > 1;
}

/** Whether the user asks for a replay after this code by its name, whoever chose it. */
export function namesRetryable({ retryableCodes }: ResolvedPolicy, code: TwirpCode): boolean {
  return retryableCodes?.has(code) === true;
}

/** Whether a method that may run twice is replayed after this code, if its attempt may have run. */
export function isRetryable({ retryableCodes = DEFAULT_RETRYABLE_CODES }: ResolvedPolicy, code: TwirpCode): boolean {
  return retryableCodes.has(code);
}

/** The time limit of one attempt in a call that may take `timeoutMs`. */
export function perAttemptTimeoutMs(policy: ResolvedPolicy, timeoutMs: number): number {
  if (policy.perAttemptTimeoutMs !== undefined) return policy.perAttemptTimeoutMs;
  return mayBeReplayed(policy) ? timeoutMs / 2 : timeoutMs;
}

/** What one declaration says. Options that it leaves out are left to others. */
export type PolicyPatch = { -readonly [K in keyof ResolvedPolicy]?: ResolvedPolicy[K] };

/** `base`, with what `patch` declares in place of its own. */
export function mergePolicy(base: ResolvedPolicy, patch: PolicyPatch): ResolvedPolicy {
  return { ...base, ...patch };
}

const DURATION = (option: string, value: unknown) => checkNumber(option, value, 1, MAX_TIMER_MS, " (milliseconds)");
const CODES = (option: string, value: unknown) =>
  new Set(checkList(option, value, parseTwirpCode, TWIRP_CODES)) as ReadonlySet<TwirpCode>;

const CHECKS: { readonly [K in keyof Required<MethodPolicy>]: (option: string, value: unknown) => ResolvedPolicy[K] } =
  {
    idempotent: checkBoolean,
    replay: checkBoolean,
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
  throw mustBe(option, "true, false or a header name", value);
}

/**
 * Checks a policy as the user wrote it. An option that is `undefined` counts as left out.
 *
 * @param option how to name the policy in an error, e.g. `policies["*"]`.
 * @param warn called when a value is taken as another.
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

/** One call, as an adapter hands it over: everything that the engine needs to know of an RPC library. */
import type { SendObserver } from "../outcome/transmission.js";
import type { TwirpCode } from "../outcome/twirp-code.js";
import type { WireFailure } from "../outcome/wire-failure.js";
import type { MethodPolicy } from "../policy/policy.js";
import type { IdempotencyLevel } from "../policy/policy-table.js";
import type { Region } from "../regions/region.js";

/** What an adapter is to send, and where. */
export interface AttemptRequest {
  /** Where to send it. */
  readonly region: Region;
  /** Aborts when nobody waits for the result any longer. */
  readonly signal: AbortSignal;
  /** Headers to send, unless the caller has set them; the same in every attempt of a call. */
  readonly headers: Readonly<Record<string, string>>;
  /**
   * Whether the call may be sent again although it may have run. If not, nothing below may repeat the request by itself.
   */
  readonly mayRunTwice: boolean;
  /** Where to report what is seen of the request on its way. Without that, only an error's own cause can prove anything. */
  readonly observer: SendObserver;
}

/** One call of a generated client. */
export interface RpcCall<T> {
  /** The service's name in the `.proto`, the package included. */
  readonly service: string;
  /** The method's name in the `.proto`. */
  readonly method: string;
  /**
   * The names of all methods of the service in the `.proto`, where the library knows them. Keys of the policy table that
   * name none of them are reported. Without the list only those are that resemble a method which is called. It is read
   * once for each service.
   */
  readonly methods?: readonly string[] | undefined;
  /** What the `.proto` says about running it twice, where the library knows. */
  readonly idempotencyLevel?: IdempotencyLevel | undefined;
  /** The policy of this one call, which takes precedence over its method's. `false`: one attempt, no replay. */
  readonly policy?: MethodPolicy | false | undefined;
  /** The caller's abort signal. */
  readonly signal?: AbortSignal | undefined;
  /** The caller's time limit: milliseconds from now, or a point in time. */
  readonly timeout?: number | Date | undefined;
  /**
   * Sends one request. Rejects with the library's own error. Throwing synchronously means that nothing could be sent. It
   * must not resolve with a thenable, because a promise would wait for that.
   */
  send(request: AttemptRequest): Promise<T>;
  /** Reads what a rejection of `send` says. Must not throw. */
  inspect(error: unknown): WireFailure;
  /** Makes the library's own kind of error for what no server said: the deadline, a timeout, the caller's abort. Must not throw. */
  createError(code: TwirpCode, message: string, cause?: unknown): Error;
}

/** One call as an adapter hands it over: everything that the engine needs to know of an RPC library. */

import type { Transmission } from "../outcome/transmission.js";
import type { TwirpCode } from "../outcome/twirp-code.js";
import type { Answer } from "../outcome/wire-failure.js";
import type { MethodPolicy } from "../policy/policy.js";
import type { IdempotencyLevel } from "../policy/policy-table.js";
import type { Region } from "../regions/region.js";

/** What an adapter is to send, and where. */
export interface AttemptRequest {
  readonly region: Region;
  /** When it aborts, nobody waits for the result any longer. */
  readonly signal: AbortSignal;
  /** To be sent along unless the caller has set them; the same in every attempt of a call. */
  readonly headers: Readonly<Record<string, string>>;
  /** Where to write down what can be seen of the request on its way; without that, nothing is proved. */
  readonly transmission: Transmission;
}

export interface RpcCall<T> {
  /** The service's name in the `.proto`, the package included. */
  readonly service: string;
  /** The method's name in the `.proto`. */
  readonly method: string;
  /** What the `.proto` says about running it twice, where the library knows. */
  readonly idempotencyLevel?: IdempotencyLevel | undefined;
  /** The policy of this one call, over that of its method. `false`: one attempt, no replay. */
  readonly policy?: MethodPolicy | false | undefined;
  /** The caller's. */
  readonly signal?: AbortSignal | undefined;
  /** The caller's: milliseconds from now, or a point in time. */
  readonly timeout?: number | Date | undefined;
  /**
   * Sends one request. Rejects with the library's own error. To throw synchronously means that nothing could be
   * sent. What it resolves with must not be a thenable, which a promise would wait for.
   */
  send(request: AttemptRequest): Promise<T>;
  /** What a rejection of `send` tells. Must not throw. */
  inspect(error: unknown): Answer;
  /** The library's own kind of error, for what no server said: the deadline, a timeout, the caller's abort. */
  createError(code: TwirpCode, message: string, cause?: unknown): Error;
}

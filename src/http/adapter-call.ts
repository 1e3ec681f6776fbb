/** What the calls of all adapters that make their own requests have in common. */
import type { AttemptRequest, RpcCall } from "../call/rpc-call.js";
import type { WireFailure } from "../outcome/wire-failure.js";
import { type HeadersSource, mergeHeaders } from "../support/headers.js";
import { HttpFailure } from "./http-failure.js";

/** What the library's own error is made of. */
export type ErrorParts = Pick<HttpFailure, "code" | "message" | "meta" | "cause"> &
  Partial<Pick<HttpFailure, "received">>;

/** The call, as the engine needs to know it. */
export interface CallInfo
  extends Pick<
    RpcCall<unknown>,
    "service" | "method" | "methods" | "idempotencyLevel" | "policy" | "signal" | "timeout"
  > {
  /**
   * Headers of every attempt; later ones win. If a function among them throws, nothing is sent, and the caller gets its
   * error.
   *
   * @default []
   */
  readonly headers?: readonly HeadersSource[] | undefined;
}

/** How an adapter sends a request, and what its errors say. */
export interface Sending<T> {
  /**
   * Sends one request, with headers whose names are in lower case; the call's own headers are in the attempt. Rejects with
   * an `HttpFailure`, or with an error that `inspect` can read. Throwing synchronously means that nothing was sent.
   */
  transmit(attempt: AttemptRequest, headers: Record<string, string>): Promise<T>;
  /** Reads what an error says that is not an `HttpFailure`. */
  inspect(error: unknown): WireFailure;
  /** Makes the library's own kind of error, which some libraries do not derive from `Error`. */
  toError(parts: ErrorParts): object;
  /**
   * Reinterprets a failure, where the service uses Twirp's codes in a sense of its own.
   *
   * @default the failure as it is
   */
  judge?: (failure: WireFailure) => WireFailure;
}

/** Makes the call that `failover.run` takes. */
export function adapterCall<T>({ headers = [], ...info }: CallInfo, sending: Sending<T>): RpcCall<T> {
  const { transmit, inspect, toError, judge = (failure) => failure } = sending;
  /** What each error says, kept beside the errors because they are the user's. */
  const failures = new Map<unknown, WireFailure>();
  return {
    ...info,
    async send(attempt) {
      let result: Promise<T>;
      try {
        attempt.observer.onPreparing();
        const merged = await mergeHeaders(headers);
        attempt.observer.onPrepared();
        // The attempt may have ended meanwhile, and not everything looks at the signal before it sends.
        attempt.signal.throwIfAborted();
        result = transmit(attempt, merged);
      } catch (error) {
        failures.set(error, { kind: "unsendable" });
        throw error;
      }
      try {
        return await result;
      } catch (error) {
        if (!(error instanceof HttpFailure)) throw error;
        const thrown = toError(error);
        failures.set(thrown, judge(error.wireFailure));
        throw thrown;
      }
    },
    inspect: (error) => failures.get(error) ?? inspect(error),
    createError: (code, message, cause) => toError({ code, message, meta: {}, cause }) as Error,
  };
}

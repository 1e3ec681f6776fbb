/** What the calls of all adapters that make their own requests have in common. */

import type { AttemptRequest, RpcCall } from "../call/rpc-call.js";
import type { Answer } from "../outcome/wire-failure.js";
import { type HeadersSource, mergeHeaders } from "../support/headers.js";
import { HttpFailure } from "./http-failure.js";

/** What the library's own error is to be made of. */
export type Failure = Pick<HttpFailure, "code" | "message" | "meta" | "cause"> & Partial<Pick<HttpFailure, "received">>;

/** The call as the engine needs to know it. */
export interface CallInfo
  extends Pick<RpcCall<unknown>, "service" | "method" | "idempotencyLevel" | "policy" | "signal" | "timeout"> {
  /**
   * For every attempt; later ones win. When a function among them throws, nothing is sent, and the caller gets its
   * error.
   *
   * @default []
   */
  readonly headers?: readonly HeadersSource[] | undefined;
}

export interface Sending<T> {
  /**
   * Sends one request, with headers whose names are in lower case; the call's own are in the attempt. Rejects with an
   * `HttpFailure`, or with an error that `inspect` can read. To throw synchronously means that nothing was sent.
   */
  transmit(attempt: AttemptRequest, headers: Record<string, string>): Promise<T>;
  /** What an error tells that is no `HttpFailure`. */
  inspect(error: unknown): Answer;
  /** The library's own kind of error, which some libraries do not derive from `Error`. */
  toError(failure: Failure): object;
  /**
   * What an answer is to be judged as, where the service uses Twirp's codes in a sense of its own.
   *
   * @default itself
   */
  judge?(answer: Answer): Answer;
}

export function adapterCall<T>({ headers = [], ...info }: CallInfo, sending: Sending<T>): RpcCall<T> {
  const { transmit, inspect, toError, judge = (answer) => answer } = sending;
  /** What errors tell, beside them, since they are the user's. */
  const answers = new Map<unknown, Answer>();
  return {
    ...info,
    async send(attempt) {
      let answer: Promise<T>;
      try {
        attempt.transmission.onPreparing();
        const merged = await mergeHeaders(headers);
        attempt.transmission.onPrepared();
        // The attempt may have ended meanwhile, and not everything looks at the signal before it sends.
        attempt.signal.throwIfAborted();
        answer = transmit(attempt, merged);
      } catch (error) {
        answers.set(error, { kind: "unsendable" });
        throw error;
      }
      try {
        return await answer;
      } catch (error) {
        if (!(error instanceof HttpFailure)) throw error;
        const told = toError(error);
        answers.set(told, judge(error.answer));
        throw told;
      }
    },
    inspect: (error) => answers.get(error) ?? inspect(error),
    createError: (code, message, cause) => toError({ code, message, meta: {}, cause }) as Error,
  };
}

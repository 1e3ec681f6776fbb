/** What the benchmark wants of a client, whichever library it is made with. */

/** As in the `.proto`. Both may run twice. */
export type Method = "GetRoom" | "ListRooms";

export interface Client {
  /** Rejects if the call failed. */
  call(method: Method): Promise<unknown>;
  /** How many attempts at a method the client's own events told of, where it has such events. */
  readonly told?: (method: Method) => number;
}

/** The same limits for all, as far as they can be set. */
export const CALL_TIMEOUT_MS = 10_000;
export const ATTEMPT_TIMEOUT_MS = 5_000;

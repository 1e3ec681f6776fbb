/** What the benchmark wants of a client, whichever library it is made with. */

/** As in the `.proto`: the first two may run twice, the mutation may not. */
export type Method = "GetRoom" | "ListRooms" | typeof MUTATION;

export const MUTATION = "DialParticipant";

/** What is sent, in the names of the generated clients. */
export const REQUESTS = {
  GetRoom: { name: "lobby" },
  ListRooms: { limit: 1 },
  [MUTATION]: { room: "lobby", phoneNumber: "+1 555 0100" },
} as const;

export interface Client {
  /** Rejects if the call failed. */
  call(method: Method): Promise<unknown>;
  /** How many attempts at a method the client's own events told of, where it has such events. */
  readonly told?: (method: Method) => number;
}

/** The same limits for all, as far as they can be set. */
export const CALL_TIMEOUT_MS = 10_000;
export const ATTEMPT_TIMEOUT_MS = 5_000;

/** The client interface of the benchmark, for all libraries. */

/** According to the `.proto`, the first two may run twice, and the mutation may not. */
export type Method = "GetRoom" | "ListRooms" | typeof MUTATION;

export const MUTATION = "DialParticipant";

/** The request messages, with the field names of the generated clients. */
export const REQUESTS = {
  GetRoom: { name: "lobby" },
  ListRooms: { limit: 1 },
  [MUTATION]: { room: "lobby", phoneNumber: "+1 555 0100" },
} as const;

export interface Client {
  /** Rejects if the call failed. */
  call(method: Method): Promise<unknown>;
  /** The number of attempts of a method that the client's events report, if it has such events. */
  readonly reported?: (method: Method) => number;
}

/** The same limits for all clients, if they can be set. */
export const CALL_TIMEOUT_MS = 10_000;
export const ATTEMPT_TIMEOUT_MS = 5_000;

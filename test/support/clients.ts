/**
 * The clients that tests put on a `Failover`, behind one interface for all libraries, so that a test that holds for all
 * of them is written once and runs for each. Where libraries differ for good reasons, this interface says how.
 */
import type { Failover, MethodPolicy, Outcome, PolicyTable } from "twirp-failover";
import type { GetRoomRequest } from "../../proto/gen/rooms.js";
import { protobufTs } from "./client-protobuf-ts.js";
import { twirpTs } from "./client-twirp-ts.js";
import type { Call } from "./methods.js";

export type Format = "binary" | "JSON";

/** The options of one call in any library. */
export interface CallOptions {
  /** In milliseconds. */
  timeout?: number;
  abort?: AbortSignal;
  failover?: MethodPolicy | false;
  /** Headers. */
  meta?: Record<string, string>;
}

export interface ConnectOptions {
  proofOfSending?: boolean;
}

export interface Connection {
  readonly call: Call<CallOptions>;
  /** Calls a method of an unknown service, which takes a `GetRoomRequest`. */
  callOther(service: string, method: string, request: GetRoomRequest): Promise<object>;
}

/** The parts of an error that the library's users see. */
export interface ErrorFacts {
  readonly code: string;
  readonly message: string;
  readonly meta: Readonly<Record<string, unknown>>;
  readonly cause: unknown;
}

export interface Library {
  readonly name: "protobuf-ts" | "twirp-ts";
  /** The class of the errors that its users catch. */
  readonly errorClass: new (
    ...args: never[]
  ) => Error;
  /** Which methods may run twice, if its clients do not know it from the `.proto`. */
  readonly policies: PolicyTable;
  connect(failover: Failover, format: Format, options?: ConnectOptions): Connection;
  /** Reads an error of the library's class. Fails for any other value. */
  factsOf(error: unknown): ErrorFacts;
  /** The code of its error for this outcome, in its spelling. */
  codeOf(outcome: Pick<Outcome, "code" | "origin">): string;
  /** The name of a call's own policy in the message that refuses it. */
  readonly callPolicy: string;
  /** The outcome of a refused connection if no dispatcher observes it, so that only the error is known. */
  readonly unwatchedRefusal: Outcome;
}

/** All tests run for every library in this list. */
export const LIBRARIES: readonly Library[] = [protobufTs, twirpTs];

/** A library's client in one of Twirp's two wire formats, for `describe.each`. */
export type ClientKind = Library & { readonly format: Format };

export const CLIENTS: readonly ClientKind[] = LIBRARIES.flatMap((library) => [
  { ...library, format: "binary" },
  { ...library, format: "JSON" },
]);

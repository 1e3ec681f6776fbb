/**
 * The clients that tests put on a `Failover`, those of each library behind the same few words: what holds for all of
 * them is said once, in a suite that runs for each. Where libraries differ for good reasons, they say so here.
 */
import type { Failover, MethodPolicy, Outcome, PolicyTable } from "twirp-failover";
import type { GetRoomRequest } from "../../proto/gen/rooms.js";
import { protobufTs } from "./client-protobuf-ts.js";
import { twirpTs } from "./client-twirp-ts.js";
import type { Call } from "./methods.js";

export type Format = "binary" | "JSON";

/** What can be said of one call in any library. */
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
  /** Calls a method of another service, which takes a `GetRoomRequest` and of which nothing else is known. */
  callOther(service: string, method: string, request: GetRoomRequest): Promise<object>;
}

/** What an error says to the library's users. */
export interface Told {
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
  /** What its clients cannot know by themselves of the `.proto`: which methods may run twice. */
  readonly policies: PolicyTable;
  connect(failover: Failover, format: Format, options?: ConnectOptions): Connection;
  /** Reads an error of the library's class, and fails for any other. */
  told(error: unknown): Told;
  /** The code that its error has, in its spelling, for an attempt that came to this. */
  codeOf(outcome: Pick<Outcome, "code" | "origin">): string;
  /** What a call's own policy is called where it is refused. */
  readonly callPolicy: string;
  /** What a refused connection comes to where no dispatcher watches: all that is known then is what the error tells. */
  readonly unwatchedRefusal: Outcome;
}

/** A library that is added here is put to all tests. */
export const LIBRARIES: readonly Library[] = [protobufTs, twirpTs];

/** The clients of a library in one of Twirp's two wire formats, for `describe.each`. */
export type ClientKind = Library & { readonly format: Format };

export const CLIENTS: readonly ClientKind[] = LIBRARIES.flatMap((library) => [
  { ...library, format: "binary" },
  { ...library, format: "JSON" },
]);

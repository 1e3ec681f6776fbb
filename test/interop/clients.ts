/** Clients for the Go server, of any library, whose calls resolve with a result for success and for failure. */
import type { Failover } from "twirp-failover";
import type { GetRoomRequest } from "../../proto/gen/rooms.js";
import type { ClientKind, ErrorFacts } from "../support/clients.js";
import type { Method, Methods } from "../support/methods.js";

/** How a call ended: with a response, or with the library's error and its parts. The code has the server's spelling. */
export interface Result<T> extends Partial<Omit<ErrorFacts, "cause">> {
  readonly response?: T;
  readonly error?: unknown;
}

export interface Client {
  call<M extends Method>(method: M, request: Methods[M]["request"]): Promise<Result<Methods[M]["response"]>>;
  /** Calls a method of an unknown service, which takes a `GetRoomRequest`. */
  callOther(service: string, method: string, request: GetRoomRequest): Promise<Result<object>>;
}

export function clientOf(kind: ClientKind, failover: Failover): Client {
  const connection = kind.connect(failover, kind.format);
  const resultOf = async <T>(call: Promise<T>): Promise<Result<T>> => {
    try {
      return { response: await call };
    } catch (error) {
      const { code, message, meta } = kind.factsOf(error);
      return { error, code, message, meta };
    }
  };
  return {
    call: (method, request) => resultOf(connection.call(method, request)),
    callOther: (service, method, request) => resultOf(connection.callOther(service, method, request)),
  };
}

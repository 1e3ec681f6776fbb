/** One call of a LiveKit client: JSON over `fetch`, under one request id. */
import type { Answer } from "../answer.js";
import type { MethodPolicy } from "../policy.js";
import type { AttemptRequest, RpcCall } from "../rpc-call.js";
import type { TwirpCode } from "../twirp-code.js";
import { judgedAs, platformError, type ServerErrorClass, thrownFor } from "./livekit-error.js";
import { HttpFailure, type HttpRequest, type TwirpHttp } from "./twirp-http.js";

/** What all calls of a client share. */
export interface LivekitTransport {
  readonly http: TwirpHttp;
  readonly ServerError: ServerErrorClass;
}

export class LivekitCall implements RpcCall<unknown> {
  readonly policy: MethodPolicy | undefined;
  /** What stood behind an error that the SDK's user may see. */
  readonly #answers = new Map<unknown, Answer>();
  readonly #request: HttpRequest;

  constructor(
    readonly service: string,
    readonly method: string,
    data: unknown,
    headers: Record<string, string>,
    /** In milliseconds. */
    readonly timeout: number | undefined,
    private readonly transport: LivekitTransport,
  ) {
    const body = JSON.stringify(data);
    this.#request = { route: `${service}/${method}`, contentType: "application/json", body, headers };
    this.policy = policyFor(method, data);
  }

  async send(attempt: AttemptRequest): Promise<unknown> {
    const { http, ServerError } = this.transport;
    try {
      return readJson(await http.post(this.#request, attempt));
    } catch (error) {
      if (!(error instanceof HttpFailure)) throw error;
      const thrown = thrownFor(error, ServerError);
      this.#answers.set(thrown, judgedAs(error.answer));
      throw thrown;
    }
  }

  inspect(error: unknown): Answer {
    return this.#answers.get(error) ?? { kind: "none" };
  }

  createError(code: TwirpCode, message: string, cause?: unknown): Error {
    return platformError(code, message, cause);
  }
}

/**
 * `CreateRoom` gets or creates a room. But the recording that it asks for was started with each request by LiveKit's
 * server 1.5, the room being there or not; of agents, nothing better is known.
 */
function policyFor(method: string, data: unknown): MethodPolicy | undefined {
  if (method !== "CreateRoom" || typeof data !== "object" || data === null) return undefined;
  return "egress" in data || "agents" in data ? { idempotent: false } : undefined;
}

function readJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw new HttpFailure({ kind: "broken" }, "dataloss", "the answer is not JSON", { status_code: "200" });
  }
}

import {
  type MethodInfo,
  type NextUnaryFn,
  RpcError,
  type RpcInterceptor,
  type RpcMetadata,
  type RpcOptions,
  UnaryCall,
} from "@protobuf-ts/runtime-rpc";
import type { AttemptRequest, RpcCall } from "../../call/rpc-call.js";
import type { Failover } from "../../failover.js";
import type { ContentType } from "../../http/content-type.js";
import type { Dispatcher } from "../../http/dispatcher-trust.js";
import { requestInit } from "../../http/request-init.js";
import { MAX_RESPONSE_BYTES } from "../../http/response-limit.js";
import { ResponseWatch } from "../../http/response-watch.js";
import type { TwirpCode } from "../../outcome/twirp-code.js";
import type { WireFailure } from "../../outcome/wire-failure.js";
import type { MethodPolicy } from "../../policy/policy.js";
import { checkBoolean, checkInteger, checkKeys, checkObject } from "../../support/checks.js";
import { InvalidOptionError, mustBe } from "../../support/errors.js";
import { notJson, readError, type SeenResponse } from "./rpc-error.js";

declare module "@protobuf-ts/runtime-rpc/build/types/rpc-options.js" {
  interface RpcOptions {
    /** The policy of this one call, which takes precedence over its method's; `false` for one attempt and no replay. */
    failover?: MethodPolicy | false | undefined;
  }
}

/** The options of `failoverInterceptor`. One that is `undefined` counts as left out. */
export interface InterceptorOptions {
  /**
   * Whether to watch, in Node, if a request was handed to a socket. That takes a `dispatcher` in `fetchInit`, which forwards
   * to yours or to the global one. Without it a mutation is not sent again after a refused connection, and
   * `connectTimeoutMs` has no effect.
   *
   * @default true
   */
  proofOfSending?: boolean | undefined;
  /**
   * The longest answer that is read, in bytes, after decompression; a longer one fails with `dataloss`. It needs
   * `proofOfSending`, and Node: the transport itself reads without a limit.
   *
   * @default 67_108_864 (64 MiB)
   */
  maxResponseBytes?: number | undefined;
}

type FetchInit = RequestInit & { dispatcher?: Dispatcher };

/**
 * Marks the options of an attempt with its `Failover`. An interceptor of ours that sees it stands below another one, and would
 * send the attempt to regions of its own. The symbol is global, because there may be two copies of this package.
 */
const ATTEMPT_OF = Symbol.for("twirp-failover.attempt-of");

/**
 * Makes the interceptor. One `Failover` may serve any number of transports and clients, but a call passes through one of
 * these interceptors only: with two of them, one below the other, calls reject with an `InvalidOptionError`, unsent. Twirp
 * only has unary methods, so streaming calls pass through to the transport, which refuses them.
 *
 * @throws InvalidOptionError
 */
export function failoverInterceptor(failover: Failover, options: InterceptorOptions = {}): RpcInterceptor {
  if (typeof failover?.run !== "function") {
    throw mustBe("failoverInterceptor's argument", "what createFailover() returned", failover);
  }
  checkKeys("failoverInterceptor()", checkObject("failoverInterceptor's options", options), [
    "proofOfSending",
    "maxResponseBytes",
  ]);
  const { proofOfSending = true, maxResponseBytes = MAX_RESPONSE_BYTES } = options;
  const observation = {
    observe: checkBoolean("proofOfSending", proofOfSending),
    maxResponseBytes: checkInteger("maxResponseBytes", maxResponseBytes, 1),
  };
  return {
    interceptUnary(next, method, input, options) {
      checkOutermost(options, failover);
      const call = new ProtobufTsCall(next, method, input, options, failover, observation);
      return call.resultOf(failover.run(call));
    },
  };
}

/** Wraps a `UnaryCall`, because that is a thenable: a promise would not resolve with it, but wait for all its parts. */
interface Answered {
  readonly call: UnaryCall;
}

/** How much of each request is watched. */
interface Observation {
  readonly observe: boolean;
  readonly maxResponseBytes: number;
}

class ProtobufTsCall implements RpcCall<Answered> {
  /** What was seen of the responses of failed attempts, by error. A call that failed with an HTTP answer has headers too. */
  #responses: Map<unknown, SeenResponse> | undefined;

  constructor(
    private readonly next: NextUnaryFn,
    private readonly info: MethodInfo,
    private readonly input: object,
    private readonly options: RpcOptions,
    private readonly failover: Failover,
    private readonly observation: Observation,
  ) {}

  get service(): string {
    return this.info.service.typeName;
  }

  get method(): string {
    return this.info.name;
  }

  get methods(): readonly string[] {
    return this.info.service.methods.map(({ name }) => name);
  }

  get idempotencyLevel() {
    return this.info.idempotency;
  }

  get policy(): MethodPolicy | false | undefined {
    return this.options.failover;
  }

  get signal(): AbortSignal | undefined {
    return this.options.abort ?? undefined; // `null` is legal for `fetch`.
  }

  get timeout(): number | Date | undefined {
    return this.options.timeout;
  }

  get #contentType(): ContentType {
    return this.options.sendJson ? "application/json" : "application/protobuf";
  }

  /** Copies the options, because they may be the transport's own defaults, and interceptors below may write to `meta`. */
  send(attempt: AttemptRequest): Promise<Answered> {
    const { region, signal, headers } = attempt;
    const { meta, fetchInit } = this.options as { meta?: RpcMetadata; fetchInit?: FetchInit };
    // Not with a spread, because on Node 20 it costs a microsecond to add properties to what a spread has copied.
    const { observe, maxResponseBytes } = this.observation;
    const response = observe ? new ResponseWatch(maxResponseBytes) : undefined;
    const options = Object.assign({}, this.options, {
      [ATTEMPT_OF]: this.failover,
      baseUrl: region.url,
      abort: signal,
      meta: withHeaders({ ...meta }, headers),
      fetchInit: {
        // A redirect that is followed turns a POST into a GET without a body.
        redirect: "manual",
        ...fetchInit,
        ...requestInit(attempt, observe, fetchInit, response),
      },
    });
    const call = this.next(this.info, this.input, options);
    if (typeof call?.response?.then !== "function") {
      Promise.resolve(call).catch(ignore);
      throw new TypeError("twirp-failover: an interceptor below returned no UnaryCall; is its interceptUnary async?");
    }
    return this.#answerOf(call, response);
  }

  /** Resolves with the call once its response is in. */
  async #answerOf(call: UnaryCall, response: ResponseWatch | undefined): Promise<Answered> {
    let headers: RpcMetadata | undefined;
    call.headers.then((received) => {
      headers = received;
    }, ignore);
    call.status.then(ignore, ignore);
    call.trailers.then(ignore, ignore);
    try {
      await (response?.read(call.response) ?? call.response);
      const problem = response && this.#problemOf(response);
      if (problem) throw problem;
      return { call };
    } catch (error) {
      this.#responses ??= new Map();
      this.#responses.set(error, { headers, whole: response?.isWhole(this.#contentType) ?? false });
      throw error;
    }
  }

  /** The transport takes every 2xx for a good answer, and an empty body for a message with all defaults. */
  #problemOf(response: ResponseWatch): Error | undefined {
    const { status = 200, isTooLong } = response;
    if (isTooLong && (status < 200 || status > 299)) return this.createError("internal", notJson(status));
    const problem = response.problem(this.#contentType);
    return problem === undefined ? undefined : this.createError("dataloss", problem);
  }

  inspect(error: unknown): WireFailure {
    return readError(error, this.#responses?.get(error));
  }

  createError(code: TwirpCode, message: string, cause?: unknown): Error {
    // The spelling of protobuf-ts's own transport.
    const error = new RpcError(message, code === "canceled" ? "cancelled" : code);
    error.serviceName = this.service;
    error.methodName = this.method;
    if (cause !== undefined) error.cause = cause;
    return error;
  }

  /** The call that the user gets at once, before anything in it is known. */
  resultOf(winner: Promise<Answered>): UnaryCall {
    const headers = winner.then(
      ({ call }) => call.headers,
      (error) => this.#responses?.get(error)?.headers ?? Promise.reject(error),
    );
    const response = winner.then(({ call }) => call.response);
    const status = winner.then(({ call }) => call.status);
    const trailers = winner.then(({ call }) => call.trailers);
    // A user who awaits one of them must not get the others as unhandled rejections.
    for (const promise of [headers, response, status, trailers]) promise.catch(ignore);
    return new UnaryCall(this.info, this.options.meta ?? {}, this.input, headers, response, status, trailers);
  }
}

/** @throws InvalidOptionError below another interceptor of ours, whose attempt then fails before anything is sent. */
function checkOutermost(options: RpcOptions & { [ATTEMPT_OF]?: unknown }, failover: Failover): void {
  const outer = options[ATTEMPT_OF];
  if (outer === undefined) return;
  const which = outer === failover ? "the same Failover" : "different Failovers";
  const problem =
    `there are two failoverInterceptors, one below the other, with ${which}; ` +
    "leave one, and look for the other in the interceptors of the transport and of the call";
  throw new InvalidOptionError("interceptors", "(not shown)", problem);
}

/** Adds the headers that are missing. Header names match in any case. */
function withHeaders(meta: RpcMetadata, headers: Readonly<Record<string, string>>): RpcMetadata {
  for (const [name, value] of Object.entries(headers)) {
    const given = Object.keys(meta).some((key) => key.toLowerCase() === name.toLowerCase());
    if (!given) meta[name] = value;
  }
  return meta;
}

function ignore(): void {}

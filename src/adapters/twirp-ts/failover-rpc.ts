import type { RpcCall } from "../../call/rpc-call.js";
import type { Failover } from "../../failover.js";
import { adapterCall, type CallInfo } from "../../http/adapter-call.js";
import { httpCall } from "../../http/http-call.js";
import { type ContentType, type HttpOptions, TwirpHttp } from "../../http/twirp-http.js";
import { checkKeys, checkObject } from "../../support/checks.js";
import { InvalidOptionError, mustBe } from "../../support/errors.js";
import { checkHeaders, type HeadersSource } from "../../support/headers.js";
import { type CallOptions, type CallSettings, mergeCallOptions } from "./call-options.js";
import { checkTakes, IS_FAILOVER_RPC, ownRpc, type Rpc, type RpcFactory } from "./own-rpc.js";
import { readTwirpError, toTwirpError } from "./twirp-error.js";

const FETCH_OPTIONS = ["headers", "fetch", "maxResponseBytes", "proofOfSending"];

/** The options of `failoverRpc`. One that is `undefined` counts as left out. */
export interface FailoverRpcOptions extends HttpOptions {
  /** Headers of every attempt. A function is called for each, so that a token can be renewed. */
  headers?: HeadersSource | undefined;
  /**
   * Makes an `Rpc` of your own for each attempt. It makes the requests then, so the other options cannot be given with it.
   * Nothing can be observed of its requests; docs/adapters.md says what that costs.
   */
  rpc?: RpcFactory | undefined;
}

/** An `Rpc` whose calls fail over. */
export interface FailoverRpc extends Rpc {
  /**
   * Makes another `Rpc` like this one, with these options for each of its calls. They take precedence over earlier ones.
   *
   * ```ts
   * const room = await new RoomServiceClientProtobuf(rpc.with({ timeoutMs: 1_500 })).GetRoom({ name: "lobby" });
   * ```
   *
   * @throws InvalidOptionError
   */
  with(options: CallOptions): FailoverRpc;
}

/**
 * Makes the `Rpc` for generated clients. One `Failover` may serve any number of them, and one `Rpc` any number of clients.
 *
 * @throws InvalidOptionError
 */
export function failoverRpc(failover: Failover, options: FailoverRpcOptions = {}): FailoverRpc {
  if (typeof failover?.run !== "function") {
    throw mustBe("failoverRpc's argument", "what createFailover() returned", failover);
  }
  const { rpc, headers, ...http } = checkOptions(options);
  const callOf = rpc === undefined ? byFetch(new TwirpHttp(http)) : byRpc(rpc);
  const bind = (settings: CallSettings): FailoverRpc & { [IS_FAILOVER_RPC]: true } => ({
    [IS_FAILOVER_RPC]: true,
    request: async (service, method, contentType, data) =>
      failover.run(callOf({ ...settings, service, method }, contentType, data)),
    with(given) {
      const merged = mergeCallOptions(settings, given);
      if (rpc !== undefined) checkTakes(rpc, merged.headers);
      return bind(merged);
    },
  });
  return bind({ headers: headers === undefined ? [] : [checkHeaders("headers", headers)] });
}

function checkOptions(options: FailoverRpcOptions): FailoverRpcOptions {
  const { rpc } = checkObject("failoverRpc's options", options);
  if (rpc === undefined) checkKeys("failoverRpc()", options, [...FETCH_OPTIONS, "rpc"]);
  else if (typeof rpc !== "function") throw mustBe("rpc", "a function that returns an Rpc", rpc);
  else checkOnlyRpc(options);
  return options;
}

/** Options of `fetch` would do nothing where the user's own `Rpc` makes the requests. */
function checkOnlyRpc(options: FailoverRpcOptions): void {
  const useless = Object.keys(options).find((name) => FETCH_OPTIONS.includes(name));
  if (useless !== undefined) {
    const problem = `failoverRpc() takes either rpc or ${useless}, not both, because rpc makes the requests itself`;
    throw new InvalidOptionError(`failoverRpc().${useless}`, "(not shown)", problem);
  }
  checkKeys("failoverRpc()", options, ["rpc"]);
}

type CallOf = (info: CallInfo, contentType: ContentType, data: object | Uint8Array) => RpcCall<object | Uint8Array>;

function byFetch(http: TwirpHttp): CallOf {
  return (info, contentType, data) => {
    const json = contentType === "application/json";
    const body = json ? JSON.stringify(data) : (data as Uint8Array);
    const read = json ? readJson : (bytes: Uint8Array) => bytes;
    return httpCall<object>(http, { ...info, contentType, body, read, toError: toTwirpError });
  };
}

function byRpc(factory: RpcFactory): CallOf {
  return (info, contentType, data) =>
    adapterCall(info, {
      transmit: (attempt, headers) =>
        ownRpc(factory, attempt, headers).request(info.service, info.method, contentType, data),
      inspect: readTwirpError,
      toError: toTwirpError,
    });
}

function readJson(bytes: Uint8Array): object {
  const json: unknown = JSON.parse(new TextDecoder().decode(bytes));
  // Every message is an object, except a few of Google's own that no method answers with.
  if (typeof json !== "object" || json === null || Array.isArray(json)) throw new TypeError("it is not a JSON object");
  return json;
}

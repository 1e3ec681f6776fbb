/**
 * Puts clients of `livekit-server-sdk` on a `Failover`. Each of them holds an object in `rpc` with one method,
 * `request`, which has the SDK's own loop over regions in it; that object is replaced.
 */
import * as importedSdk from "livekit-server-sdk";
import type { Failover } from "../../failover.js";
import { type HttpOptions, TwirpHttp } from "../../http/twirp-http.js";
import { checkKeys, checkObject, parseUrl, redact } from "../../support/checks.js";
import { systemClock } from "../../support/clock.js";
import { mustBe } from "../../support/errors.js";
import { type LivekitTransport, livekitCall } from "./call.js";
import type { ServerErrorClass } from "./server-error.js";
import { timeoutMs } from "./timeout.js";

/** The header for the one random id that all attempts of a call share. */
export const REQUEST_ID_HEADER = "X-Livekit-Request-Id";

/** As much of `livekit-server-sdk` as has to be known. */
export interface LivekitSdk {
  readonly ServerError: ServerErrorClass;
  readonly RoomServiceClient: abstract new (...args: never[]) => object;
}

export interface AttachOptions extends HttpOptions {
  /**
   * The copy of `livekit-server-sdk` that the client is of: `require("livekit-server-sdk")` where it was loaded in
   * that way, since Node keeps that copy apart from the one for `import`. Errors are of its `ServerError`.
   *
   * @default what `import "livekit-server-sdk"` gives
   */
  sdk?: LivekitSdk;
}

/** The SDK's `TwirpRpc`, as much of it as is used. */
interface SdkRpc {
  readonly host: string;
  readonly pkg: string;
  /** In seconds; 0 for no limit. */
  readonly requestTimeout: number;
  request(...args: never[]): Promise<unknown>;
}

interface SdkClient {
  rpc: SdkRpc | FailoverRpc;
}

const WHAT = "attachFailover's client";

/**
 * Has all calls of a client run by `failover` instead of by the SDK's own loop: one of `RoomServiceClient`,
 * `EgressClient`, `IngressClient`, `SipClient`, `AgentDispatchClient` and `ConnectorClient`, or a `LiveKitAPI` with all
 * of them. Attached again, a client goes over to the newer `Failover`. One that is refused is left as it was.
 *
 * ```ts
 * const rooms = attachFailover(new RoomServiceClient(url, apiKey, secret), failover);
 * ```
 *
 * @returns the client.
 * @throws InvalidOptionError for what is no such client, and for one whose host is no region of `failover`: its tokens
 * would go to hosts that are not theirs.
 */
export function attachFailover<Client extends object>(
  client: Client,
  failover: Failover,
  options: AttachOptions = {},
): Client {
  if (typeof failover?.run !== "function") {
    throw mustBe("attachFailover's failover", "what livekitFailover() returned", failover);
  }
  checkKeys("attachFailover()", checkObject("attachFailover's options", options), [
    "sdk",
    "fetch",
    "maxResponseBytes",
    "proofOfSending",
  ]);
  const { sdk = importedSdk, ...http } = options;
  // Versions before 2.17 have neither the class nor the loop that is replaced.
  if (typeof sdk?.ServerError !== "function") {
    throw mustBe("attachFailover's sdk", "livekit-server-sdk 2.17 or later", sdk);
  }
  const transport = { http: new TwirpHttp(http), ServerError: sdk.ServerError };
  const rpcs = clientsOf(client).map((found) => {
    const original = found.rpc instanceof FailoverRpc ? found.rpc.original : found.rpc;
    checkCopy(found, sdk);
    checkWritable(found);
    checkHost(original.host, failover);
    return { found, rpc: new FailoverRpc(original, failover, transport) };
  });
  // Only now, when nothing can be refused any more.
  for (const { found, rpc } of rpcs) found.rpc = rpc;
  return client;
}

/** What stands in a client's `rpc` instead of the SDK's own. */
class FailoverRpc {
  constructor(
    readonly original: SdkRpc,
    private readonly failover: Failover,
    private readonly transport: LivekitTransport,
  ) {}

  /** @param timeout in seconds, where the SDK's method knows better than the client's `requestTimeout`. */
  async request(
    service: string,
    method: string,
    data: unknown,
    headers: Record<string, string>,
    timeout?: number,
  ): Promise<unknown> {
    const { pkg, requestTimeout } = this.original;
    const info = {
      service: `${pkg}.${service}`,
      method,
      headers: [headers, { [REQUEST_ID_HEADER]: systemClock.uuid() }],
      timeout: timeoutMs({ method, request: data, asked: timeout, requestTimeout }),
    };
    return this.failover.run(livekitCall(this.transport, info, data));
  }
}

function clientsOf(client: unknown): SdkClient[] {
  if (isClient(client)) return [client];
  const members: unknown[] = typeof client === "object" && client !== null ? Object.values(client) : [];
  if (members.length > 0 && members.every(isClient)) return members;
  throw mustBe(WHAT, "a client of livekit-server-sdk: a RoomServiceClient, a LiveKitAPI …", client);
}

function isClient(value: unknown): value is SdkClient {
  const { rpc } = (value ?? {}) as { rpc?: Partial<SdkRpc> | FailoverRpc | null };
  if (rpc instanceof FailoverRpc) return true;
  if (typeof rpc !== "object" || rpc === null || typeof rpc.request !== "function") return false;
  return typeof rpc.host === "string" && typeof rpc.pkg === "string" && typeof rpc.requestTimeout === "number";
}

/** A client of another copy would get errors that its `instanceof ServerError` does not know. */
function checkCopy(client: SdkClient, sdk: LivekitSdk): void {
  // What all clients extend. The SDK does not export it.
  const Base = Object.getPrototypeOf(sdk.RoomServiceClient);
  if (typeof Base === "function" && client instanceof Base) return;
  const hint = '; for clients that come from require(), pass { sdk: require("livekit-server-sdk") }';
  throw mustBe(WHAT, "of the same copy of livekit-server-sdk as options.sdk", client, hint);
}

function checkWritable(client: SdkClient): void {
  if (Object.getOwnPropertyDescriptor(client, "rpc")?.writable !== false) return;
  throw mustBe(WHAT, "one that is not frozen, for its rpc is replaced", client);
}

function checkHost(host: string, failover: Failover): void {
  const origins = failover.regions().map(({ url }) => new URL(url).origin);
  const own = parseUrl(host);
  if (own !== undefined && origins.includes(own.origin)) return;
  const hosts = origins.map((origin) => new URL(origin).host).join(", ");
  const regions = `one of the failover's regions${hosts && ` (${hosts})`}`;
  const hint = hosts === "" ? "; the Failover knows no region yet; await failover.ready() first" : "";
  throw mustBe(`${WHAT}'s host`, regions, own?.host ?? redact(host), hint);
}

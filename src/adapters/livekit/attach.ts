/**
 * Puts clients of `livekit-server-sdk` on a `Failover`. Each of them has an object `rpc` with one method, `request`, which
 * contains the SDK's own loop over regions. That object is replaced.
 */
import * as importedSdk from "livekit-server-sdk";
import type { Failover } from "../../failover.js";
import { type HttpOptions, TwirpHttp } from "../../http/twirp-http.js";
import { checkKeys, checkObject, parseUrl, redact } from "../../support/checks.js";
import { systemClock } from "../../support/clock.js";
import { mustBe } from "../../support/errors.js";
import { type LivekitTransport, livekitCall } from "./call.js";
import { livekitMethods } from "./policies.js";
import type { ServerErrorClass } from "./server-error.js";
import { timeoutMs } from "./timeout.js";

/** The header for the random id that all attempts of a call share. */
export const REQUEST_ID_HEADER = "X-Livekit-Request-Id";

/** The part of `livekit-server-sdk` that has to be known. */
export interface LivekitSdk {
  /** The SDK's class for what a server said. */
  readonly ServerError: ServerErrorClass;
  /** Any of the SDK's client classes, all of which extend one base class. */
  readonly RoomServiceClient: abstract new (
    ...args: never[]
  ) => object;
}

/** The options of `attachFailover`. One that is `undefined` counts as left out. */
export interface AttachOptions extends HttpOptions {
  /**
   * The copy of `livekit-server-sdk` that the client belongs to: `require("livekit-server-sdk")` if it was loaded that way,
   * because Node keeps that copy apart from the one for `import`. Errors are instances of its `ServerError`.
   *
   * @default what `import "livekit-server-sdk"` gives
   */
  sdk?: LivekitSdk | undefined;
}

/** The part of the SDK's `TwirpRpc` that is used. */
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
 * Makes `failover` run all calls of a client, instead of the SDK's own loop. The client is a `RoomServiceClient`,
 * `EgressClient`, `IngressClient`, `SipClient`, `AgentDispatchClient` or `ConnectorClient`, or a `LiveKitAPI` with all of
 * them. A client that is attached again moves to the newer `Failover`. A client that is refused stays as it was.
 *
 * ```ts
 * const rooms = attachFailover(new RoomServiceClient(url, apiKey, secret), failover);
 * ```
 *
 * @returns the client.
 * @throws InvalidOptionError for anything else, and for a client whose host is not a region of `failover`, because its
 * tokens would go to hosts that they are not for.
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
  // Versions before 2.17 have neither this class nor the loop that is replaced.
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
  // Only after all checks, so that a refusal changes nothing.
  for (const { found, rpc } of rpcs) found.rpc = rpc;
  return client;
}

/** Replaces the SDK's own `rpc` of a client. */
class FailoverRpc {
  constructor(
    readonly original: SdkRpc,
    private readonly failover: Failover,
    private readonly transport: LivekitTransport,
  ) {}

  /** @param timeout in seconds, where the SDK's method overrides the client's `requestTimeout`. */
  async request(
    service: string,
    method: string,
    data: unknown,
    headers: Record<string, string>,
    timeout?: number,
  ): Promise<unknown> {
    const { pkg, requestTimeout } = this.original;
    const fullName = `${pkg}.${service}`;
    const info = {
      service: fullName,
      method,
      methods: livekitMethods(fullName),
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

/** A client of another copy of the SDK would get errors that fail its `instanceof ServerError`. */
function checkCopy(client: SdkClient, sdk: LivekitSdk): void {
  // The base class of all clients, which the SDK does not export.
  const Base = Object.getPrototypeOf(sdk.RoomServiceClient);
  if (typeof Base === "function" && client instanceof Base) return;
  const hint = '; for clients that come from require(), pass { sdk: require("livekit-server-sdk") }';
  throw mustBe(WHAT, "of the same copy of livekit-server-sdk as options.sdk", client, hint);
}

function checkWritable(client: SdkClient): void {
  if (Object.getOwnPropertyDescriptor(client, "rpc")?.writable !== false) return;
  throw mustBe(WHAT, "a client that is not frozen, because its rpc is replaced", client);
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

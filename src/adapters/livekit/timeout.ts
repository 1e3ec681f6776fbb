/** The time limit of a LiveKit client's call, where it is not the policy's. */

/** The SDK's default `requestTimeout`, in seconds. */
const SDK_TIMEOUT_S = 10;
/** How long a phone rings if the request does not say, in seconds. */
const RINGING_S = 30;
/** The SDK's margin for everything else that dialling takes, in seconds. */
const MARGIN_S = 2;

/** A time limit that outlasts the usual ringing, in milliseconds. */
export const RINGS_MS = (RINGING_S + MARGIN_S) * 1000;

/** Methods that may wait for somebody to answer the phone. `true`: only if the request says `waitUntilAnswered`. */
const RINGS: Readonly<Record<string, boolean>> = {
  CreateSIPParticipant: true,
  TransferSIPParticipant: false,
  DialWhatsAppCall: false,
  AcceptWhatsAppCall: true,
};

export interface TimeoutParts {
  readonly method: string;
  /** As it is sent: JSON in the names of the `.proto`. */
  readonly request: unknown;
  /** The limit that the SDK's method asks for, in seconds; 0 for none. */
  readonly asked: number | undefined;
  /** The client's limit, in seconds; 0 for none. */
  readonly requestTimeout: number;
}

/** The time limit in milliseconds; `undefined` if the policy's applies. */
export function timeoutMs({ method, request, asked, requestTimeout }: TimeoutParts): number | undefined {
  // Nobody asked for the SDK's default, so the policy's timeout applies instead.
  const seconds = asked ?? (requestTimeout === SDK_TIMEOUT_S ? undefined : requestTimeout);
  const leastMs = ringingMs(method, request);
  // The policy's own limit is not known here. Unless it was changed, it is `RINGS_MS`.
  if (seconds === undefined) return leastMs > RINGS_MS ? leastMs : undefined;
  return Math.max(leastMs, seconds * 1000 || Number.POSITIVE_INFINITY);
}

/**
 * The time that outlasts the ringing, by the SDK's rule; 0 for methods that wait for nobody. Giving up earlier would leave a
 * phone ringing whose call nobody can account for.
 */
function ringingMs(method: string, request: unknown): number {
  const needsFlag = RINGS[method];
  if (needsFlag === undefined) return 0;
  const { ringingTimeout, waitUntilAnswered } = (request ?? {}) as Record<string, unknown>;
  if (needsFlag && waitUntilAnswered !== true) return 0;
  // A duration in protobuf's JSON format.
  const named = /^(\d+(?:\.\d+)?)s$/.exec(String(ringingTimeout))?.[1];
  if (named !== undefined) return (Number(named) + MARGIN_S) * 1000;
  return waitUntilAnswered === true ? RINGS_MS : 0;
}

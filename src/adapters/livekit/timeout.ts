/** How long a call of a LiveKit client may take, where it is not the policy that says so. */

/** What the SDK takes when its user names no `requestTimeout`, in seconds. */
const SDK_TIMEOUT_S = 10;
/** For how long a phone rings when the request does not say, in seconds. */
const RINGING_S = 30;
/** For all else that it takes to dial; the SDK's own, in seconds. */
const MARGIN_S = 2;

/** What outlasts the usual ringing, in milliseconds. */
export const RINGS_MS = (RINGING_S + MARGIN_S) * 1000;

/** Methods whose answer may wait for somebody to answer. With `true`, only if the request says `waitUntilAnswered`. */
const RINGS: Readonly<Record<string, boolean>> = {
  CreateSIPParticipant: true,
  TransferSIPParticipant: false,
  DialWhatsAppCall: false,
  AcceptWhatsAppCall: true,
};

export interface TimeoutParts {
  readonly method: string;
  /** As it goes out: JSON in the names of the `.proto`. */
  readonly request: unknown;
  /** What the SDK's method asks for, in seconds; 0 for no limit. */
  readonly asked: number | undefined;
  /** The client's, in seconds; 0 for no limit. */
  readonly requestTimeout: number;
}

/** In milliseconds; `undefined` if the policy's holds. */
export function timeoutMs({ method, request, asked, requestTimeout }: TimeoutParts): number | undefined {
  // The SDK's default is nobody's wish, so the policy's timeout holds in its place.
  const seconds = asked ?? (requestTimeout === SDK_TIMEOUT_S ? undefined : requestTimeout);
  const leastMs = ringingMs(method, request);
  // The policy's own is at hand where calls are run, and not here: unless it was changed, it is this.
  if (seconds === undefined) return leastMs > RINGS_MS ? leastMs : undefined;
  return Math.max(leastMs, seconds * 1000 || Number.POSITIVE_INFINITY);
}

/**
 * What it takes to outlast the ringing, by the rule that the SDK has for phones alone; 0 for what waits for nobody. To
 * give up earlier would leave a call ringing whose fate nobody knows.
 */
function ringingMs(method: string, request: unknown): number {
  const needsFlag = RINGS[method];
  if (needsFlag === undefined) return 0;
  const { ringingTimeout, waitUntilAnswered } = (request ?? {}) as Record<string, unknown>;
  if (needsFlag && waitUntilAnswered !== true) return 0;
  // A duration, as protobuf's JSON spells it.
  const named = /^(\d+(?:\.\d+)?)s$/.exec(String(ringingTimeout))?.[1];
  if (named !== undefined) return (Number(named) + MARGIN_S) * 1000;
  return waitUntilAnswered === true ? RINGS_MS : 0;
}

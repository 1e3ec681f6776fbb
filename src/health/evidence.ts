/** What an attempt's outcome says about its region. */
import { type Outcome, PINNED } from "../outcome/outcome.js";
import type { TwirpCode } from "../outcome/twirp-code.js";

export interface Evidence {
  /**
   * - `success`: the region served the call.
   * - `unanswered`: no answer came (connection, timeout).
   * - `unconnected`: the attempt's time was over before it had a connection. That is `unanswered`, unless the region
   *   answered somebody meanwhile: then a pool of this side had none to spare, and it is `nothing`.
   * - `failure`: an answer that says the region is in trouble.
   * - `alive`: the service answered, but with an error that concerns the caller alone (`not_found`): the region is
   *   alive, and no more is known.
   * - `doubtful`: an answer that may be the region's fault or the method's; see `Permit.blame`.
   * - `nothing`: no information about the region, for example because the caller left.
   */
  readonly kind: "success" | "unanswered" | "unconnected" | "failure" | "alive" | "doubtful" | "nothing";
  /** The region asked not to be called for this many milliseconds (`Retry-After`). Always above 0. */
  readonly pushbackMs?: number;
}

const SUCCESS: Evidence = { kind: "success" };
const UNANSWERED: Evidence = { kind: "unanswered" };
const UNCONNECTED: Evidence = { kind: "unconnected" };
const FAILURE: Evidence = { kind: "failure" };
const ALIVE: Evidence = { kind: "alive" };
const DOUBTFUL: Evidence = { kind: "doubtful" };
const NOTHING: Evidence = { kind: "nothing" };

/** Codes that speak of the region, not of the method or the caller. A 429 and a 503 read as one of them. */
const LOAD: ReadonlySet<TwirpCode> = new Set(["unavailable", "resource_exhausted"]);

/** Codes that may come from a bug in one method. They count against the region only by `Permit.blame`. */
const DOUBTFUL_CODES: ReadonlySet<TwirpCode> = new Set(["internal", "unknown", "dataloss"]);

/** @param outcome of an attempt that failed; `undefined` for one that succeeded. */
export function evidenceOf(outcome: Outcome | undefined): Evidence {
  if (outcome === undefined) return SUCCESS;
  const { origin, code, execution, httpStatus, pushbackMs } = outcome;
  if (httpStatus === PINNED) return NOTHING; // The project is served elsewhere, and the region may be well.
  // A good answer that this side cannot decode is not the region's fault.
  if (origin === "client" && execution === "done") return SUCCESS;
  // A server that says when to come back has failed this call all the same.
  if (LOAD.has(code) && pushbackMs !== undefined && pushbackMs > 0) return { kind: "failure", pushbackMs };
  if (origin === "timeout" && execution === "none") return UNCONNECTED;
  if (origin === "transport" || origin === "timeout") return UNANSWERED;
  if (origin === "caller" || origin === "client") return NOTHING;
  if (LOAD.has(code)) return FAILURE;
  return origin === "service" && !DOUBTFUL_CODES.has(code) ? ALIVE : DOUBTFUL;
}

/** Whether this failure counts against its region only once the same call succeeds in another. */
export function isDoubtful({ origin, code, httpStatus }: Outcome): boolean {
  return httpStatus !== PINNED && (origin === "service" || origin === "intermediary") && DOUBTFUL_CODES.has(code);
}

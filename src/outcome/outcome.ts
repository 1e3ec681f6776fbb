/**
 * The result of an attempt. Every decision about a call rests on these facts, and they are derived only here.
 *
 * The fact that matters most is `execution`. A mutation may be sent again only if its handler did *not* run, so `none`
 * needs proof. An error's code proves nothing (the handler behind a 504 may have run); a refused connection does.
 */

import { show } from "../support/errors.js";
import { isUnsentCause } from "../support/platform-cause.js";
import { pushbackMs } from "./pushback.js";
import type { SendRecord } from "./transmission.js";
import { codeFromHttpStatus, parseTwirpCode, type TwirpCode } from "./twirp-code.js";
import type { WireFailure } from "./wire-failure.js";

/**
 * Who said that the attempt failed.
 *
 * - `service`: the Twirp server, with its own JSON error.
 * - `intermediary`: something in front of it, with an answer that is not Twirp's.
 * - `transport`: nobody; there was no answer, or it broke off.
 * - `timeout`: our own timer, for the attempt or for its connection.
 * - `caller`: the caller's abort, or the deadline of the call.
 * - `client`: this side, before anything could be sent (a message that cannot be encoded, a bad header), or with a good answer
 *   that it cannot decode.
 */
export type Origin = "service" | "intermediary" | "transport" | "timeout" | "caller" | "client";

/**
 * Whether the handler ran.
 *
 * - `none`: it did not, and that is proved or promised.
 * - `done`: it ran and chose this answer.
 * - `unknown`: everything else.
 */
export type Execution = "none" | "unknown" | "done";

/** HTTP 451: the project is pinned to other regions. It is sent in front of the service, so nothing has run. */
export const PINNED = 451;

/** The result of an attempt that failed. */
export interface Outcome {
  /** In the spelling of the Twirp specification. */
  readonly code: TwirpCode;
  /** Who said that the attempt failed. */
  readonly origin: Origin;
  /** Whether the handler ran. */
  readonly execution: Execution;
  /** The HTTP status, where it is known. */
  readonly httpStatus?: number;
  /** `execution` is `none` because the service said so, not because it was proved. */
  readonly promised?: true;
  /** The platform's name for what went wrong below HTTP, where it is known: `ECONNREFUSED`, `ENOTFOUND` … */
  readonly cause?: string;
  /** The service forbids a replay (Twirp meta `retryable: "false"`). */
  readonly forbidden?: true;
  /** The server asks not to be called in this region for this many milliseconds (`Retry-After`, or meta `retry_after`). */
  readonly pushbackMs?: number;
}

/** Why we ended an attempt, or a call before its first attempt, ourselves. */
export type Ending = "canceled" | "deadline" | "timeout" | "connect_timeout";

/** The outcome of an attempt that we ended. Unless its request was still being made, or was seen waiting for a
 * connection, the server may have run it. */
export function outcomeOfEnding(ending: Ending, transmission: SendRecord): Outcome {
  const execution = transmission.unsent || transmission.preparing ? "none" : "unknown";
  switch (ending) {
    case "canceled":
      return { code: "canceled", origin: "caller", execution };
    case "deadline":
      return { code: "deadline_exceeded", origin: "caller", execution };
    case "timeout":
      return { code: "deadline_exceeded", origin: transmission.preparing ? "client" : "timeout", execution };
    case "connect_timeout":
      return { code: "unavailable", origin: "timeout", execution };
  }
}

export interface Circumstances {
  readonly transmission: SendRecord;
  /** What was called: `pkg.Service/Method`. */
  readonly route: string;
  /** Codes that this method's service uses only before it runs anything. */
  readonly notExecutedCodes: ReadonlySet<TwirpCode>;
  /** The time now, for a `Retry-After` that names a date. */
  readonly dateMs: number;
  /** Called for everything that was ignored. */
  readonly warn: (message: string) => void;
}

/** The outcome of an attempt that failed by itself. */
export function outcomeOfFailure(failure: WireFailure, circumstances: Circumstances): Outcome {
  const outcome = read(failure, circumstances);
  // An answer is about the request that it answers, not about one that was sent before it.
  const isOfResend = circumstances.transmission.resent && outcome.origin !== "client";
  return isOfResend ? { ...outcome, execution: "unknown" } : outcome;
}

function read(failure: WireFailure, circumstances: Circumstances): Outcome {
  const { transmission } = circumstances;
  const seen = transmission.httpStatus;
  if (failure.kind === "undecodable") return undecodable(transmission);
  // After a good status the server has sent no error, whatever the text says.
  if (seen !== undefined && seen >= 200 && seen < 300) return broken(transmission);
  switch (failure.kind) {
    case "twirp":
      // If no server was seen to answer, none said so: an interceptor below made the error.
      if (transmission.observed && seen === undefined) return unanswered(undefined, transmission);
      return fromTwirp(failure, circumstances);
    case "http":
      // A service's own message may quote the transport's text about another status, one that would prove something.
      if (failure.status !== undefined && seen !== undefined && failure.status !== seen) {
        return fromTwirp({ ...failure, kind: "twirp", code: "internal" }, circumstances);
      }
      return {
        ...fromHttp(seen ?? failure.status, failure.retryAfter, circumstances, isForeign(failure, transmission)),
        ...(failure.relayed && { execution: "unknown" as const }),
      };
    case "broken":
      return broken(transmission);
    case "none":
      // There was an answer, and an interceptor below made something else of it. Whose it was can't be seen any more.
      if (seen !== undefined) return { ...fromHttp(seen, undefined, circumstances), execution: "unknown" };
      return unanswered(failure.cause, transmission);
    case "unsendable":
      return { code: "internal", origin: "client", execution: "none" };
  }
}

/** The handler ran, and another region would answer the same. */
function undecodable(transmission: SendRecord): Outcome {
  const { httpStatus, cause } = transmission;
  // Something went wrong after the answer began, so its body broke off.
  if (cause !== undefined) return broken(transmission);
  return { code: "internal", origin: "client", execution: "done", ...(httpStatus !== undefined && { httpStatus }) };
}

function broken({ httpStatus, cause }: SendRecord): Outcome {
  return {
    code: "dataloss",
    origin: "transport",
    execution: "unknown",
    ...(httpStatus !== undefined && { httpStatus }),
    ...(cause !== undefined && { cause }),
  };
}

function unanswered(named: string | undefined, transmission: SendRecord): Outcome {
  const cause = transmission.cause ?? named;
  // An error's own word counts only where nothing better is known: not for a request that was seen to start, nor for one
  // that may have been sent before by something that does not let itself be watched.
  const proved = transmission.unsent || (transmission.wordCounts && isUnsentCause(cause));
  return {
    code: "unavailable",
    origin: "transport",
    execution: proved ? "none" : "unknown",
    ...(cause !== undefined && { cause }),
  };
}

function fromTwirp(failure: WireFailure & { kind: "twirp" }, circumstances: Circumstances): Outcome {
  const { transmission, notExecutedCodes } = circumstances;
  const httpStatus = transmission.httpStatus;
  // No Twirp server answers with this status, whatever else the answer says.
  if (httpStatus === PINNED) return fromHttp(httpStatus, failure.retryAfter, circumstances);
  const code = parseTwirpCode(failure.code);
  // JSON with a `code` that is not Twirp's is probably a gateway's, but a server with codes of its own writes the same,
  // so its 404 proves nothing.
  if (code === undefined) return { ...fromHttp(httpStatus, failure.retryAfter, circumstances), execution: "unknown" };

  const meta = failure.meta ?? {};
  const facts = {
    code,
    origin: "service" as const,
    ...(httpStatus !== undefined && { httpStatus }),
    ...pushback(typeof meta.retry_after === "string" ? meta.retry_after : failure.retryAfter, circumstances),
  };
  // `retryable` is the convention of Twirp's own documentation on errors and retries.
  const forbidden = meta.retryable === "false" && { forbidden: true as const };
  // A handler that returns the error of a service it called has run, and the error is not its own service's word.
  const relayed = meta.http_error_from_intermediary !== undefined;
  const unrouted = code === "bad_route" && !relayed && namesRoute(meta.twirp_invalid_route, circumstances.route);
  if (unrouted) return { ...facts, execution: "none", ...forbidden };
  const promised = meta.retryable === "true" || (!relayed && notExecutedCodes.has(code));
  if (promised && !forbidden) return { ...facts, execution: "none", promised: true };
  return { ...facts, execution: AMBIGUOUS.has(code) ? "unknown" : "done", ...forbidden };
}

/**
 * Whether a `bad_route` is about this call. Twirp servers name the route that they do not have ("POST
 * /twirp/pkg.Service/Method"); one of another service was passed on by a handler. Clients spell a method in the URL in
 * their own way (`get_room` as `GetRoom`), and proxies may change the prefix.
 */
function namesRoute(named: unknown, route: string): boolean {
  const spelt = (text: string) => text.replaceAll("_", "").toLowerCase();
  return typeof named === "string" && spelt(named).endsWith(`/${spelt(route)}`);
}

/** Codes that a handler, its framework or its host may all have produced, before, during or after the work. */
const AMBIGUOUS: ReadonlySet<TwirpCode> = new Set([
  "internal",
  "unknown",
  "unavailable",
  "dataloss",
  "deadline_exceeded",
  "resource_exhausted",
  "bad_route",
]);

/** Whether the answer is certainly not the service's own: half of a Twirp error, or an error in another form. */
function isForeign(
  failure: WireFailure & { kind: "http" },
  { cause, httpStatus, contentType = "" }: SendRecord,
): boolean {
  // Something went wrong after the answer began, so its body broke off.
  if (failure.broken || failure.otherJson || cause !== undefined) return false;
  // With complete framing only its type tells, and where nothing is observed not even that is known.
  return !failure.unreadable || (httpStatus !== undefined && !/\bjson\b/i.test(contentType));
}

function fromHttp(
  status: number | undefined,
  retryAfter: string | undefined,
  circumstances: Circumstances,
  foreign = true,
): Outcome {
  // The transport did not say which status it was; `internal` is the code that it reported.
  if (status === undefined) return { code: "internal", origin: "intermediary", execution: "unknown" };
  return {
    code: codeFromHttpStatus(status),
    origin: "intermediary",
    execution: executionBehind(status, foreign),
    httpStatus: status,
    ...pushback(retryAfter, circumstances),
  };
}

/**
 * 429: a rate limiter turned the request away. 451: the project is pinned to other regions. Not 404: many proxies put a
 * page of their own in place of any 404, a handler's `not_found` included.
 */
function executionBehind(status: number, foreign: boolean): Execution {
  // Twirp has a 429 of its own, so one that may be the handler's proves nothing.
  return status === PINNED || (status === 429 && foreign) ? "none" : "unknown";
}

function pushback(retryAfter: string | undefined, { dateMs, warn }: Circumstances): { pushbackMs?: number } {
  if (retryAfter === undefined) return {};
  const ms = pushbackMs(retryAfter, dateMs);
  if (ms !== undefined) return { pushbackMs: ms };
  warn(`a server asked to be left alone for ${show(retryAfter)}, which cannot be read`);
  return {};
}

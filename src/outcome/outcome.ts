/**
 * What an attempt came to. Everything the engine decides, it decides on these facts, and this is the only
 * place that derives them.
 *
 * The fact that matters most is `execution`. A mutation may be sent again only if the handler did *not* run,
 * so `none` needs proof: an error's code is none (a 504 may have run), a refused connection is.
 */

import { show } from "../support/errors.js";
import { pushbackMs } from "./pushback.js";
import type { Transmission } from "./transmission.js";
import { codeFromHttpStatus, parseTwirpCode, type TwirpCode } from "./twirp-code.js";
import type { Answer } from "./wire-failure.js";

/**
 * Who said that the attempt failed.
 *
 * - `service`: the Twirp server, with its own JSON error.
 * - `intermediary`: something in front of it, with an answer that is not Twirp's.
 * - `transport`: nobody; there was no answer, or it broke off.
 * - `timeout`: our own timer, for the attempt or for its connection.
 * - `caller`: the caller's abort, or the deadline of the call.
 * - `client`: this side, before anything could be sent (a message that cannot be encoded, a bad header).
 */
export type Origin = "service" | "intermediary" | "transport" | "timeout" | "caller" | "client";

/** Did the handler run? `none` only with proof, `done` when the handler itself chose the answer. */
export type Execution = "none" | "unknown" | "done";

/** HTTP 451: the project is pinned to other regions. Sent in front of the service, so that nothing has run. */
export const PINNED = 451;

export interface Outcome {
  /** Normalised to the spelling of the Twirp specification. */
  readonly code: TwirpCode;
  readonly origin: Origin;
  readonly execution: Execution;
  /** Where it is known. */
  readonly httpStatus?: number;
  /** `execution` is `none` because the service said so, not because it was proved. */
  readonly promised?: true;
  /** The platform's name for what went wrong below HTTP, where it is known: `ECONNREFUSED`, `ENOTFOUND` … */
  readonly cause?: string;
  /** The service forbids a replay (Twirp meta `retryable: "false"`). */
  readonly final?: true;
  /** The server asks for this many milliseconds of peace in this region (`Retry-After`, or meta `retry_after`). */
  readonly pushbackMs?: number;
}

/** Why we ended an attempt ourselves, before its answer. */
export type Ending = "canceled" | "deadline" | "timeout" | "connect_timeout";

/** An attempt that we ended. Unless it was seen to wait for its connection, the server may have run it. */
export function outcomeOfEnding(ending: Ending, transmission: Transmission): Outcome {
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
  readonly transmission: Transmission;
  /** Codes that this method's service uses only before it runs anything. */
  readonly notExecutedCodes: ReadonlySet<TwirpCode>;
  /** The time now, for a `Retry-After` that names a date. */
  readonly dateMs: number;
  /** Told of what was ignored. */
  readonly warn: (message: string) => void;
}

/** An attempt that failed by itself. */
export function outcomeOfAnswer(answer: Answer, circumstances: Circumstances): Outcome {
  const outcome = read(answer, circumstances);
  // An answer speaks of the request that it answers, and not of one that was sent before it.
  const ofAnother = circumstances.transmission.resent && answer.kind !== "unsendable";
  return ofAnother ? { ...outcome, execution: "unknown" } : outcome;
}

function read(answer: Answer, circumstances: Circumstances): Outcome {
  const { transmission } = circumstances;
  const seen = transmission.httpStatus;
  // After a good status there is no error to be had from a server, whatever the text says.
  const isGood = seen !== undefined && seen >= 200 && seen < 300;
  // But one other than 200 may be an intermediary's, and known to be.
  if (isGood && !(answer.kind === "http" && answer.status === seen)) return broken(transmission);
  switch (answer.kind) {
    case "twirp":
      // No server said so if none has answered: an interceptor below made the error.
      if (transmission.observed && seen === undefined) return unanswered(undefined, transmission);
      return fromTwirp(answer, circumstances);
    case "http":
      // A service's own message may quote the transport's text about another status, one that would be a proof.
      if (answer.status !== undefined && seen !== undefined && answer.status !== seen) {
        return fromTwirp({ ...answer, kind: "twirp", code: "internal" }, circumstances);
      }
      return {
        ...fromHttp(seen ?? answer.status, answer.retryAfter, circumstances, isWhole(answer, transmission)),
        ...(answer.relayed && { execution: "unknown" as const }),
      };
    case "broken":
      return broken(transmission);
    case "none":
      // There was an answer, and an interceptor below made something else of it. Whose it was can't be seen any more.
      if (seen !== undefined) return { ...fromHttp(seen, undefined, circumstances), execution: "unknown" };
      return unanswered(answer.cause, transmission);
    case "unsendable":
      return { code: "internal", origin: "client", execution: "none" };
  }
}

function broken({ httpStatus, cause }: Transmission): Outcome {
  return {
    code: "dataloss",
    origin: "transport",
    execution: "unknown",
    ...(httpStatus !== undefined && { httpStatus }),
    ...(cause !== undefined && { cause }),
  };
}

function unanswered(named: string | undefined, transmission: Transmission): Outcome {
  const cause = transmission.cause ?? named;
  // An error's own word counts only where nobody watched: with a request that was seen to start, it is no proof.
  const proved = transmission.unsent || (!transmission.observed && UNSENT_CAUSES.has(cause ?? ""));
  return {
    code: "unavailable",
    origin: "transport",
    execution: proved ? "none" : "unknown",
    ...(cause !== undefined && { cause }),
  };
}

/** What happens only before a connection stands; Node's names, and Bun's. */
const UNSENT_CAUSES: ReadonlySet<string> = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "ConnectionRefused"]);

function fromTwirp(answer: Answer & { kind: "twirp" }, circumstances: Circumstances): Outcome {
  const { transmission, notExecutedCodes } = circumstances;
  const httpStatus = transmission.httpStatus;
  // No Twirp server answers with it, whatever else the answer says.
  if (httpStatus === PINNED) return fromHttp(httpStatus, answer.retryAfter, circumstances);
  const code = parseTwirpCode(answer.code);
  // JSON with a `code` that is no Twirp code was probably written by a gateway, but a server with codes of its own
  // writes the same: its 404 proves nothing.
  if (code === undefined) return { ...fromHttp(httpStatus, answer.retryAfter, circumstances), execution: "unknown" };

  const meta = answer.meta ?? {};
  const facts = {
    code,
    origin: "service" as const,
    ...(httpStatus !== undefined && { httpStatus }),
    ...pushback(typeof meta.retry_after === "string" ? meta.retry_after : answer.retryAfter, circumstances),
  };
  // `retryable` is the convention of Twirp's own documentation on errors and retries.
  const forbidden = meta.retryable === "false" && { final: true as const };
  if (code === "bad_route") return { ...facts, execution: "none", ...forbidden };
  const promised = meta.retryable === "true" || notExecutedCodes.has(code);
  if (promised && !forbidden) return { ...facts, execution: "none", promised: true };
  return { ...facts, execution: AMBIGUOUS.has(code) ? "unknown" : "done", ...forbidden };
}

/** Codes that a handler, its framework or its host may all have produced, before, during or after the work. */
const AMBIGUOUS: ReadonlySet<TwirpCode> = new Set([
  "internal",
  "unknown",
  "unavailable",
  "dataloss",
  "deadline_exceeded",
  "resource_exhausted",
]);

/** Is it certain that the answer is not half of a Twirp error? */
function isWhole(answer: Answer & { kind: "http" }, { cause, httpStatus, contentType = "" }: Transmission): boolean {
  // A cause after the answer began: its body broke off.
  if (answer.broken || cause !== undefined) return false;
  // With complete framing, only its type tells; where nothing can be watched, not even that.
  return !answer.unreadable || (httpStatus !== undefined && !/\bjson\b/i.test(contentType));
}

function fromHttp(
  status: number | undefined,
  retryAfter: string | undefined,
  circumstances: Circumstances,
  whole = true,
): Outcome {
  // The transport could not say which status it was: `internal` is what it reported.
  if (status === undefined) return { code: "internal", origin: "intermediary", execution: "unknown" };
  return {
    code: codeFromHttpStatus(status),
    origin: "intermediary",
    execution: executionBehind(status, whole),
    httpStatus: status,
    ...pushback(retryAfter, circumstances),
  };
}

/**
 * 429: a rate limiter turned the request away; 451: the project is pinned to other regions. Not 404: proxies are
 * often set up to put their own page in the place of any 404, that of a handler's `not_found` included.
 */
function executionBehind(status: number, whole: boolean): Execution {
  // Twirp has a 429 of its own.
  return status === PINNED || (status === 429 && whole) ? "none" : "unknown";
}

function pushback(retryAfter: string | undefined, { dateMs, warn }: Circumstances): { pushbackMs?: number } {
  if (retryAfter === undefined) return {};
  const ms = pushbackMs(retryAfter, dateMs);
  if (ms !== undefined) return { pushbackMs: ms };
  warn(`a server asked to be left alone for ${show(retryAfter)}, which cannot be read`);
  return {};
}

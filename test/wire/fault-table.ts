/** Everything that can go wrong at home, and what must follow from it. */
import type { Outcome } from "twirp-failover";
import { httpStatusFromErrorCode, type TwirpErrorCode } from "twirp-ts";
import type { Format, Library } from "../support/clients.js";
import * as faults from "../support/faults.js";
import { HANDLER_CODES } from "../support/handler-codes.js";
import type { Fault } from "../support/region.js";

/**
 * Which methods may be sent again: `all` if it is proved that nothing ran, `idempotent` if the handler may
 * have run, `none` if the handler chose its answer or the code is not retryable.
 */
export type Replayed = "all" | "idempotent" | "none";

export interface FaultRow {
  readonly name: string;
  readonly fault: Fault;
  /** How often the handler runs at home. */
  readonly executed: 0 | 1;
  readonly outcome: Outcome;
  /** The code that the caller sees, if it differs from the usual one for such an outcome. */
  readonly codes?: { readonly [Name in Library["name"]]?: Readonly<Record<Format, string>> };
  readonly replayed: Replayed;
}

/** protobuf-ts passes a code on unchanged. */
const asWritten = (code: string) => ({ codes: { "protobuf-ts": { binary: code, JSON: code } } });

type Typed = Parameters<typeof faults.handlerError>[0];

/** An error that the service's handler returned. */
function typed(code: Typed, execution: "unknown" | "done", replayed: Replayed): FaultRow {
  const spelled = code === "data_loss" ? "dataloss" : code;
  return {
    name: `Twirp error ${code}`,
    fault: faults.handlerError(code),
    executed: 1,
    outcome: {
      code: spelled,
      origin: "service",
      execution,
      httpStatus: httpStatusFromErrorCode(code as TwirpErrorCode),
    },
    replayed,
    ...asWritten(code),
  };
}

/** An answer from a proxy in front of the service. */
function byProxy(name: string, fault: Fault, outcome: Omit<Outcome, "origin">, replayed: Replayed): FaultRow {
  return { name, fault, executed: 0, outcome: { origin: "intermediary", ...outcome }, replayed };
}

export const TWIRP_ERRORS: readonly FaultRow[] = [
  ...HANDLER_CODES.map((code) => typed(code, "done", "none")),
  typed("unavailable", "unknown", "idempotent"),
  typed("internal", "unknown", "idempotent"),
  typed("unknown", "unknown", "idempotent"),
  typed("data_loss", "unknown", "idempotent"),
  typed("deadline_exceeded", "unknown", "none"),
  typed("resource_exhausted", "unknown", "none"),
  {
    name: "Twirp error bad_route",
    fault: faults.noRoute,
    executed: 0,
    outcome: { code: "bad_route", origin: "service", execution: "none", httpStatus: 404 },
    replayed: "all",
  },
  {
    // By its own handler, which may have it from another service.
    name: "Twirp error bad_route that names no route",
    fault: faults.handlerError("bad_route"),
    executed: 1,
    outcome: { code: "bad_route", origin: "service", execution: "unknown", httpStatus: 404 },
    replayed: "idempotent",
  },
  {
    name: "Twirp error unavailable that promises to be retryable",
    fault: faults.json(503, { code: "unavailable", msg: "draining", meta: { retryable: "true" } }),
    executed: 0,
    outcome: { code: "unavailable", origin: "service", execution: "none", httpStatus: 503, promised: true },
    replayed: "all",
  },
  {
    name: "Twirp error unavailable that forbids a replay",
    fault: faults.handlerError("unavailable", { retryable: "false" }),
    executed: 1,
    outcome: { code: "unavailable", origin: "service", execution: "unknown", httpStatus: 503, forbidden: true },
    replayed: "none",
  },
  {
    name: "Twirp error resource_exhausted with Retry-After",
    fault: faults.json(429, { code: "resource_exhausted", msg: "slow down" }, { "retry-after": "7" }),
    executed: 0,
    outcome: {
      code: "resource_exhausted",
      origin: "service",
      execution: "unknown",
      httpStatus: 429,
      pushbackMs: 7_000,
    },
    replayed: "none",
  },
  {
    name: "Twirp error in Go's spelling",
    fault: faults.json(500, { code: "dataloss", msg: "gone" }),
    executed: 0,
    outcome: { code: "dataloss", origin: "service", execution: "unknown", httpStatus: 500 },
    replayed: "idempotent",
  },
];

export const PROXY_ANSWERS: readonly FaultRow[] = [
  byProxy("HTML 502", faults.html(502), { code: "unavailable", execution: "unknown", httpStatus: 502 }, "idempotent"),
  byProxy("empty 503", faults.http(503), { code: "unavailable", execution: "unknown", httpStatus: 503 }, "idempotent"),
  {
    ...byProxy(
      "504 although the handler ran",
      faults.ran(faults.html(504)),
      { code: "unavailable", execution: "unknown", httpStatus: 504 },
      "idempotent",
    ),
    executed: 1,
  },
  byProxy(
    "429 without Retry-After",
    faults.http(429),
    { code: "resource_exhausted", execution: "none", httpStatus: 429 },
    "all",
  ),
  byProxy(
    "429 with Retry-After",
    faults.http(429, { "retry-after": "9" }),
    { code: "resource_exhausted", execution: "none", httpStatus: 429, pushbackMs: 9_000 },
    "all",
  ),
  byProxy("451", faults.pinned, { code: "unknown", execution: "none", httpStatus: 451 }, "all"),
  byProxy("HTML 404", faults.html(404), { code: "bad_route", execution: "unknown", httpStatus: 404 }, "idempotent"),
  byProxy("HTML 403", faults.html(403), { code: "permission_denied", execution: "unknown", httpStatus: 403 }, "none"),
  byProxy(
    "302",
    faults.http(302, { location: "/elsewhere" }),
    { code: "internal", execution: "unknown", httpStatus: 302 },
    "none",
  ),
  byProxy(
    "307",
    faults.http(307, { location: "/elsewhere" }),
    { code: "internal", execution: "unknown", httpStatus: 307 },
    "none",
  ),
  byProxy("HTML 413", faults.html(413), { code: "unknown", execution: "unknown", httpStatus: 413 }, "none"),
  byProxy("HTML 408", faults.html(408), { code: "unknown", execution: "unknown", httpStatus: 408 }, "idempotent"),
  byProxy(
    "JSON that is not a Twirp error",
    faults.json(503, { message: "no healthy upstream" }),
    { code: "unavailable", execution: "unknown", httpStatus: 503 },
    "idempotent",
  ),
  {
    ...byProxy(
      "JSON with an unknown code",
      faults.json(503, { code: "quota", msg: "no more" }),
      { code: "unavailable", execution: "unknown", httpStatus: 503 },
      "idempotent",
    ),
    ...asWritten("quota"),
  },
  {
    // From a gateway or from the service itself: it must not be a proof, although a gateway's 429 would be.
    ...byProxy(
      "429 with JSON with an unknown code",
      faults.json(429, { code: "weird", msg: "no more" }),
      { code: "resource_exhausted", execution: "unknown", httpStatus: 429 },
      "none",
    ),
    ...asWritten("weird"),
  },
];

function unanswered(name: string, fault: Fault, executed: 0 | 1, cause: string): FaultRow {
  const outcome = { code: "unavailable", origin: "transport", execution: "unknown", cause } as const;
  return { name, fault, executed, outcome, replayed: "idempotent" };
}

/** A useless 200. Its known status proves that the server, or something in its place, was reached. */
function broken(name: string, fault: Fault, executed: 0 | 1, cause?: string): FaultRow {
  const outcome = { code: "dataloss", origin: "transport", execution: "unknown", httpStatus: 200 } as const;
  return { name, fault, executed, outcome: { ...outcome, ...(cause && { cause }) }, replayed: "idempotent" };
}

export const BROKEN_ANSWERS: readonly FaultRow[] = [
  unanswered("reset before execution", faults.resets, 0, "ECONNRESET"),
  unanswered("reset after execution", faults.ran(faults.resets), 1, "ECONNRESET"),
  unanswered("closed before execution", faults.hangsUp, 0, "UND_ERR_SOCKET"),
  unanswered("closed after execution", faults.ran(faults.hangsUp), 1, "UND_ERR_SOCKET"),
  broken("200 that breaks off", faults.truncates, 1, "UND_ERR_SOCKET"),
  {
    ...broken("200 with a page", faults.answersWithPage, 0),
    codes: { "protobuf-ts": { binary: "internal", JSON: "dataloss" } },
  },
];

/** The transport of protobuf-ts does not show the body, which may be a handler's error in another form. */
const limitedInJson = (execution: "none" | "unknown", replayed: Replayed): FaultRow =>
  byProxy(
    "429 with JSON that is not Twirp's",
    faults.json(429, { message: "API rate limit exceeded" }),
    { code: "resource_exhausted", execution, httpStatus: 429 },
    replayed,
  );

/** Answers that are faults for one library only, or different ones for each. */
export const OWN_FAULTS: Readonly<Record<Library["name"], readonly FaultRow[]>> = {
  "protobuf-ts": [
    // The transport cannot read them and fails with `internal`. The body is lost although it is valid.
    { ...broken("200 with two Set-Cookie headers", faults.setsTwoCookies, 1), ...asWritten("internal") },
    limitedInJson("unknown", "none"),
  ],
  "twirp-ts": [limitedInJson("none", "all")],
};

/**
 * The Twirp error codes in the spelling of the specification, and how an HTTP status reads if the answer did not come from
 * a Twirp server.
 *
 * @see https://twitchtv.github.io/twirp/docs/spec_v7.html
 */

/** The 18 codes of the Twirp specification. */
export const TWIRP_CODES = [
  "canceled",
  "unknown",
  "invalid_argument",
  "malformed",
  "deadline_exceeded",
  "not_found",
  "bad_route",
  "already_exists",
  "permission_denied",
  "unauthenticated",
  "resource_exhausted",
  "failed_precondition",
  "aborted",
  "out_of_range",
  "unimplemented",
  "internal",
  "unavailable",
  "dataloss",
] as const;

/** One of the 18 codes of the Twirp specification. */
export type TwirpCode = (typeof TWIRP_CODES)[number];

/**
 * A code as a user writes it. Editors complete the 18; any string passes the compiler, so that policies can come from a
 * JSON file, and is checked when it is used.
 */
export type TwirpCodeName = TwirpCode | (string & {});

// protobuf-ts writes `cancelled`, Go and twirp-ts write `data_loss`.
const SPELLINGS: ReadonlyMap<string, TwirpCode> = new Map<string, TwirpCode>([
  ...TWIRP_CODES.map((code) => [code, code] as const),
  ["cancelled", "canceled"],
  ["data_loss", "dataloss"],
]);

/** Reads a code in any spelling that a Twirp library uses; `undefined` if it is not one of the 18. */
export function parseTwirpCode(text: string): TwirpCode | undefined {
  return SPELLINGS.get(text) ?? SPELLINGS.get(text.toLowerCase());
}

/**
 * The code for an HTTP answer that no Twirp server wrote: a proxy's, a gateway's, a captive portal's.
 * This is the specification's table for "HTTP errors from intermediary proxies".
 */
export function codeFromHttpStatus(status: number): TwirpCode {
  if (status >= 300 && status < 400) return "internal";
  switch (status) {
    case 400:
      return "internal";
    case 401:
      return "unauthenticated";
    case 403:
      return "permission_denied";
    case 404:
      return "bad_route";
    case 429:
      return "resource_exhausted";
    case 502:
    case 503:
    case 504:
      return "unavailable";
    default:
      return "unknown";
  }
}

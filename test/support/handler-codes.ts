/** The codes after which the handler is known to have run: it chose them. */
export const HANDLER_CODES = [
  "canceled",
  "invalid_argument",
  "malformed",
  "not_found",
  "already_exists",
  "permission_denied",
  "unauthenticated",
  "failed_precondition",
  "aborted",
  "out_of_range",
  "unimplemented",
] as const;

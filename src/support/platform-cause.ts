import { messageOf } from "./errors.js";

/** `ECONNREFUSED`, `UND_ERR_SOCKET`, `CERT_HAS_EXPIRED`, Bun's `ConnectionRefused`, but no Twirp code. */
const PLATFORM_CODE = /^(?:E[A-Z_]{3,}|UND_ERR_\w+|ERR_\w+|\w*CERT\w*|ConnectionRefused)$/;

/** The platform's name for a failed connection, where the error or its cause has one. */
export function causeOf(error: unknown): string | undefined {
  try {
    const cause = (error as { cause?: unknown } | null | undefined)?.cause;
    return codeOf(cause) ?? codeOf(error) ?? (messageOf(cause).includes(DENO_CONNECT) ? DENO_CONNECT : undefined);
  } catch {
    return undefined; // The error has a getter that throws.
  }
}

function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === "string" && PLATFORM_CODE.test(code) ? code : undefined;
}

/** Deno's name for a failure to connect, of whatever kind, which it has only in its message. */
const DENO_CONNECT = "client error (Connect)";

/** What happens only before there is a connection, in the names of Node, Bun and Deno. */
const UNSENT_CAUSES: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ConnectionRefused",
  DENO_CONNECT,
]);

/** Whether a cause names what happens only before there is a connection, so that nothing was sent over one. */
export function isUnsentCause(cause: string | undefined): boolean {
  return cause !== undefined && UNSENT_CAUSES.has(cause);
}

/** Bun's errors begin with the name of what went wrong, or of the call that failed and then that name. */
const NAMED = /^(?:getaddrinfo )?(ECONNREFUSED|ENOTFOUND|EAI_AGAIN)\b/;

/** The platform's name for a failed connection, where only the message of its error is left. */
export function causeInMessage(message: string): string | undefined {
  return NAMED.exec(message)?.[1];
}

/** The message, with that name added if it is missing: `fetch` only says that it failed. */
export function messageWithCause(error: unknown): string {
  const message = messageOf(error);
  const cause = causeOf(error);
  return cause === undefined || message.includes(cause) ? message : `${message} (${cause})`;
}

import { messageOf } from "./errors.js";

/** `ECONNREFUSED`, `UND_ERR_SOCKET`, `CERT_HAS_EXPIRED`, Bun's `ConnectionRefused`, but no Twirp code. */
const PLATFORM_CODE = /^(?:E[A-Z_]{3,}|UND_ERR_\w+|ERR_\w+|\w*CERT\w*|ConnectionRefused)$/;

/** The platform's name for a failed connection, where the error or its cause has one. */
export function causeOf(error: unknown): string | undefined {
  try {
    return codeOf((error as { cause?: unknown } | null | undefined)?.cause) ?? codeOf(error);
  } catch {
    return undefined; // The error has a getter that throws.
  }
}

function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === "string" && PLATFORM_CODE.test(code) ? code : undefined;
}

/** What happens only before there is a connection, in Node's names and Bun's. */
const UNSENT_CAUSES: ReadonlySet<string> = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "ConnectionRefused"]);

/** Whether a cause names what happens only before there is a connection, so that nothing was sent over one. */
export function isUnsentCause(cause: string | undefined): boolean {
  return cause !== undefined && UNSENT_CAUSES.has(cause);
}

/** The message, with that name added if it is missing: `fetch` only says that it failed. */
export function messageWithCause(error: unknown): string {
  const message = messageOf(error);
  const cause = causeOf(error);
  return cause === undefined || message.includes(cause) ? message : `${message} (${cause})`;
}

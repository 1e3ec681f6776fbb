import { escapeUnfit } from "./one-line.js";

/**
 * Thrown when an option cannot be what the user meant. That is a programming error, so it is thrown where the option is
 * given (`createFailover()`, `httpRegions()`, `policiesFor()`, the start of a call with a policy of its own), or when a
 * function of the user's returns something wrong.
 */
export class InvalidOptionError extends TypeError {
  override readonly name = "InvalidOptionError";

  constructor(
    /** Where the value was given, for example `policies["*"].maxAttempts`. */
    readonly option: string,
    /** What was given; `"(not shown)"` where it may be a secret. */
    readonly value: unknown,
    problem: string,
  ) {
    super(`twirp-failover: ${problem}`);
  }
}

/**
 * The error for most options: "`option` must be …; got …".
 *
 * @param expected what the option takes.
 * @param hint what may have been meant; see `didYouMean`.
 */
export function mustBe(option: string, expected: string, value: unknown, hint = ""): InvalidOptionError {
  return new InvalidOptionError(option, value, `${option} must be ${expected}; got ${show(value)}${hint}`);
}

/** A short form of any value that is safe in a message: it is bounded and on one line, and making it never throws. */
export function show(value: unknown): string {
  if (typeof value === "string")
    return escapeUnfit(JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value));
  if (typeof value === "function") return "a function";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : `a list of ${value.length}`;
  if (typeof value === "object" && value !== null) return "an object";
  return String(value);
}

/** The message of anything that was thrown, whatever its author made of it. */
export function messageOf(error: unknown): string {
  try {
    const message: unknown = isError(error) ? error.message : undefined;
    return typeof message === "string" ? message : show(error);
  } catch {
    return "an error that cannot be read";
  }
}

/** An error of another realm is no instance of our `Error`. */
function isError(value: unknown): value is Error {
  return value instanceof Error || Object.prototype.toString.call(value) === "[object Error]";
}

/** ` (did you mean "x"?)` for the candidate that `name` is probably a misspelling of, or an empty string. */
export function didYouMean(name: string, candidates: Iterable<string>): string {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of candidates) {
    const isPart = name.length > 2 && candidate.startsWith(name);
    const distance = isPart ? 1 : editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best === undefined ? "" : ` (did you mean "${best}"?)`;
}

/** Levenshtein distance. Quadratic, which is fast enough because both strings are names that a person typed. */
export function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next[j] = Math.min(substitution, (row[j] as number) + 1, (next[j - 1] as number) + 1);
    }
    row = next;
  }
  return row[b.length] as number;
}

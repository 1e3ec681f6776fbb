/**
 * Checks of what users pass in. Each returns the value, typed, or throws an `InvalidOptionError` that names
 * the option and the value.
 */
import { didYouMean, InvalidOptionError } from "./errors.js";

export function checkObject(option: string, value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new InvalidOptionError(option, "an object", value);
  }
  return value as Record<string, unknown>;
}

/** Refuses keys that no option has, so that a misspelt one is not silently without effect. */
export function checkKeys(option: string, value: object, known: readonly string[]): void {
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) {
      throw new InvalidOptionError(`an option of ${option}`, `one of ${known.join(", ")}`, key, didYouMean(key, known));
    }
  }
}

export function checkNumber(option: string, value: unknown, min: number, max: number, unit = ""): number {
  if (typeof value !== "number" || !(value >= min && value <= max)) {
    throw new InvalidOptionError(option, `a number from ${min} to ${max}${unit}`, value);
  }
  return value;
}

export function checkInteger(option: string, value: unknown, min: number): number {
  if (!Number.isInteger(value) || (value as number) < min) {
    throw new InvalidOptionError(option, `a whole number of at least ${min}`, value);
  }
  return value as number;
}

export function checkBoolean(option: string, value: unknown): boolean {
  if (typeof value !== "boolean") throw new InvalidOptionError(option, "true or false", value);
  return value;
}

/** A list whose items `parse` turns into `T`, or refuses with `undefined`. */
export function checkList<T>(
  option: string,
  value: unknown,
  parse: (item: string) => T | undefined,
  known: readonly string[],
): T[] {
  if (!Array.isArray(value)) throw new InvalidOptionError(option, "a list", value);
  return value.map((item, i) => {
    const parsed = typeof item === "string" ? parse(item) : undefined;
    if (parsed !== undefined) return parsed;
    const hint = typeof item === "string" ? didYouMean(item, known) : "";
    throw new InvalidOptionError(`${option}[${i}]`, `one of ${known.join(", ")}`, item, hint);
  });
}

/**
 * An http(s) URL that a request path can be appended to, without a trailing slash. Credentials are refused
 * rather than printed: they belong in headers.
 */
export function checkBaseUrl(option: string, value: unknown): string {
  const url = typeof value === "string" ? parseUrl(value) : undefined;
  if (url === undefined) {
    throw new InvalidOptionError(option, 'a full http(s) URL such as "https://eu.example.com/twirp"', redact(value));
  }
  if (url.username !== "" || url.password !== "") {
    throw new InvalidOptionError(option, "a URL without credentials", `${url.protocol}//…@${url.host}`);
  }
  if (url.search !== "" || url.hash !== "") {
    throw new InvalidOptionError(option, "a URL without a query or fragment", `${url.origin}${url.pathname}?…`);
  }
  return url.origin + url.pathname.replace(/\/+$/, "");
}

/** A value that was meant as a URL, without what may be credentials: all that stands before an `@`. */
export function redact(value: unknown): unknown {
  return typeof value === "string" ? value.replace(/^.*@/s, "…@") : value;
}

/** An http(s) URL, or `undefined`. `localhost:8080` parses as a URL of scheme `localhost:`, which this refuses. */
export function parseUrl(text: string): URL | undefined {
  const url = toUrl(text);
  return url?.protocol === "https:" || url?.protocol === "http:" ? url : undefined;
}

/** A URL of any scheme, or `undefined`. Not by `URL.canParse`: Node 20's and 22's, once hot, refuses what has an ü in it. */
export function toUrl(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}

export function checkString(option: string, value: unknown): string {
  if (typeof value !== "string" || value === "") throw new InvalidOptionError(option, "a non-empty string", value);
  return value;
}

/**
 * Checks of what users pass in. Each returns the value, typed, or throws an `InvalidOptionError` that names the option and
 * the value.
 */
import { didYouMean, InvalidOptionError, mustBe, show } from "./errors.js";

export function checkObject(option: string, value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw mustBe(option, "an object", value);
  return value as Record<string, unknown>;
}

/**
 * Refuses keys that no option has, so that a misspelt option cannot silently do nothing.
 *
 * @param where what takes the options, as in "unknown option "retires" in createFailover()".
 */
export function checkKeys(where: string, value: object, known: readonly string[]): void {
  for (const key of Object.keys(value)) {
    if (known.includes(key)) continue;
    const hint = didYouMean(key, known) || `; it takes ${known.join(", ")}`;
    throw new InvalidOptionError(`${where}.${key}`, key, `unknown option ${show(key)} in ${where}${hint}`);
  }
}

export function checkNumber(option: string, value: unknown, min: number, max: number, unit = ""): number {
  if (typeof value !== "number" || !(value >= min && value <= max)) {
    throw mustBe(option, `a number from ${min} to ${max}${unit}`, value);
  }
  return value;
}

export function checkInteger(option: string, value: unknown, min: number): number {
  if (!Number.isInteger(value) || (value as number) < min) {
    throw mustBe(option, `a whole number of at least ${min}`, value);
  }
  return value as number;
}

export function checkBoolean(option: string, value: unknown): boolean {
  if (typeof value !== "boolean") throw mustBe(option, "true or false", value);
  return value;
}

/** A list whose items `parse` turns into `T`, or refuses by `undefined`. */
export function checkList<T>(
  option: string,
  value: unknown,
  parse: (item: string) => T | undefined,
  known: readonly string[],
): T[] {
  if (!Array.isArray(value)) throw mustBe(option, "a list", value);
  return value.map((item, i) => {
    const parsed = typeof item === "string" ? parse(item) : undefined;
    if (parsed !== undefined) return parsed;
    const hint = typeof item === "string" ? didYouMean(item, known) : "";
    throw mustBe(`${option}[${i}]`, `one of ${known.join(", ")}`, item, hint);
  });
}

export function checkString(option: string, value: unknown): string {
  if (typeof value !== "string" || value === "") throw mustBe(option, "a non-empty string", value);
  return value;
}

/**
 * An http(s) URL that a request path can be appended to, without a trailing slash. Credentials are refused, and not
 * printed, because they belong in headers.
 */
export function checkBaseUrl(option: string, value: unknown): string {
  const text = value instanceof URL ? value.href : value;
  const url = typeof text === "string" ? parseUrl(text) : undefined;
  if (url === undefined) {
    throw mustBe(option, 'a full http(s) URL such as "https://eu.example.com/twirp"', redact(text));
  }
  if (url.username !== "" || url.password !== "") {
    throw mustBe(option, "a URL without credentials", `${url.protocol}//…@${url.host}`);
  }
  if (url.search !== "" || url.hash !== "") {
    throw mustBe(option, "a URL without a query or fragment", `${url.origin}${url.pathname}?…`);
  }
  return url.origin + url.pathname.replace(/\/+$/, "");
}

/** A value that was meant as a URL, without everything before an `@`, which may be credentials. */
export function redact(value: unknown): unknown {
  return typeof value === "string" ? value.replace(/^.*@/s, "…@") : value;
}

/** An http(s) URL, or `undefined`. `localhost:8080` parses as a URL of scheme `localhost:`, which this refuses. */
export function parseUrl(text: string): URL | undefined {
  const url = toUrl(text);
  return url?.protocol === "https:" || url?.protocol === "http:" ? url : undefined;
}

/** A URL of any scheme, or `undefined`. Not by `URL.canParse`: Node 20's and 22's, once hot, refuses URLs with an ü. */
export function toUrl(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}

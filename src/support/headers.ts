/** Headers that the user gives once, or makes for each request. */
import { mustBe } from "./errors.js";

type HeaderRecord = Readonly<Record<string, string>>;

/** Headers, or a function that makes them for each request, so that a token can be renewed. */
export type HeadersSource =
  | Readonly<Record<string, string>>
  | (() => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>);

/**
 * Checks headers at construction, and returns them. What a function returns is checked when it is called.
 *
 * @param option how to name them in an error.
 * @throws InvalidOptionError for what can never be headers. The error does not show them, since they may hold a token.
 */
export function checkHeaders(option: string, given: HeadersSource): HeadersSource {
  if (typeof given === "function") return given;
  try {
    new Headers(given);
  } catch {
    // Without the value and without the platform's own message, because both may show a token.
    throw mustBe(option, "an object of valid HTTP headers, or a function that makes one", "(not shown)");
  }
  return given;
}

/** Makes the headers of one request. Rejects if a function throws, or returns what cannot be headers. */
export async function makeHeaders(option: string, source: HeadersSource): Promise<HeaderRecord> {
  const given = typeof source === "function" ? await source() : source;
  checkHeaders(option, given);
  return Object.fromEntries(new Headers(given));
}

/** Merges the headers of several sources, unchecked, with names in lower case. Later sources win. */
export async function mergeHeaders(sources: readonly HeadersSource[]): Promise<Record<string, string>> {
  const merged: Record<string, string> = {};
  for (const source of sources) {
    // The types say records, but some users will return a `Headers` object, or nothing.
    const given = (typeof source === "function" ? await source() : source) ?? {};
    const entries = Symbol.iterator in given ? (given as unknown as Iterable<[string, string]>) : Object.entries(given);
    for (const [name, value] of entries) merged[name.toLowerCase()] = value;
  }
  return merged;
}

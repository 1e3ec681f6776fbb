/** Headers that the user gives once, or has made anew for each request. */
import { mustBe } from "./errors.js";

type HeaderRecord = Readonly<Record<string, string>>;

/** Headers, or a function that makes them for each request, so that a token can be renewed. */
export type HeadersSource = HeaderRecord | (() => HeaderRecord | Promise<HeaderRecord>);

/** @throws InvalidOptionError for what can never be headers. What a function gives is seen when it is called. */
export function checkHeaders(option: string, given: HeadersSource): HeadersSource {
  if (typeof given === "function") return given;
  try {
    new Headers(given);
  } catch {
    // Neither here nor in the platform's own message is a place for the value, which may be a token.
    throw mustBe(option, "an object of valid HTTP headers, or a function that makes one", "(not shown)");
  }
  return given;
}

/** The headers of one request. Rejects with what a function throws, and for what it gives that are none. */
export async function makeHeaders(option: string, source: HeadersSource): Promise<HeaderRecord> {
  const given = typeof source === "function" ? await source() : source;
  checkHeaders(option, given);
  return Object.fromEntries(new Headers(given));
}

/** The headers of several sources, unchecked, with names in lower case; later sources win. */
export async function mergeHeaders(sources: readonly HeadersSource[]): Promise<Record<string, string>> {
  const merged: Record<string, string> = {};
  for (const source of sources) {
    // By their types they are records, but some will give a `Headers` object, or nothing for no headers.
    const given = (typeof source === "function" ? await source() : source) ?? {};
    const entries = Symbol.iterator in given ? (given as unknown as Iterable<[string, string]>) : Object.entries(given);
    for (const [name, value] of entries) merged[name.toLowerCase()] = value;
  }
  return merged;
}

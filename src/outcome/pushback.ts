/** The longest that a server's wish to be left alone is heeded, for an ejection and for a wait, in milliseconds. */
export const MAX_PUSHBACK_MS = 30_000;

const UNITS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };

/**
 * How long a server asks not to be called: `Retry-After` in seconds or as an HTTP date, or Twirp meta `retry_after` as a
 * duration in Go's format ("15s", "1m30s", "250ms").
 *
 * @param dateMs the time now, to compare a date with.
 * @returns milliseconds from now, at least 0; `undefined` if it cannot be read.
 * @see https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
 */
export function pushbackMs(retryAfter: string, dateMs: number): number | undefined {
  const text = retryAfter.trim();
  if (/^\d{1,9}(?:\.\d{1,9})?$/.test(text)) return Number(text) * 1000;
  if (/^(?:\d{1,9}(?:\.\d{1,9})?(?:h|ms?|s)){1,4}$/.test(text)) {
    const parts = text.matchAll(/([\d.]+)([hms]+)/g);
    return [...parts].reduce((sum, [, amount, unit = "s"]) => sum + Number(amount) * (UNITS[unit] as number), 0);
  }
  // Only what looks like an HTTP date, because `Date.parse` also reads "-5" as May 2001.
  if (!/^[A-Z][a-z]{2,8}, .{10,30}$/.test(text)) return undefined;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - dateMs);
}

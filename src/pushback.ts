/**
 * How long a server asks to be left alone: `Retry-After` as seconds or as an HTTP date, or Twirp meta `retry_after`
 * as a duration ("15s").
 *
 * @param dateMs the time now, since a date must be compared with it.
 * @returns milliseconds from now, at least 0; `undefined` if it cannot be read.
 * @see https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
 */
export function pushbackMs(retryAfter: string, dateMs: number): number | undefined {
  const text = retryAfter.trim();
  const seconds = /^(\d{1,9}(?:\.\d{1,9})?)s?$/.exec(text)?.[1];
  if (seconds !== undefined) return Number(seconds) * 1000;
  // Only what looks like an HTTP date: `Date.parse` also takes "-5" for May 2001.
  if (!/^[A-Z][a-z]{2,8}, .{10,30}$/.test(text)) return undefined;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - dateMs);
}

/** Headers as undici hands them around: names and values in turn, as text or bytes, or an object. */
export type RawHeaders = unknown;

/** The value of a header, by its name in lower case. */
export function headerOf(headers: RawHeaders, wanted: string): string | undefined {
  if (!Array.isArray(headers)) return fieldOf((headers ?? {}) as Record<string, unknown>, wanted);
  for (let i = 0; i < headers.length; i += 2) if (isNamed(headers[i], wanted)) return String(headers[i + 1]);
  return undefined;
}

function fieldOf(headers: Readonly<Record<string, unknown>>, wanted: string): string | undefined {
  const name = wanted in headers ? wanted : Object.keys(headers).find((key) => isNamed(key, wanted));
  const value = name === undefined ? undefined : headers[name];
  return value === undefined ? undefined : String(value);
}

/** By its length first, because every name that is bytes has to be decoded to be read. */
function isNamed(name: string | Uint8Array, wanted: string): boolean {
  return name.length === wanted.length && String(name).toLowerCase() === wanted;
}

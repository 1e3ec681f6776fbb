/**
 * Whether a body that could be read to its end is whole. Without a length or chunks a body ends with its connection, and half
 * of one looks like all of it. Half of a JSON object is no JSON, so there it is enough that it could be parsed.
 */
export function isWhole(
  contentType: string | null | undefined,
  header: (name: string) => string | null | undefined,
): boolean {
  if (/\bjson\b/i.test(contentType ?? "")) return true;
  return (header("content-length") ?? header("transfer-encoding") ?? undefined) !== undefined;
}

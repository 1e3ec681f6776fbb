import { show } from "../support/errors.js";

/** The two formats of Twirp. */
export type ContentType = "application/json" | "application/protobuf";

/** Why an answer of this type cannot be one in the expected format; `undefined` if it can. */
export function typeProblem(type: string | null | undefined, expected: string): string | undefined {
  if (!isOther(type ?? "", expected)) return undefined;
  return `the answer is not ${expected} but ${type ? show(type) : "of no type"}`;
}

/**
 * Whether a type says that the body is not an answer: a page, the other one of Twirp's formats, or what a proxy sends if it
 * knows nothing better. An empty body would decode as a message with all defaults. Servers may name the right format
 * differently, so an unknown type passes.
 */
function isOther(type: string, expected: string): boolean {
  if (type === expected) return false;
  const essence = type.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  return essence !== expected && /^(|text\/.*|application\/(json|protobuf|octet-stream))$/.test(essence);
}

import { expect, test } from "vitest";
import { readError } from "../../../src/adapters/protobuf-ts/rpc-error.js";
import { causeOf, isUnsentCause } from "../../../src/support/platform-cause.js";

const deno = (message: string) =>
  new TypeError("fetch failed", { cause: new Error(`error sending request for url (http://a.example/): ${message}`) });

test.each([
  [deno("client error (Connect): tcp connect error: Connection refused (os error 111)"), true],
  [deno("client error (Connect): dns error: failed to lookup address information"), true],
  [deno("client error (SendRequest): connection closed before message completed"), false],
  [Object.assign(new TypeError("getaddrinfo ENOTFOUND a.example"), { code: "ENOTFOUND" }), true],
  [new TypeError("Failed to fetch"), false],
])("%s proves that nothing was sent: %s", (error, proves) => {
  expect(isUnsentCause(causeOf(error))).toBe(proves);
});

const rpcError = (message: string) => Object.assign(new Error(message), { code: "UNKNOWN", meta: {} });

test.each([
  ["ECONNREFUSED: Unable to connect. Is the computer able to access the url?", "ECONNREFUSED"],
  ["getaddrinfo ENOTFOUND a.example", "ENOTFOUND"],
  ["ECONNRESET: The socket connection was closed unexpectedly.", undefined],
  ["it said ECONNREFUSED", undefined],
])("protobuf-ts in Bun: %s", (message, cause) => {
  expect(readError(rpcError(message), undefined)).toEqual({ kind: "none", cause });
  // With an answer it is the server's text.
  expect(readError(rpcError(message), { headers: {}, whole: false })).toEqual({ kind: "none", cause: undefined });
});

/** The runtimes that send a request again by themselves, by what they are known by. test/runtimes measures the real ones. */
import { afterEach, describe, expect, test, vi } from "vitest";
import type { AttemptRequest } from "../../../src/call/rpc-call.js";
import { Transmission } from "../../../src/outcome/transmission.js";
import { clockWith } from "../helpers/simulation.js";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

async function initIn(globals: Record<string, unknown>, mayRunTwice: boolean, chosen?: { client?: unknown }) {
  for (const [name, value] of Object.entries(globals)) vi.stubGlobal(name, value);
  vi.resetModules();
  const { requestInit } = await import("../../../src/http/request-init.js");
  const observer = new Transmission(clockWith(), mayRunTwice);
  const attempt = { observer, mayRunTwice } as unknown as AttemptRequest;
  const { dispatcher: _, ...init } = requestInit(attempt, false, chosen) as Record<string, unknown>;
  return { init, believed: observer.wordCounts };
}

const unpooled = { name: "a client without a pool" };
const Deno = { createHttpClient: (options: object) => ({ ...unpooled, options }) };
const own = { client: { ...unpooled, options: { poolMaxIdlePerHost: 0 } } };

describe("a request that may be sent once only has a connection of its own, and its error is believed", () => {
  test("in Bun", async () =>
    expect(await initIn({ Bun: {} }, false)).toEqual({ init: { keepalive: false }, believed: true }));
  test("in Deno", async () => expect(await initIn({ Deno }, false)).toEqual({ init: own, believed: true }));
});

describe("a request that may be sent twice shares connections, and its error is not believed", () => {
  test.each([{ Bun: {} }, { Deno }])("in %o", async (runtime) => {
    expect(await initIn(runtime, true)).toEqual({ init: {}, believed: false });
  });
});

test.each([
  ["the user chose a client", { Deno }, { client: {} }],
  ["there is no way to make one", { Deno: {} }, {}],
  [
    "making one is refused",
    {
      Deno: {
        createHttpClient: () => {
          throw new Error("not permitted");
        },
      },
    },
    {},
  ],
])("in Deno, where %s, the error is not believed", async (_, runtime, chosen) => {
  expect(await initIn(runtime, false, chosen)).toEqual({ init: {}, believed: false });
});

test("elsewhere there is nothing to add", async () => {
  expect(await initIn({}, false)).toEqual({ init: {}, believed: true });
});

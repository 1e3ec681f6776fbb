/**
 * A 429 in JSON that is no Twirp error as protobuf-ts's transport reads them. It may still be the handler's own, written by
 * the server or translated by a gateway, so it proves nothing, unless the client can see that it is not.
 */
import { TwirpError, TwirpErrorCode } from "twirp-ts";
import { describe, expect, test } from "vitest";
import * as faults from "../support/faults.js";
import type { Fault } from "../support/region.js";
import { CLIENTS, errorOf, newRequestId, outcomesOf, useWire } from "../support/wire.js";

const json = (body: unknown) => faults.ran(faults.json(429, body as object));

const ANSWERS: readonly (readonly [string, Fault])[] = [
  [
    "twirp-ts's server, for a TwirpError without a text",
    {
      after: () => {
        // In JavaScript the text can be left out.
        throw new TwirpError(TwirpErrorCode.ResourceExhausted, undefined as unknown as string);
      },
    },
  ],
  ["Connect, without a message", json({ code: "resource_exhausted" })],
  ["Connect", json({ code: "resource_exhausted", message: "no seats left" })],
  ["grpc-gateway", json({ code: 8, message: "no seats left", details: [] })],
  ["Google's APIs", json({ error: { code: 429, message: "no seats left", status: "RESOURCE_EXHAUSTED" } })],
];

describe.each(CLIENTS)("a handler's own 429 in JSON, $name, $format", (library) => {
  const wire = useWire();

  test.each(ANSWERS)("as written by %s: a mutation runs once", async (_, fault) => {
    const { home, second, client } = await wire().pair(library);
    home.always(fault);
    const id = newRequestId();
    const error = await errorOf(client.mutation(id));
    expect(outcomesOf(error)).toMatchObject([{ code: "resource_exhausted", execution: "unknown", httpStatus: 429 }]);
    expect([home.saw(id), second.saw(id)]).toEqual([
      { received: 1, executed: 1 },
      { received: 0, executed: 0 },
    ]);
  });
});

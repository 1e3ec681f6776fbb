/** A complete 429 proves that nothing ran. One that broke off proves nothing, so a mutation is not sent again. */
import { describe, expect, test } from "vitest";
import { CLIENTS } from "../support/clients.js";
import type { Exchange, Fault } from "../support/region.js";
import { errorOf, expectTruth, newRequestId, outcomesOf, useWire } from "../support/wire.js";

const JSON_TYPE = { "content-type": "application/json" };
const PAGE_TYPE = { "content-type": "text/html" };
const HALF = '{"code":"resource_exhausted","msg":"the handler ran, and th';

const written = (headers: Record<string, string>, body: string, end: (exchange: Exchange) => void): Fault => ({
  after: (exchange) => {
    exchange.res.writeHead(429, headers);
    exchange.res.write(body, () => end(exchange));
  },
});
const reset = ({ req }: Exchange) => void req.socket.resetAndDestroy();
const fin = ({ req }: Exchange) => void req.socket.end();
const finish = ({ res }: Exchange) => void res.end();

/** In all of these the handler ran. */
const BROKEN: [string, Fault][] = [
  [
    "JSON that is cut short in a complete body",
    written({ ...JSON_TYPE, "content-length": `${HALF.length}` }, HALF, finish),
  ],
  ["JSON that is cut short in complete chunks", written(JSON_TYPE, HALF, finish)],
  ["JSON with a charset, cut short", written({ "content-type": "application/json; charset=utf-8" }, HALF, finish)],
  ["problem+json, cut short", written({ "content-type": "application/problem+json" }, HALF, finish)],
  ["JSON that is reset in the middle", written({ ...JSON_TYPE, "content-length": "1000" }, HALF, reset)],
  ["JSON that is closed in the middle", written({ ...JSON_TYPE, "content-length": "1000" }, HALF, fin)],
  ["chunks that are reset in the middle", written(JSON_TYPE, HALF, reset)],
  ["chunks that are closed in the middle", written(JSON_TYPE, HALF, fin)],
  ["a page that is reset in the middle", written({ ...PAGE_TYPE, "content-length": "1000" }, "<html>", reset)],
  ["a page that is closed in the middle", written({ ...PAGE_TYPE, "content-length": "1000" }, "<html>", fin)],
  ["a body without a type, reset in the middle", written({ "content-length": "1000" }, "x", reset)],
  [
    "no body, reset before it",
    {
      after: ({ req, res }) => {
        res.writeHead(429, JSON_TYPE).flushHeaders();
        setTimeout(() => req.socket.resetAndDestroy(), 20);
      },
    },
  ],
];

describe.each(CLIENTS)("a 429 that broke off, $name, $format", (library) => {
  const wire = useWire();

  test.each(BROKEN)("(%s) proves nothing, so a mutation is not sent again", async (_, fault) => {
    const { home, second, client } = await wire().pair(library);
    home.always(fault);
    const id = newRequestId();
    const error = await errorOf(client.mutation(id));
    expect(outcomesOf(error)).toMatchObject([{ execution: "unknown" }]);
    expect(client.eventsOf("replay_refused")).toMatchObject([{ reason: "not_idempotent" }]);
    expect([home.saw(id), second.saw(id)]).toEqual([
      { received: 1, executed: 1 },
      { received: 0, executed: 0 },
    ]);
    expectTruth(client, home, second);
  });

  test.each(BROKEN)("(%s): an update gets its answer elsewhere because it may run twice", async (_, fault) => {
    const { home, client } = await wire().pair(library, {
      policy: { retryableCodes: ["resource_exhausted", "internal"] },
    });
    home.always(fault);
    expect(await client.update(newRequestId())).toBe("second");
  });

  test.each([
    ["a page", PAGE_TYPE],
    ["text", { "content-type": "text/plain" }],
  ])("that is complete (%s) proves it, so the tests above can fail", async (_, headers) => {
    const { home, second, client } = await wire().pair(library);
    home.always({ instead: ({ res }) => void res.writeHead(429, headers).end("slow down") });
    const id = newRequestId();
    expect(await client.mutation(id)).toBe("second");
    expect([home.saw(id), second.saw(id)]).toEqual([
      { received: 1, executed: 0 },
      { received: 1, executed: 1 },
    ]);
  });
});

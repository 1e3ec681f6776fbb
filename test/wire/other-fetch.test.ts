/** A `fetch` that is not the platform's: its responses have bodies of other kinds. */
import { gzipSync } from "node:zlib";
import nodeFetch from "node-fetch";
import { TwirpError, TwirpErrorCode } from "twirp-ts";
import { describe, expect, test } from "vitest";
import * as faults from "../support/faults.js";
import type { Fault } from "../support/region.js";
import { CALLS, CLIENTS, twirpTsPair } from "../support/twirp-ts.js";
import { errorOf, newRequestId, outcomesOf, useWire } from "../support/wire.js";

type Fetch = typeof globalThis.fetch;

/** Has only what every polyfill has: no stream, as in React Native. */
const withoutStream: Fetch = async (url, init) => {
  const { status, statusText, headers, ...response } = await fetchOf(url, init);
  return { status, statusText, headers, body: undefined, arrayBuffer: response.arrayBuffer } as unknown as Response;
};
async function fetchOf(url: Parameters<Fetch>[0], init: RequestInit | undefined) {
  const response = await globalThis.fetch(url, init);
  const { status, statusText, headers } = response;
  return { status, statusText, headers, arrayBuffer: () => response.arrayBuffer() };
}

const FETCHES = [
  { name: "node-fetch", fetch: nodeFetch as unknown as Fetch },
  { name: "one without streams", fetch: withoutStream },
];
const KINDS = FETCHES.flatMap((fetch) => CLIENTS.map((client) => ({ ...fetch, ...client })));

const zipped = (body: Buffer, status = 200): Fault => ({
  instead: ({ req, res }) => {
    const headers = { "content-type": req.headers["content-type"], "content-encoding": "gzip" };
    res.writeHead(status, headers).end(gzipSync(body));
  },
});

describe.each(KINDS)("with $name, twirp-ts, $format", ({ fetch, Client }) => {
  const wire = useWire();

  test("a call succeeds", async () => {
    const { home, client } = await twirpTsPair(wire(), Client, { fetch });
    const id = newRequestId();
    expect(await CALLS.mutation(client, id)).toBe("home");
    expect(home.saw(id)).toEqual({ received: 1, executed: 1 });
  });

  test("an error of the service is read, and its meta with it", async () => {
    const { home, client } = await twirpTsPair(wire(), Client, { fetch, policy: { replay: false } });
    home.always(faults.handlerError("not_found", { room: "lobby" }));
    const error = await errorOf(CALLS.read(client, newRequestId()));
    expect(error).toMatchObject({ code: TwirpErrorCode.NotFound, meta: { room: "lobby" } });
    expect(outcomesOf(error)).toMatchObject([{ origin: "service", execution: "done" }]);
  });

  test("a page is told apart, and a read goes on", async () => {
    const { home, client } = await twirpTsPair(wire(), Client, { fetch });
    home.always(faults.html(503));
    expect(await CALLS.read(client, newRequestId())).toBe("second");
  });

  test.each([
    ["a 200 with a page", faults.answersWithPage],
    ["a 200 that breaks off", faults.truncates],
    ["a 200 that is too long once it is unzipped", zipped(Buffer.alloc(20_000_000))],
  ])("%s is data_loss", async (_, fault) => {
    const { home, second, client } = await twirpTsPair(wire(), Client, { fetch, maxResponseBytes: 4_096 });
    home.always(fault);
    const error = await errorOf(CALLS.mutation(client, newRequestId()));
    expect(error).toBeInstanceOf(TwirpError);
    expect(error).toMatchObject({ code: TwirpErrorCode.DataLoss });
    expect(outcomesOf(error)).toMatchObject([{ code: "dataloss", origin: "transport", execution: "unknown" }]);
    expect(second.saw().received).toBe(0);
  });

  test("a caller who leaves is gone at once, and the request with them", async () => {
    const { home, rpc } = await twirpTsPair(wire(), Client, { fetch });
    home.always(faults.hangs);
    const controller = new AbortController();
    const call = CALLS.mutation(new Client(rpc.with({ signal: controller.signal })), newRequestId());
    await home.arrived(1);
    controller.abort();
    expect(await errorOf(call)).toMatchObject({ code: TwirpErrorCode.Canceled });
  });
});

describe("with node-fetch, which streams", () => {
  const wire = useWire();

  test("no more is read than may be, of a body without an end", async () => {
    const fetch = nodeFetch as unknown as Fetch;
    const { home, client } = await twirpTsPair(wire(), CLIENTS[0].Client, { fetch, maxResponseBytes: 200_000 });
    let written = 0;
    home.always({
      instead: ({ req, res }) => {
        res.writeHead(200, { "content-type": req.headers["content-type"] });
        const chunk = Buffer.alloc(65_536);
        const write = () => {
          while (!res.closed && res.write(chunk)) written += chunk.length;
          if (!res.closed) res.once("drain", write);
        };
        write();
      },
    });
    const error = await errorOf(CALLS.mutation(client, newRequestId()));
    expect((error as TwirpError).msg).toContain("longer than 200000 bytes (maxResponseBytes)");
    expect(written).toBeLessThan(50_000_000);
  });
});

/**
 * What an intermediary refuses in a redirect or with a 4xx, it refuses for what the request is, and another region's does the
 * same. A large upload should not be sent three times to learn that.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { failoverTrace } from "twirp-failover";
import { afterEach, describe, expect, test } from "vitest";
import * as faults from "../support/faults.js";
import { CLIENTS, errorOf, METHODS, newRequestId, outcomesOf, useWire } from "../support/wire.js";

/** Those of an IANA-registered meaning, and some that are in use without one. */
const FINAL = [300, 301, 302, 303, 307, 308, 400, 402, 405, 406, 409, 410, 411, 413, 414, 415, 418, 422, 431, 499];
const PASSING = [404, 408, 421, 425, 451, 500, 502, 503, 504, 520];

describe.each(CLIENTS)("a page of an intermediary, $name, $format", (kind) => {
  const wire = useWire();

  test.each(FINAL)("%i is final, for a read too", async (httpStatus) => {
    const { home, second, client } = await wire().pair(kind);
    home.always(faults.html(httpStatus));
    const error = await errorOf(client.read(newRequestId()));
    expect(outcomesOf(error)).toMatchObject([{ origin: "intermediary", execution: "unknown", httpStatus }]);
    expect(failoverTrace(error)?.refused).toBe("code_not_retryable");
    expect([home.saw().received, second.saw().received]).toEqual([1, 0]);
  });

  test.each([401, 403])("%i is final, unless its code is among the policy's retryableCodes", async (httpStatus) => {
    const { home, second, client } = await wire().pair(kind);
    home.always(faults.html(httpStatus));
    expect(failoverTrace(await errorOf(client.read(newRequestId())))?.refused).toBe("code_not_retryable");
    expect(second.saw().received).toBe(0);
    const retryableCodes = ["unauthenticated", "permission_denied"];
    expect(await client.read(newRequestId(), { failover: { retryableCodes } })).toBe("second");
  });

  test.each(PASSING)("%i may be of this region alone: a read goes on", async (status) => {
    const { home, client } = await wire().pair(kind);
    home.always(faults.html(status));
    expect(await client.read(newRequestId())).toBe("second");
  });

  test("429 proves that nothing ran: even a mutation goes on", async () => {
    const { home, client } = await wire().pair(kind);
    home.always(faults.html(429));
    expect(await client.mutation(newRequestId())).toBe("second");
  });

  test("a mutation was refused before, and the reason stays", async () => {
    const { home, client } = await wire().pair(kind);
    home.always(faults.html(413));
    expect(failoverTrace(await errorOf(client.mutation(newRequestId())))?.refused).toBe("not_idempotent");
  });

  test("Twirp's own 4xx are judged by their code alone", async () => {
    const { home, second, client } = await wire().pair(kind);
    home.always(faults.handlerError("out_of_range"));
    expect(failoverTrace(await errorOf(client.read(newRequestId())))?.refused).toBe("answered");
    expect(second.saw().received).toBe(0);
  });
});

describe("an upload of 1 MB, protobuf-ts", () => {
  const wire = useWire();
  const closing: (() => void)[] = [];
  afterEach(() => {
    for (const close of closing.splice(0)) close();
  });

  test("that is too large is sent once", async () => {
    let received = 0;
    const limit = createServer((req, res) => {
      received++;
      req.resume().on("end", () => res.writeHead(413, { "content-type": "text/html" }).end("<html>413</html>"));
    });
    await new Promise<void>((resolve) => limit.listen(0, "127.0.0.1", resolve));
    closing.push(() => {
      limit.close();
      limit.closeAllConnections();
    });
    const url = `http://127.0.0.1:${(limit.address() as AddressInfo).port}/twirp`;
    const regions = ["a", "b", "c"].map((id) => ({ id, url: `${url}/${id}` }));
    const { rooms } = wire().client(regions);
    const error = await errorOf(rooms.updateRoomMetadata({ name: "lobby", metadata: "x".repeat(1_000_000) }).response);
    expect(outcomesOf(error)).toMatchObject([{ httpStatus: 413 }]);
    expect(received).toBe(1);
    await errorOf(METHODS.read(rooms, newRequestId()));
    expect(received).toBe(2);
  });
});

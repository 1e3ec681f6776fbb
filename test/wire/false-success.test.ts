/**
 * Answers that look like a success and are none: something in front of the service said so, and nothing ran. A message
 * without any field is empty in binary, so an empty body would pass for one.
 */
import type { MethodInfo, NextUnaryFn, RpcOptions } from "@protobuf-ts/runtime-rpc";
import { describe, expect, test } from "vitest";
import * as faults from "../support/faults.js";
import type { Fault } from "../support/region.js";
import { CLIENTS, errorOf, expectTruth, METHODS, newRequestId, outcomesOf, useWire } from "../support/wire.js";

const typed = (status: number, body = ""): Fault => ({
  instead: ({ req, res }) => void res.writeHead(status, { "content-type": req.headers["content-type"] }).end(body),
});

/** The status, and whether the answer is so empty that it could be a message. */
const ANSWERS: readonly (readonly [string, number, Fault])[] = [
  ["202 of AWS WAF's challenge", 202, faults.http(202, { "x-amzn-waf-action": "challenge", "content-length": "0" })],
  ["202 with a page", 202, faults.http(202, { "content-type": "text/html" }, "<html>please wait</html>")],
  ["202 of the right type", 202, typed(202)],
  ["201 of the right type", 201, typed(201)],
  ["204", 204, faults.http(204)],
  ["205", 205, faults.http(205)],
  ["206 of the right type", 206, typed(206)],
  ["200 with a page", 200, faults.answersWithPage],
  ["200 with an empty page", 200, faults.http(200, { "content-type": "text/html" })],
  ["200 without a type", 200, faults.http(200)],
  ["200 of a type that says nothing", 200, faults.http(200, { "content-type": "application/octet-stream" })],
  [
    "200 of Twirp's other format",
    200,
    {
      instead: ({ req, res }) => {
        const other = req.headers["content-type"] === "application/json" ? "protobuf" : "json";
        res.writeHead(200, { "content-type": `application/${other}` }).end();
      },
    },
  ],
];

describe.each(CLIENTS)("an answer of success that is not Twirp's, $name, $format", (kind) => {
  const wire = useWire();

  test.each(ANSWERS)("%s: a mutation fails with dataloss, and is not sent again", async (_, httpStatus, fault) => {
    const { home, second, client } = await wire().pair(kind);
    home.always(fault);
    const id = newRequestId();
    const error = await errorOf(client.mutation(id));
    expect(error).toBeInstanceOf(kind.errorClass);
    expect(outcomesOf(error)).toEqual([{ code: "dataloss", origin: "transport", execution: "unknown", httpStatus }]);
    expect([home.saw(id), second.saw(id)]).toEqual([
      { received: 1, executed: 0 },
      { received: 0, executed: 0 },
    ]);
    expectTruth(client, home, second);
  });

  test.each(ANSWERS)("%s: reads get their answer elsewhere, and home is ejected", async (_, __, fault) => {
    const { home, client, failover } = await wire().pair(kind);
    home.always(fault);
    for (let i = 0; i < 3; i++) expect(await client.read(newRequestId())).toBe("second");
    expect(failover.regions()[0]).toMatchObject({ id: "home", state: "ejected" });
  });

  test("the error tells why", async () => {
    const { home, client } = await wire().pair(kind, { policy: { replay: false } });
    home.always(typed(202, kind.format === "JSON" ? "{}" : ""));
    const { code, message } = kind.factsOf(await errorOf(client.read(newRequestId())));
    expect(code).toMatch(/^data_?loss$/);
    expect(message).toBe("the answer has the HTTP status 202, and not 200");
    home.always(faults.http(200, { "content-type": "text/html" }));
    if (kind.format === "binary") {
      const { message } = kind.factsOf(await errorOf(client.read(newRequestId())));
      expect(message).toBe('the answer is not application/protobuf but "text/html"');
    }
  });

  test.each(["; charset=utf-8", ""])("Twirp's own type is one, with %j behind it", async (parameters) => {
    const { home, client } = await wire().pair(kind);
    home.always({
      before: ({ req, res }) => {
        const { writeHead } = res;
        const type = `${req.headers["content-type"]?.toUpperCase()}${parameters}`;
        res.writeHead = ((status: number) => writeHead.call(res, status, { "content-type": type })) as typeof writeHead;
      },
    });
    expect(await client.mutation(newRequestId())).toBe("home");
  });
});

describe("a client that is told to send JSON by an interceptor below ours, protobuf-ts", () => {
  const wire = useWire();

  test("gets JSON, and that is right", async () => {
    const home = await wire().region("home");
    const asJson = {
      interceptUnary: (next: NextUnaryFn, method: MethodInfo, input: object, options: RpcOptions) =>
        next(method, input, { ...options, sendJson: true }),
    };
    const { rooms } = wire().client([home], { below: [asJson] });
    expect(await METHODS.mutation(rooms, newRequestId())).toBe("home");
    expect(home.received[0]?.headers["content-type"]).toBe("application/json");
  });
});

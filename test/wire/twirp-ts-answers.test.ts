/** Invalid answers, as users of twirp-ts see them: always a `TwirpError` with the specification's code. */
import { gzipSync } from "node:zlib";
import { failoverTrace, type Outcome } from "twirp-failover";
import { TwirpError, TwirpErrorCode } from "twirp-ts";
import { describe, expect, test } from "vitest";
import * as faults from "../support/faults.js";
import type { Fault } from "../support/region.js";
import { CALLS, CLIENTS, twirpTsPair } from "../support/twirp-ts.js";
import { errorOf, newRequestId, outcomesOf, useWire } from "../support/wire.js";

/** Whether the answer proves that nothing ran, so that a mutation goes on to the second region. */
type Proof = "proof" | "no proof";

interface Row {
  readonly name: string;
  readonly fault: Fault;
  readonly code: TwirpErrorCode;
  readonly meta: Readonly<Record<string, unknown>>;
  readonly outcome: Partial<Outcome>;
  readonly proof: Proof;
}

const byProxy = (status: number, body: unknown, more: object = {}) => ({
  http_error_from_intermediary: "true",
  status_code: String(status),
  body,
  ...more,
});

/** An answer whose body is shorter than its content-length. */
const cutOff = (status: number, body: string): Fault => ({
  instead: ({ res }) => {
    res.writeHead(status, { "content-type": "application/json", "content-length": "1000" });
    res.write(body, () => res.destroy());
  },
});

/** An answer that ends with the connection, so that the client cannot see that it is cut off. */
const closedEarly = (status: number, body: string, contentType?: string): Fault => ({
  instead: ({ req }) => {
    const type = contentType === undefined ? "" : `content-type: ${contentType}\r\n`;
    req.socket.end(`HTTP/1.1 ${status} Whatever\r\n${type}connection: close\r\n\r\n${body}`);
  },
});

const good = (body: string | Buffer, headers: Record<string, string> = {}): Fault => ({
  instead: ({ req, res }) =>
    void res.writeHead(200, { "content-type": req.headers["content-type"], ...headers }).end(body),
});

const ofType = (type: string | undefined, body: string): Fault => ({
  instead: ({ res }) => void res.writeHead(200, type === undefined ? {} : { "content-type": type }).end(body),
});

const PAGE_502 = "<html><h1>502</h1><p>nginx</p></html>";
const unavailable = { code: TwirpErrorCode.Unavailable, proof: "no proof" } as const;
const limited = { code: TwirpErrorCode.ResourceExhausted } as const;
const lost = {
  code: TwirpErrorCode.DataLoss,
  meta: { status_code: "200" },
  outcome: { code: "dataloss", origin: "transport", execution: "unknown" },
  proof: "no proof",
} as const;
const outcome = (code: Outcome["code"], httpStatus: number, execution: Outcome["execution"] = "unknown") =>
  ({ code, origin: "intermediary", execution, httpStatus }) as const;
const HALF = '{"code":"resource_exhausted","msg":"the hand';
const LONG = JSON.stringify({ code: "resource_exhausted", msg: "x".repeat(3_000_000) });

const ROWS: readonly Row[] = [
  {
    name: "HTML 502",
    fault: faults.html(502),
    ...unavailable,
    meta: byProxy(502, PAGE_502),
    outcome: outcome("unavailable", 502),
  },
  {
    name: "empty 503",
    fault: faults.http(503),
    ...unavailable,
    meta: byProxy(503, ""),
    outcome: outcome("unavailable", 503),
  },
  {
    name: "302",
    fault: faults.http(302, { location: "https://elsewhere.example.com/login" }),
    code: TwirpErrorCode.Internal,
    meta: byProxy(302, "", { location: "https://elsewhere.example.com/login" }),
    outcome: outcome("internal", 302),
    proof: "no proof",
  },
  {
    name: "HTML 404",
    fault: faults.html(404),
    code: TwirpErrorCode.BadRoute,
    meta: byProxy(404, expect.stringContaining("404")),
    outcome: outcome("bad_route", 404),
    proof: "no proof",
  },
  {
    name: "HTML 401",
    fault: faults.html(401),
    code: TwirpErrorCode.Unauthenticated,
    meta: byProxy(401, expect.stringContaining("401")),
    outcome: outcome("unauthenticated", 401),
    proof: "no proof",
  },
  {
    name: "a very long page",
    fault: faults.http(502, { "content-type": "text/html" }, "x".repeat(100_000)),
    ...unavailable,
    meta: byProxy(502, "x".repeat(1_024)),
    outcome: outcome("unavailable", 502),
  },
  {
    name: "JSON error without a code",
    fault: faults.json(503, { msg: "no healthy upstream" }),
    ...unavailable,
    meta: byProxy(503, '{"msg":"no healthy upstream"}'),
    outcome: outcome("unavailable", 503),
  },
  {
    name: "JSON error with a code that is a number",
    fault: faults.json(503, { code: 14, msg: "gRPC" }),
    ...unavailable,
    meta: byProxy(503, '{"code":14,"msg":"gRPC"}'),
    outcome: outcome("unavailable", 503),
  },
  {
    // As from grpc-gateway, where a handler may have chosen it.
    name: "JSON 429 with a code that is a number",
    fault: faults.json(429, { code: 8, message: "RESOURCE_EXHAUSTED" }),
    ...limited,
    meta: byProxy(429, '{"code":8,"message":"RESOURCE_EXHAUSTED"}'),
    outcome: outcome("resource_exhausted", 429),
    proof: "no proof",
  },
  {
    name: "204",
    fault: faults.http(204),
    ...lost,
    meta: { status_code: "204" },
    outcome: { ...lost.outcome, httpStatus: 204 },
  },
  { name: "an empty 200 without a type", fault: ofType(undefined, ""), ...lost },
  { name: "an empty 200 of a generic type", fault: ofType("application/octet-stream", ""), ...lost },
  { name: "200 with a page without a type", fault: ofType(undefined, "<html>hello</html>"), ...lost },
  {
    name: "JSON error that is null",
    fault: faults.http(500, { "content-type": "application/json" }, "null"),
    code: TwirpErrorCode.Unknown,
    meta: byProxy(500, "null"),
    outcome: outcome("unknown", 500),
    proof: "no proof",
  },
  {
    name: "the message of an API gateway",
    fault: faults.json(500, { message: "Internal server error" }),
    code: TwirpErrorCode.Unknown,
    meta: byProxy(500, '{"message":"Internal server error"}'),
    outcome: outcome("unknown", 500),
    proof: "no proof",
  },
  {
    name: "the message of an API gateway's rate limiter",
    fault: faults.json(429, { message: "Too Many Requests" }),
    ...limited,
    meta: byProxy(429, '{"message":"Too Many Requests"}'),
    outcome: outcome("resource_exhausted", 429, "none"),
    proof: "proof",
  },
  {
    name: "JSON error with an unknown code",
    fault: faults.json(429, { code: "weird", msg: "no more" }),
    ...limited,
    meta: byProxy(429, '{"code":"weird","msg":"no more"}'),
    outcome: outcome("resource_exhausted", 429),
    proof: "no proof",
  },
  {
    name: "429 that breaks off",
    fault: cutOff(429, HALF),
    ...limited,
    meta: byProxy(429, expect.any(String)),
    outcome: outcome("resource_exhausted", 429),
    proof: "no proof",
  },
  {
    name: "429 that ends too early without a visible error",
    fault: closedEarly(429, HALF),
    ...limited,
    meta: byProxy(429, HALF),
    outcome: outcome("resource_exhausted", 429),
    proof: "no proof",
  },
  {
    name: "429 of JSON with an empty body",
    fault: closedEarly(429, "", "application/json"),
    ...limited,
    meta: byProxy(429, ""),
    outcome: outcome("resource_exhausted", 429),
    proof: "no proof",
  },
  {
    name: "429 with a Twirp error that is longer than maxResponseBytes",
    fault: faults.http(429, { "content-type": "application/json" }, LONG),
    ...limited,
    meta: byProxy(429, expect.stringContaining("resource_exhausted")),
    outcome: outcome("resource_exhausted", 429),
    proof: "no proof",
  },
  { name: "200 with a page", fault: faults.answersWithPage, ...lost },
  { name: "200 that breaks off", fault: faults.truncates, ...lost },
  { name: "200 that is longer than maxResponseBytes", fault: good("x".repeat(5_000)), ...lost },
  {
    name: "200 that is longer than maxResponseBytes once it is unzipped",
    fault: good(gzipSync(Buffer.alloc(50_000_000)), { "content-encoding": "gzip" }),
    ...lost,
  },
  { name: "200 that claims to be zipped but is not", fault: good("{}", { "content-encoding": "gzip" }), ...lost },
];

describe.each(CLIENTS)("an invalid answer from home, twirp-ts, $format", ({ Client }) => {
  const wire = useWire();
  const limit = { maxResponseBytes: 4_096 };

  test.each(ROWS)("$name: a TwirpError with the code $code", async ({ fault, code, meta, outcome }) => {
    const { home, second, client } = await twirpTsPair(wire(), Client, { ...limit, policy: { replay: false } });
    home.always(fault);
    const id = newRequestId();
    const error = await errorOf(CALLS.mutation(client, id));
    expect(error).toBeInstanceOf(TwirpError);
    expect({ code: (error as TwirpError).code, meta: (error as TwirpError).meta }).toEqual({ code, meta });
    expect((error as TwirpError).msg).not.toBe("");
    expect(failoverTrace(error)?.attempts[0]?.error).toBe(error);
    expect(outcomesOf(error)).toMatchObject([outcome]);
    expect([home.saw(id).received, second.saw().received]).toEqual([1, 0]);
  });

  test.each(ROWS)("$name: $proof that nothing ran", async ({ fault, proof }) => {
    const { home, second, client } = await twirpTsPair(wire(), Client, limit);
    home.always(fault);
    const id = newRequestId();
    const call = CALLS.mutation(client, id).catch((error: unknown) => error);
    if (proof === "proof") expect(await call).toBe("second");
    else expect(await call).toBeInstanceOf(TwirpError);
    expect(home.saw(id).received).toBe(1);
    expect(second.saw(id).received).toBe(proof === "proof" ? 1 : 0);
  });
});

describe.each(CLIENTS)("an interim answer, twirp-ts, $format", ({ Client }) => {
  const wire = useWire();

  test("is not the answer: the final answer counts", async () => {
    const { home, second, client } = await twirpTsPair(wire(), Client);
    const early = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n";
    home.script({ instead: ({ req }) => void req.socket.write(early, () => req.socket.resetAndDestroy()) });
    const error = await errorOf(CALLS.mutation(client, newRequestId()));
    const { httpStatus, ...outcome } = outcomesOf(error)[0] ?? expect.fail("no attempt");
    expect({ httpStatus, ...outcome }).toMatchObject({
      code: "unavailable",
      origin: "transport",
      execution: "unknown",
    });
    expect(httpStatus).toBeUndefined();
    expect(second.saw().received).toBe(0);
  });
});

describe.each(CLIENTS)("a valid answer with two headers of the same name, twirp-ts, $format", ({ Client }) => {
  const wire = useWire();

  // protobuf-ts's transport cannot read such an answer.
  test("is accepted", async () => {
    const { home, second, client } = await twirpTsPair(wire(), Client);
    home.always(faults.setsTwoCookies);
    expect(await CALLS.mutation(client, newRequestId())).toBe("home");
    expect(second.saw().received).toBe(0);
  });
});

describe.each(CLIENTS)("without proofOfSending, twirp-ts, $format", ({ Client }) => {
  const wire = useWire();

  test("a 429 that breaks off is not a proof either", async () => {
    const { home, second, client } = await twirpTsPair(wire(), Client, { proofOfSending: false });
    home.always(cutOff(429, HALF));
    const error = await errorOf(CALLS.mutation(client, newRequestId()));
    expect(outcomesOf(error)).toMatchObject([{ origin: "intermediary", httpStatus: 429, execution: "unknown" }]);
    expect(second.saw().received).toBe(0);
  });
});

describe.each(CLIENTS)("a body without an end, twirp-ts, $format", ({ Client }) => {
  const wire = useWire();

  test.each([
    { name: "200", status: 200, zipped: false, code: TwirpErrorCode.DataLoss },
    { name: "zipped 200", status: 200, zipped: true, code: TwirpErrorCode.DataLoss },
    { name: "502", status: 502, zipped: false, code: TwirpErrorCode.Unavailable },
  ])("$name: reading stops at maxResponseBytes", async ({ status, zipped, code }) => {
    const { home, client } = await twirpTsPair(wire(), Client, { maxResponseBytes: 200_000 });
    home.always(faults.endless(status, zipped));
    const error = await errorOf(CALLS.mutation(client, newRequestId()));
    expect(error).toMatchObject({ code });
    if (status === 200) expect((error as TwirpError).msg).toContain("longer than 200000 bytes (maxResponseBytes)");
  });

  test.each([200, 429])("a body that never continues, with status %d, is ended by the timeout", async (status) => {
    const { home, second, rpc } = await twirpTsPair(wire(), Client);
    home.always({
      instead: ({ req, res }) => {
        res.writeHead(status, { "content-type": req.headers["content-type"] }).write(" ");
      },
    });
    const error = await errorOf(CALLS.mutation(new Client(rpc.with({ timeoutMs: 200 })), newRequestId()));
    expect(error).toBeInstanceOf(TwirpError);
    expect(error).toMatchObject({ code: TwirpErrorCode.DeadlineExceeded });
    expect(outcomesOf(error)).toMatchObject([{ origin: "caller", execution: "unknown" }]);
    expect(second.saw().received).toBe(0);
  });
});

describe("a 200 in JSON that is not a message", () => {
  const wire = useWire();
  const { Client } = CLIENTS[1];

  test.each(["null", "[]", "7", '"text"', "", "{", '{"name":"lob', "\u0000"])("%j", async (body) => {
    const { home, second, client } = await twirpTsPair(wire(), Client);
    home.always(good(body));
    const error = await errorOf(CALLS.mutation(client, newRequestId()));
    expect(error).toBeInstanceOf(TwirpError);
    expect(error).toMatchObject({ code: TwirpErrorCode.DataLoss, meta: { status_code: "200" } });
    expect(outcomesOf(error)).toMatchObject([lost.outcome]);
    // The error says what could not be read, and why.
    expect((error as TwirpError).msg).toContain("the answer cannot be read: ");
    expect((error as TwirpError).cause()).toBeInstanceOf(Error);
    expect(second.saw().received).toBe(0);
  });

  test("a read goes on to the second region", async () => {
    const { home, client } = await twirpTsPair(wire(), Client);
    home.always(good("[]"));
    expect(await CALLS.read(client, newRequestId())).toBe("second");
  });
});

describe.each(CLIENTS)("errors of the service and of fetch, twirp-ts, $format", ({ Client }) => {
  const wire = useWire();

  test.each([
    ["data_loss", TwirpErrorCode.DataLoss],
    ["dataloss", TwirpErrorCode.DataLoss],
    ["cancelled", TwirpErrorCode.Canceled],
    ["not_found", TwirpErrorCode.NotFound],
  ])("a Twirp error %j has the code of twirp-ts's enum", async (spelt, code) => {
    const { home, client } = await twirpTsPair(wire(), Client, { policy: { replay: false } });
    home.always(faults.json(500, { code: spelt, msg: "because", meta: { a: "b", n: 7 } }));
    const error = await errorOf(CALLS.read(client, newRequestId()));
    expect(error).toBeInstanceOf(TwirpError);
    expect(error).toMatchObject({ code, msg: "because", message: "because", meta: { a: "b" } });
    expect((error as TwirpError).cause()).toBeUndefined();
  });

  test("without an answer, cause() is the error of fetch", async () => {
    const { home, client } = await twirpTsPair(wire(), Client);
    home.always(faults.resets);
    const error = await errorOf(CALLS.mutation(client, newRequestId()));
    expect(error).toBeInstanceOf(TwirpError);
    expect(error).toMatchObject({ code: TwirpErrorCode.Unavailable, msg: "fetch failed (ECONNRESET)" });
    expect((error as TwirpError).cause()).toMatchObject({ name: "TypeError", cause: { code: "ECONNRESET" } });
    expect(outcomesOf(error)).toMatchObject([{ origin: "transport", execution: "unknown", cause: "ECONNRESET" }]);
  });

  test("a refused connection is a proof: a mutation goes on and runs once", async () => {
    const { home, second, client, attempts } = await twirpTsPair(wire(), Client);
    await home.close();
    expect(await CALLS.mutation(client, newRequestId())).toBe("second");
    expect(second.saw()).toEqual({ received: 1, executed: 1 });
    expect(attempts).toMatchObject([{ execution: "none", cause: "ECONNREFUSED" }, { ok: true }]);
  });
});

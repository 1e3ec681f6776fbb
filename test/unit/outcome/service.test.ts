import { describe, expect, test } from "vitest";
import { TWIRP_CODES, type TwirpCode } from "../../../src/outcome/twirp-code.js";
import { HANDLER_CODES } from "../../support/handler-codes.js";
import { judge, ROUTE } from "../helpers/judging.js";

const AMBIGUOUS: readonly TwirpCode[] = [
  "internal",
  "unknown",
  "unavailable",
  "dataloss",
  "deadline_exceeded",
  "resource_exhausted",
];

describe("the service's own error", () => {
  test("the two groups and bad_route are all codes", () => {
    expect([...HANDLER_CODES, ...AMBIGUOUS, "bad_route"].toSorted()).toEqual([...TWIRP_CODES].toSorted());
  });

  test.each(HANDLER_CODES)("%s was chosen by the handler, so it ran", (code) => {
    expect(judge({ kind: "twirp", code })).toEqual({ code, origin: "service", execution: "done" });
  });

  test.each(AMBIGUOUS)("%s does not say whether the handler ran", (code) => {
    expect(judge({ kind: "twirp", code })).toEqual({ code, origin: "service", execution: "unknown" });
  });

  test.each([
    ["by Go", `POST /twirp/${ROUTE}`, ROUTE],
    ["by twirp-ts, mounted in Express", `POST /${ROUTE}`, ROUTE],
    ["of another HTTP method", `PUT /rpc/v1/${ROUTE}`, ROUTE],
    ["of a method that the client spells in its own way", "POST /twirp/a.B/DialParticipant2", "a.B/dial_participant_2"],
  ])("bad_route %s that names the route proves that no handler ran", (_, invalid, route) => {
    expect(judge({ kind: "twirp", code: "bad_route", meta: { twirp_invalid_route: invalid } }, { route })).toEqual({
      code: "bad_route",
      origin: "service",
      execution: "none",
    });
  });

  test.each<[string, Record<string, unknown>]>([
    ["names no route", {}],
    ["names something else than a route", { twirp_invalid_route: 7 }],
    ["names another method", { twirp_invalid_route: "POST /twirp/acme.rooms.v1.RoomService/GetRoom" }],
    ["names another service", { twirp_invalid_route: "POST /twirp/acme.phones.v1.PhoneService/DialParticipant" }],
    ["names a service whose name ends like ours", { twirp_invalid_route: `POST /twirp/old.${ROUTE}` }],
    ["was a page", { twirp_invalid_route: `POST /twirp/${ROUTE}`, http_error_from_intermediary: "true" }],
  ])("bad_route that %s proves nothing: a handler may have passed it on", (_, meta) => {
    expect(judge({ kind: "twirp", code: "bad_route", meta })).toEqual({
      code: "bad_route",
      origin: "service",
      execution: "unknown",
    });
  });
});

describe("the spellings of a code", () => {
  test.each([
    ["cancelled", "canceled", "protobuf-ts"],
    ["dataloss", "dataloss", "protobuf-ts"],
    ["UNKNOWN", "unknown", "protobuf-ts"],
    ["canceled", "canceled", "Go and twirp-ts"],
    ["data_loss", "dataloss", "Go and twirp-ts"],
    ["NOT_FOUND", "not_found", "upper case"],
    ["Unavailable", "unavailable", "mixed case"],
  ])("%s reads as %s (%s)", (spelling, code) => {
    expect(judge({ kind: "twirp", code: spelling }).code).toBe(code);
  });

  test.each(["", "teapot", "not found", "404"])("%j is not a Twirp code, so a gateway wrote it", (code) => {
    expect(judge({ kind: "twirp", code })).toMatchObject({ origin: "intermediary", execution: "unknown" });
  });

  test("JSON without a Twirp code is judged by its status if that was seen", () => {
    const outcome = judge({ kind: "twirp", code: "gateway_busy" }, { seen: { httpStatus: 503 } });
    expect(outcome).toMatchObject({
      code: "unavailable",
      origin: "intermediary",
      execution: "unknown",
      httpStatus: 503,
    });
  });
});

describe("the service's promise", () => {
  test.each(TWIRP_CODES)('retryable "true" promises that %s ran nothing', (code) => {
    const outcome = judge({ kind: "twirp", code, meta: { retryable: "true" } });
    expect(outcome).toMatchObject({ code, origin: "service", execution: "none" });
  });

  test('retryable "true" is distinguished from a proof', () => {
    expect(judge({ kind: "twirp", code: "internal", meta: { retryable: "true" } }).promised).toBe(true);
    const noRoute = {
      kind: "twirp",
      code: "bad_route",
      meta: { twirp_invalid_route: `POST /twirp/${ROUTE}` },
    } as const;
    expect(judge(noRoute)).not.toHaveProperty("promised");
  });

  test.each(TWIRP_CODES)('retryable "false" forbids a replay after %s', (code) => {
    expect(judge({ kind: "twirp", code, meta: { retryable: "false" } }).forbidden).toBe(true);
  });

  test('retryable "false" does not change that bad_route is a proof', () => {
    const meta = { retryable: "false", twirp_invalid_route: `POST /twirp/${ROUTE}` };
    const outcome = judge({ kind: "twirp", code: "bad_route", meta });
    expect(outcome).toMatchObject({ forbidden: true, execution: "none" });
  });

  test('retryable "false" overrides notExecutedCodes', () => {
    const failure = { kind: "twirp", code: "unavailable", meta: { retryable: "false" } } as const;
    expect(judge(failure, { notExecutedCodes: ["unavailable"] })).toMatchObject({
      forbidden: true,
      execution: "unknown",
    });
  });

  test.each([true, 1, "TRUE", "yes", null, ["true"]])(
    "retryable %j is not a promise, because the convention is a string",
    (value) => {
      const outcome = judge({ kind: "twirp", code: "unavailable", meta: { retryable: value } });
      expect(outcome).toEqual({ code: "unavailable", origin: "service", execution: "unknown" });
    },
  );

  test("meta with other names promises nothing", () => {
    const outcome = judge({ kind: "twirp", code: "unavailable", meta: { cause: "retryable", argument: "true" } });
    expect(outcome.execution).toBe("unknown");
  });
});

describe("notExecutedCodes", () => {
  test("a listed code in the service's own error promises that nothing ran", () => {
    const outcome = judge({ kind: "twirp", code: "unavailable" }, { notExecutedCodes: ["unavailable"] });
    expect(outcome).toEqual({ code: "unavailable", origin: "service", execution: "none", promised: true });
  });

  test("a listed code is recognised in another library's spelling", () => {
    const outcome = judge({ kind: "twirp", code: "data_loss" }, { notExecutedCodes: ["dataloss"] });
    expect(outcome.execution).toBe("none");
  });

  test("a code that is not listed promises nothing", () => {
    const outcome = judge({ kind: "twirp", code: "internal" }, { notExecutedCodes: ["unavailable"] });
    expect(outcome.execution).toBe("unknown");
  });

  test("a proxy's 503 is not an error of the service", () => {
    const outcome = judge({ kind: "http", status: 503 }, { notExecutedCodes: ["unavailable"] });
    expect(outcome).toMatchObject({ code: "unavailable", origin: "intermediary", execution: "unknown" });
  });

  test("an error that came from a proxy further on is not the service's word", () => {
    const meta = { http_error_from_intermediary: "true", status_code: "503" };
    const outcome = judge({ kind: "twirp", code: "unavailable", meta }, { notExecutedCodes: ["unavailable"] });
    expect(outcome).toEqual({ code: "unavailable", origin: "service", execution: "unknown" });
  });

  test("a broken connection is not an error of the service", () => {
    expect(judge({ kind: "none" }, { notExecutedCodes: ["unavailable"] }).execution).toBe("unknown");
    expect(judge({ kind: "broken" }, { notExecutedCodes: ["dataloss"] }).execution).toBe("unknown");
  });

  test("a gateway's JSON without a Twirp code is not an error of the service", () => {
    const outcome = judge(
      { kind: "twirp", code: "oops" },
      { seen: { httpStatus: 503 }, notExecutedCodes: ["unavailable"] },
    );
    expect(outcome).toMatchObject({ origin: "intermediary", execution: "unknown" });
  });
});

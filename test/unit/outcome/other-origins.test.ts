import { describe, expect, test } from "vitest";
import { outcomeOfEnding } from "../../../src/outcome/outcome.js";
import { judge, type Seen, transmissionThat } from "../helpers/judging.js";

describe("an answer that is not a Twirp error", () => {
  test.each([
    [300, "internal"],
    [302, "internal"],
    [307, "internal"],
    [399, "internal"],
    [400, "internal"],
    [401, "unauthenticated"],
    [403, "permission_denied"],
    [404, "bad_route"],
    [405, "unknown"],
    [408, "unknown"],
    [418, "unknown"],
    [429, "resource_exhausted"],
    [451, "unknown"],
    [499, "unknown"],
    [500, "unknown"],
    [501, "unknown"],
    [502, "unavailable"],
    [503, "unavailable"],
    [504, "unavailable"],
    [520, "unknown"],
    [599, "unknown"],
  ])("HTTP %i reads as %s", (status, code) => {
    expect(judge({ kind: "http", status })).toMatchObject({ code, origin: "intermediary", httpStatus: status });
  });

  test.each([
    [429, "a rate limiter stands in front of the handler"],
    [451, "the project is pinned to other regions"],
  ])("HTTP %i proves that nothing ran: %s", (status) => {
    expect(judge({ kind: "http", status }).execution).toBe("none");
  });

  test.each([302, 400, 401, 403, 404, 408, 413, 500, 502, 503, 504, 520])("HTTP %i proves nothing", (status) => {
    expect(judge({ kind: "http", status }).execution).toBe("unknown");
  });

  test("without a status it is internal, and proves nothing", () => {
    expect(judge({ kind: "http" })).toEqual({ code: "internal", origin: "intermediary", execution: "unknown" });
  });

  test("the status that was seen is used if the error has none", () => {
    const outcome = judge({ kind: "http" }, { seen: { httpStatus: 429 } });
    expect(outcome).toMatchObject({ code: "resource_exhausted", execution: "none", httpStatus: 429 });
  });

  test("an error text with another status than the one that was seen proves nothing", () => {
    const outcome = judge({ kind: "http", status: 451 }, { seen: { httpStatus: 500 } });
    expect(outcome).toMatchObject({ execution: "unknown", httpStatus: 500 });
  });
});

describe("no complete answer", () => {
  test("no answer is unavailable, and proves nothing", () => {
    expect(judge({ kind: "none" })).toEqual({ code: "unavailable", origin: "transport", execution: "unknown" });
  });

  test("an answer that broke off is dataloss, because the method may have run in part or in full", () => {
    expect(judge({ kind: "broken" })).toEqual({ code: "dataloss", origin: "transport", execution: "unknown" });
  });

  test("an error after a success status is an answer that could not be read", () => {
    const outcome = judge({ kind: "http", status: 451 }, { seen: { httpStatus: 200 } });
    expect(outcome).toMatchObject({ code: "dataloss", origin: "transport", execution: "unknown", httpStatus: 200 });
  });

  test("a request that is still waiting for its connection proves that nothing ran", () => {
    expect(judge({ kind: "none" }, { seen: "waiting" })).toMatchObject({ origin: "transport", execution: "none" });
  });

  test("a request that was started proves nothing", () => {
    expect(judge({ kind: "none" }, { seen: "started" }).execution).toBe("unknown");
  });

  test.each(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "ConnectionRefused"])(
    "%s only happens before a connection exists, so it is a proof if nothing was observed",
    (cause) => {
      expect(judge({ kind: "none", cause })).toMatchObject({ execution: "none", cause });
      expect(judge({ kind: "none", cause }, { seen: "started" }).execution).toBe("unknown");
    },
  );

  test.each(["ECONNRESET", "EPIPE", "ETIMEDOUT", "UND_ERR_SOCKET", "UND_ERR_HEADERS_TIMEOUT", ""])(
    "%j can happen after the request was sent",
    (cause) => {
      expect(judge({ kind: "none", cause }).execution).toBe("unknown");
    },
  );
});

describe("a request that could not be built", () => {
  test("is the client's failure, and nothing ran", () => {
    expect(judge({ kind: "unsendable" })).toEqual({ code: "internal", origin: "client", execution: "none" });
  });
});

describe("an attempt that we ended", () => {
  const seen: readonly [Seen, string][] = [
    ["nothing", "unknown"],
    ["waiting", "none"],
    ["started", "unknown"],
  ];
  const endings = [
    ["canceled", "canceled", "caller"],
    ["deadline", "deadline_exceeded", "caller"],
    ["timeout", "deadline_exceeded", "timeout"],
    ["connect_timeout", "unavailable", "timeout"],
  ] as const;

  for (const [ending, code, origin] of endings) {
    test.each(seen)(
      `${ending} is ${code} by ${origin}; with %s seen of the request, execution is %s`,
      (what, execution) => {
        expect(outcomeOfEnding(ending, transmissionThat(what))).toEqual({ code, origin, execution });
      },
    );
  }
});

describe("HTTP 451", () => {
  test.each(["unavailable", "permission_denied", "region_pinned"])(
    "proves that nothing ran, also in JSON with the code %s, because no Twirp server answers with it",
    (code) => {
      const outcome = judge({ kind: "twirp", code, meta: {} }, { seen: { httpStatus: 451 } });
      expect(outcome).toMatchObject({ origin: "intermediary", execution: "none", httpStatus: 451 });
    },
  );
});

describe("Retry-After", () => {
  test.each([
    ["0", 0],
    ["5", 5_000],
    ["1.5", 1_500],
    ["15s", 15_000],
    ["1.5s", 1_500],
    ["1m30s", 90_000],
    ["2m0s", 120_000],
    ["1h", 3_600_000],
    ["250ms", 250],
    ["0.25s", 250],
    [" 120 ", 120_000],
    ["Tue, 14 Nov 2023 22:13:30 GMT", 10_000],
    ["Tuesday, 14-Nov-23 22:13:30 GMT", 10_000],
    ["Tue, 14 Nov 2023 22:13:10 GMT", 0],
  ])("%j is a pushback of %i ms", (retryAfter, expected) => {
    expect(judge({ kind: "http", status: 503, retryAfter }).pushbackMs).toBe(expected);
    expect(judge({ kind: "twirp", code: "unavailable", retryAfter }).pushbackMs).toBe(expected);
  });

  test.each([
    "",
    "soon",
    "-1",
    "1.",
    ".5",
    "1e3",
    "5 s",
    "15x",
    "s",
    "2023-11-14",
    "99999999999",
    "Tue, not a date at all",
  ])("%j is ignored with a warning", (retryAfter) => {
    const warnings: string[] = [];
    const outcome = judge({ kind: "http", status: 503, retryAfter }, { warn: (message) => warnings.push(message) });
    expect(outcome).not.toHaveProperty("pushbackMs");
    expect(warnings).toEqual([`a server asked to be left alone for "${retryAfter}", which cannot be read`]);
  });

  test("causes no warning if it is valid or absent", () => {
    const warnings: string[] = [];
    for (const retryAfter of ["15s", undefined]) {
      judge({ kind: "http", status: 503, retryAfter }, { warn: (message) => warnings.push(message) });
    }
    expect(warnings).toEqual([]);
  });
});

describe("Twirp meta retry_after", () => {
  const unavailable = (meta: Record<string, unknown>, retryAfter?: string) =>
    judge({ kind: "twirp", code: "unavailable", meta, ...(retryAfter !== undefined && { retryAfter }) });

  test("is a duration, and overrides the header because it comes from the service", () => {
    expect(unavailable({ retry_after: "15s" }).pushbackMs).toBe(15_000);
    expect(unavailable({ retry_after: "15s" }, "120").pushbackMs).toBe(15_000);
  });

  test("that is not a string is ignored, and the header is used", () => {
    expect(unavailable({ retry_after: 15 }, "120").pushbackMs).toBe(120_000);
    expect(unavailable({ retry_after: 15 })).not.toHaveProperty("pushbackMs");
  });
});

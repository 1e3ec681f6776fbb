import { describe, expect, test } from "vitest";
import type { Execution, Origin, Outcome } from "../../../src/outcome/outcome.js";
import { TWIRP_CODES, type TwirpCode } from "../../../src/outcome/twirp-code.js";
import { DEFAULT_POLICY, type ResolvedPolicy } from "../../../src/policy/policy.js";
import { type RefusalReason, refusalBy } from "../../../src/policy/refusal.js";

const idempotent: ResolvedPolicy = { ...DEFAULT_POLICY, idempotent: true };
const keyed: ResolvedPolicy = { ...DEFAULT_POLICY, idempotencyKey: "Idempotency-Key" };
const mutation: ResolvedPolicy = DEFAULT_POLICY;

const outcome = (execution: Execution, code: TwirpCode = "unavailable", origin: Origin = "service"): Outcome => ({
  code,
  origin,
  execution,
});
const ALLOWED = undefined;

describe("whether a replay is allowed", () => {
  const policies = { "an idempotent method": idempotent, "one with a key": keyed, "a mutation": mutation };
  const rows: [keyof typeof policies, Execution, TwirpCode, RefusalReason | undefined][] = [
    ["an idempotent method", "none", "unavailable", ALLOWED],
    ["an idempotent method", "unknown", "unavailable", ALLOWED],
    ["an idempotent method", "unknown", "deadline_exceeded", "code_not_retryable"],
    ["an idempotent method", "done", "not_found", "answered"],
    ["one with a key", "none", "unavailable", ALLOWED],
    ["one with a key", "unknown", "unavailable", ALLOWED],
    ["one with a key", "unknown", "deadline_exceeded", "code_not_retryable"],
    ["one with a key", "done", "not_found", "answered"],
    ["a mutation", "none", "unavailable", ALLOWED],
    ["a mutation", "unknown", "unavailable", "not_idempotent"],
    ["a mutation", "unknown", "deadline_exceeded", "not_idempotent"],
    ["a mutation", "done", "not_found", "answered"],
  ];
  test.each(rows)("%s, execution %s, %s: refused as %s", (method, execution, code, expected) => {
    expect(refusalBy(policies[method], outcome(execution, code))).toBe(expected);
  });

  test("an attempt that never ran may be replayed with any code", () => {
    for (const code of TWIRP_CODES) {
      expect(refusalBy(mutation, outcome("none", code)), code).toBe(ALLOWED);
      expect(refusalBy(idempotent, outcome("none", code)), code).toBe(ALLOWED);
    }
  });

  test("an attempt that the handler answered is not replayed by default, with any code", () => {
    for (const policy of [idempotent, keyed, mutation]) {
      for (const code of TWIRP_CODES) expect(refusalBy(policy, outcome("done", code)), code).toBe("answered");
    }
  });

  test("it is replayed if the user named the code and the method may run twice", () => {
    const named = { retryableCodes: new Set(TWIRP_CODES) };
    for (const code of TWIRP_CODES) {
      expect(refusalBy({ ...idempotent, ...named }, outcome("done", code)), code).toBe(ALLOWED);
      expect(refusalBy({ ...keyed, ...named }, outcome("done", code)), code).toBe(ALLOWED);
      expect(refusalBy({ ...mutation, ...named }, outcome("done", code)), code).toBe("answered");
      expect(refusalBy({ ...idempotent, ...named, replay: false }, outcome("done", code)), code).toBe("disabled");
      expect(refusalBy({ ...idempotent, ...named }, { ...outcome("done", code), forbidden: true }), code).toBe(
        "forbidden",
      );
    }
  });

  test("it is not where the user named others", () => {
    const aborted: ResolvedPolicy = { ...idempotent, retryableCodes: new Set<TwirpCode>(["aborted"]) };
    expect(refusalBy(aborted, outcome("done", "not_found"))).toBe("answered");
    expect(refusalBy(aborted, outcome("done", "aborted"))).toBe(ALLOWED);
  });
});

describe("the codes that are retryable by default", () => {
  const retryable: readonly TwirpCode[] = ["unavailable", "internal", "unknown", "dataloss", "bad_route"];

  test.each(retryable)("%s is", (code) => {
    expect(refusalBy(idempotent, outcome("unknown", code))).toBe(ALLOWED);
    expect(refusalBy(idempotent, outcome("unknown", code, "intermediary"))).toBe(ALLOWED);
  });

  test.each(TWIRP_CODES.filter((code) => !retryable.includes(code)))("%s is not", (code) => {
    expect(refusalBy(idempotent, outcome("unknown", code))).toBe("code_not_retryable");
    expect(refusalBy(idempotent, outcome("unknown", code, "intermediary"))).toBe("code_not_retryable");
  });

  test.each(["transport", "timeout"] as const)("every failure of origin %s is retryable, with any code", (origin) => {
    const none: ResolvedPolicy = { ...idempotent, retryableCodes: new Set() };
    for (const code of TWIRP_CODES) expect(refusalBy(none, outcome("unknown", code, origin)), code).toBe(ALLOWED);
  });

  test("the policy's codes replace them", () => {
    const own: ResolvedPolicy = { ...idempotent, retryableCodes: new Set<TwirpCode>(["resource_exhausted"]) };
    expect(refusalBy(own, outcome("unknown", "resource_exhausted"))).toBe(ALLOWED);
    expect(refusalBy(own, outcome("unknown", "unavailable"))).toBe("code_not_retryable");
  });
});

describe("an intermediary's redirect or 4xx", () => {
  const all: ResolvedPolicy = { ...idempotent, retryableCodes: new Set(TWIRP_CODES) };
  const page = (code: TwirpCode, httpStatus: number, origin: Origin = "intermediary"): Outcome => ({
    ...outcome("unknown", code, origin),
    httpStatus,
  });

  test.each([
    ["internal", 302],
    ["internal", 400],
    ["unknown", 413],
    ["unknown", 499],
  ] as const)("(%s, %i) is about the request, so it is final whatever the retryableCodes are", (code, status) => {
    expect(refusalBy(all, page(code, status))).toBe("code_not_retryable");
    expect(refusalBy(mutation, page(code, status))).toBe("not_idempotent");
  });

  test.each([
    ["unknown", 408],
    ["unknown", 421],
    ["unknown", 425],
    ["unknown", 451],
    ["unknown", 299],
    ["unknown", 500],
    ["bad_route", 404],
    ["permission_denied", 403],
    ["resource_exhausted", 429],
  ] as const)("(%s, %i) may be about the region", (code, status) => {
    expect(refusalBy(all, page(code, status))).toBe(ALLOWED);
  });

  test("is none if the service wrote it, nor if its status is not known", () => {
    expect(refusalBy(all, page("unknown", 400, "service"))).toBe(ALLOWED);
    expect(refusalBy(all, outcome("unknown", "internal", "intermediary"))).toBe(ALLOWED);
  });
});

describe("no policy allows", () => {
  test.each([
    ["the caller's abort", "canceled", "caller", "aborted"],
    ["the call's deadline", "deadline_exceeded", "caller", "deadline"],
    ["a request that could not be built", "internal", "client", "unsendable"],
  ] as const)("a replay after %s", (_, code, origin, reason) => {
    for (const execution of ["none", "unknown"] as const) {
      expect(refusalBy(idempotent, outcome(execution, code, origin))).toBe(reason);
    }
  });

  test("a replay after an answer that this side cannot decode: it is an answer", () => {
    expect(refusalBy(idempotent, outcome("done", "internal", "client"))).toBe("answered");
  });

  test('a replay that the service forbade with retryable "false"', () => {
    for (const execution of ["none", "unknown"] as const) {
      expect(refusalBy(idempotent, { ...outcome(execution), forbidden: true })).toBe("forbidden");
    }
    expect(refusalBy(idempotent, { ...outcome("done"), forbidden: true })).toBe("answered");
  });
});

describe("replay: false", () => {
  const off: ResolvedPolicy = { ...idempotent, replay: false };

  test.each(["none", "unknown"] as const)(
    "refuses a replay that would otherwise be allowed (execution %s)",
    (execution) => {
      expect(refusalBy(off, outcome(execution))).toBe("disabled");
    },
  );

  test("does not hide that the handler answered", () => {
    expect(refusalBy(off, outcome("done", "not_found"))).toBe("answered");
  });
});

/** Attempts that waited for a connection in vain: is the region down, or was a pool of this side too small? */
import { describe, expect, test } from "vitest";
import { evidenceOf } from "../../../src/health/evidence.js";
import type { Outcome } from "../../../src/outcome/outcome.js";
import { breakerWith, type EvidenceKind, probingBreaker } from "../helpers/breakers.js";

const ANSWERS: readonly EvidenceKind[] = ["success", "failure", "alive", "doubtful"];

describe("an attempt that ended before it had a connection", () => {
  test.each<[string, Partial<Outcome>, EvidenceKind]>([
    ["by connectTimeoutMs", { code: "unavailable", execution: "none" }, "unconnected"],
    ["by its own limit", { code: "deadline_exceeded", execution: "none" }, "unconnected"],
    ["by its own limit, once it was sent", { code: "deadline_exceeded", execution: "unknown" }, "unanswered"],
    ["by a refusal", { origin: "transport", code: "unavailable", execution: "none" }, "unanswered"],
    ["by the deadline of its caller", { origin: "caller", code: "deadline_exceeded", execution: "none" }, "nothing"],
  ])("%s", (_, outcome, expected) => {
    expect(evidenceOf({ origin: "timeout", code: "unavailable", execution: "none", ...outcome }).kind).toBe(expected);
  });

  test("ejects at the third in a row, when the region answered nobody", () => {
    const { attempts, reported } = breakerWith();
    attempts(3, "unconnected", 0);
    expect(reported).toMatchObject([{ type: "ejected", reason: "consecutive_failures" }]);
  });

  test("does so when the last answer is from before it began", () => {
    const { breaker, attempt, kind } = breakerWith();
    attempt("success", 999);
    const waiting = [1, 2, 3].map(() => breaker.acquire(1_000, "never"));
    for (const permit of waiting) permit.settle({ kind: "unconnected" }, 2_000);
    expect(kind()).toBe("ejected");
  });

  test.each(ANSWERS)("says nothing when the region answered somebody meanwhile (%s)", (answer) => {
    const { breaker, attempt, kind } = breakerWith({ consecutiveFailures: 1 });
    const waiting = Array.from({ length: 50 }, () => breaker.acquire(1_000, "never"));
    attempt(answer, 1_500);
    const share = breaker.failureShare(2_000);
    for (const permit of waiting) permit.settle({ kind: "unconnected" }, 2_000);
    expect(kind()).toBe("healthy");
    expect(breaker.failureShare(2_000)).toBe(share);
  });

  test.each<EvidenceKind>(["nothing", "unanswered", "unconnected"])("%s is no answer", (other) => {
    const { breaker, attempt, kind } = breakerWith({ consecutiveFailures: 2 });
    const waiting = breaker.acquire(1_000, "never");
    attempt(other, 1_500);
    waiting.settle({ kind: "unconnected" }, 2_000);
    breaker.acquire(2_000, "never").settle({ kind: "unconnected" }, 3_000);
    expect(kind()).toBe("ejected");
  });

  test("as a probe is a failed one", () => {
    const { breaker, probe } = probingBreaker();
    probe.settle({ kind: "unconnected" }, 31_000);
    expect(breaker.state).toMatchObject({ kind: "ejected", consecutive: 2 });
  });
});

describe("an ejection by such attempts alone", () => {
  test.each<EvidenceKind>(["success", "alive"])(
    "ends with an answer to a request from before it (%s): the pool was full of slow ones",
    (answer) => {
      const { breaker, attempts, reported, kind } = breakerWith();
      const slow = breaker.acquire(0, "never");
      attempts(3, "unconnected", 1_000);
      expect(kind()).toBe("ejected");
      slow.settle({ kind: answer }, 3_000);
      expect(kind()).toBe("healthy");
      expect(reported.map(({ type }) => type)).toEqual(["ejected", "readmitted"]);
      expect(breaker.failureShare(3_000)).toBe(0);
    },
  );

  test("is none of a row then", () => {
    const { breaker, attempts, reported } = breakerWith();
    const slow = breaker.acquire(0, "never");
    attempts(3, "unconnected", 1_000);
    slow.settle({ kind: "success" }, 3_000);
    attempts(3, "unanswered", 4_000);
    expect(reported.at(-1)).toMatchObject({ type: "ejected", consecutive: 1 });
  });

  test("does not end so when one of them was sent, or refused", () => {
    const { breaker, attempts, kind } = breakerWith();
    const slow = breaker.acquire(0, "never");
    attempts(2, "unconnected", 1_000);
    attempts(1, "unanswered", 1_000);
    slow.settle({ kind: "success" }, 3_000);
    expect(kind()).toBe("ejected");
  });

  test("does not end by silence", () => {
    const { breaker, attempts, kind } = breakerWith();
    const slow = breaker.acquire(0, "never");
    attempts(3, "unconnected", 1_000);
    slow.settle({ kind: "unanswered" }, 5_000);
    expect(kind()).toBe("ejected");
  });
});

test("an ejection by failures is not ended by what was under way before it", () => {
  const { breaker, attempts } = breakerWith();
  const slow = breaker.acquire(0, "never");
  attempts(10, "failure", 1_000);
  slow.settle({ kind: "success" }, 3_000);
  expect(breaker.state.kind).toBe("ejected");
});

import { describe, expect, test } from "vitest";
import { failoverTrace } from "../../../src/call/trace.js";
import {
  hang,
  http,
  noAnswer,
  ok,
  type Reply,
  refused,
  simulate,
  twirp,
  unsendable,
  useSimulatedTime,
} from "../helpers/simulation.js";

useSimulatedTime();

const idempotent = { idempotent: true };

describe("the error that the caller sees", () => {
  const rows: [string, Reply[], number][] = [
    ["the latest error if the handler may have run", [twirp("internal"), noAnswer(), twirp("unavailable")], 2],
    ["not the error of a later attempt that never ran", [twirp("internal"), refused(), http(429)], 0],
    ["the error of the latest attempt that may have run, between others", [refused(), twirp("internal"), http(451)], 1],
    ["the first error, if no attempt ran", [refused(), http(429), http(451)], 0],
    ["the handler's own answer, when it ends the call", [twirp("unavailable"), twirp("not_found")], 1],
  ];
  test.each(rows)("is %s", async (_, replies, expected) => {
    const sim = simulate({ replies, policy: idempotent });
    const error = await sim.fail();
    expect(sim.world.requests).toHaveLength(replies.length);
    expect(error).toBe(sim.world.requests[expected]?.error);
  });

  test("is the error of the only attempt for a mutation that may have run", async () => {
    const sim = simulate({ replies: [twirp("unavailable"), ok()] });
    expect(await sim.fail()).toBe(sim.world.requests[0]?.error);
    expect(sim.asked()).toEqual(["a"]);
  });

  test("is the error that send threw, when the request could not be built", async () => {
    const sim = simulate({ replies: [unsendable, ok()], policy: idempotent });
    expect(await sim.fail()).toBe(sim.world.requests[0]?.error);
    expect(sim.asked()).toEqual(["a"]);
  });

  test("names the method and the limit when our timer ended the call", async () => {
    const sim = simulate({ replies: [hang], policy: { timeoutMs: 400 } });
    const error = await sim.fail();
    expect(error.message).toContain("acme.rooms.v1.RoomService/DialParticipant");
    expect(error.message).toContain("400 ms");
  });

  test("names the region and perAttemptTimeoutMs when that ended the attempt", async () => {
    const sim = simulate({ replies: [hang], policy: { perAttemptTimeoutMs: 70 } });
    const error = await sim.fail();
    expect(error.message).toMatch(/from a within 70 ms \(perAttemptTimeoutMs\)/);
  });

  test("has the reason of the abort as its cause", async () => {
    const sim = simulate({ replies: [hang] });
    const reason = new Error("the page was closed");
    const controller = new AbortController();
    setTimeout(() => controller.abort(reason), 5);
    expect((await sim.fail({ signal: controller.signal })).cause).toBe(reason);
  });

  test("may be a value that is not an Error, if the transport rejected with it", async () => {
    const sim = simulate({ replies: [] });
    const settled = await sim.run({ send: () => Promise.reject("a string"), inspect: () => ({ kind: "none" }) });
    expect(settled).toMatchObject({ ok: false, error: "a string" });
  });
});

describe("the trace of an error", () => {
  test("lists the attempts in order with their outcomes", async () => {
    const sim = simulate({
      replies: [refused(5), twirp("internal", {}, 7), http(503, undefined, 9)],
      policy: idempotent,
    });
    const error = await sim.fail();
    const trace = failoverTrace(error);
    expect(trace).toMatchObject({
      callId: 1,
      service: "acme.rooms.v1.RoomService",
      method: "DialParticipant",
      refused: "max_attempts",
    });
    expect(trace?.attempts.map(({ region, outcome, elapsedMs }) => [region.id, outcome, elapsedMs])).toEqual([
      ["a", { code: "unavailable", origin: "transport", execution: "none", cause: "ECONNREFUSED" }, 5],
      ["b", { code: "internal", origin: "service", execution: "unknown" }, 7],
      ["c", { code: "unavailable", origin: "intermediary", execution: "unknown", httpStatus: 503 }, 9],
    ]);
    expect(trace?.attempts.map((attempt) => attempt.error)).toEqual(sim.world.requests.map((request) => request.error));
    // The second starts at once because the first never ran. The third starts after a wait.
    expect(trace?.attempts.map(({ startedMs }) => startedMs)).toEqual([0, 5, 212]);
  });

  const reasons: [string, Reply[], object, object][] = [
    ["answered", [twirp("not_found")], idempotent, {}],
    ["unsendable", [unsendable], idempotent, {}],
    ["forbidden", [twirp("unavailable", { meta: { retryable: "false" } })], idempotent, {}],
    ["deadline", [hang], { idempotent: false, timeoutMs: 100 }, {}],
    ["not_idempotent", [twirp("internal")], {}, {}],
    ["code_not_retryable", [twirp("deadline_exceeded")], idempotent, {}],
    ["disabled", [refused()], { replay: false }, {}],
    ["max_attempts", [noAnswer()], { ...idempotent, maxAttempts: 1 }, {}],
    ["no_region", [noAnswer()], { ...idempotent, sameRegion: false }, { ids: ["a"] }],
    ["throttled", [noAnswer()], idempotent, { ids: ["a"], retryThrottling: { maxTokens: 1 } }],
    ["deadline", [noAnswer()], { ...idempotent, timeoutMs: 100 }, {}],
  ];
  test.each(reasons)("says why there was no further attempt: %s", async (reason, replies, policy, options) => {
    const sim = simulate({ replies, policy, ...options });
    const error = await sim.fail();
    expect(failoverTrace(error)?.refused).toBe(reason);
    expect(sim.eventsOf("replay_refused").map((event) => event.reason)).toEqual(
      ["answered", "unsendable"].includes(reason) ? [] : [reason],
    );
  });

  test("is empty for a call that ended before its first attempt", async () => {
    const sim = simulate({ replies: [ok()] });
    const error = await sim.fail({ signal: AbortSignal.abort() });
    expect(failoverTrace(error)).toMatchObject({ attempts: [], refused: "aborted" });
  });

  test.each([new Error("another"), undefined, null, "text", 7, {}])("is undefined for anything else: %s", (other) => {
    expect(failoverTrace(other)).toBeUndefined();
  });
});

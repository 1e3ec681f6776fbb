import { describe, expect, test } from "vitest";
import { failoverTrace } from "../../../src/call/trace.js";
import { hang, LocalError, noAnswer, ok, simulate, twirp, useSimulatedTime } from "../helpers/simulation.js";

useSimulatedTime();

const originOf = (error: unknown) => failoverTrace(error)?.attempts[0]?.outcome.origin;

describe("the reason for a failed attempt", () => {
  test("is the caller's abort, not the transport's error that follows from it", async () => {
    const sim = simulate({ replies: [ok(1_000)], policy: { idempotent: true } });
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 50);
    const error = await sim.fail({ signal: controller.signal });
    expect(error).toMatchObject({ constructor: LocalError, code: "canceled" });
    expect(originOf(error)).toBe("caller");
  });

  test("is the caller's abort, not a timer that is due at the same time", async () => {
    const sim = simulate({ replies: [hang], policy: { timeoutMs: 50 } });
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 50);
    const error = await sim.fail({ signal: controller.signal });
    expect(error).toMatchObject({ code: "canceled" });
  });

  test("is our timer, not the transport's error that follows from it", async () => {
    const sim = simulate({ replies: [ok(1_000)], policy: { maxAttempts: 1, perAttemptTimeoutMs: 50 } });
    const error = await sim.fail();
    expect(error).toMatchObject({ constructor: LocalError, code: "deadline_exceeded" });
    expect(originOf(error)).toBe("timeout");
  });

  test("is the caller's deadline if the timer is due at the call's deadline", async () => {
    const sim = simulate({ replies: [hang], policy: { timeoutMs: 50, perAttemptTimeoutMs: 50 } });
    expect(originOf(await sim.fail())).toBe("caller");
  });

  test.each([
    [twirp("not_found"), "service"],
    [noAnswer(), "transport"],
  ])("is the error itself if there was neither an abort nor a timer", async (reply, origin) => {
    const sim = simulate({ replies: [reply] });
    const error = await sim.fail({ signal: new AbortController().signal });
    expect(originOf(error)).toBe(origin);
    expect(error).toBe(sim.world.requests[0]?.error);
  });

  test("is the transport's own code, not our timeout, if the transport timed out itself", async () => {
    const sim = simulate({ replies: [twirp("deadline_exceeded")] });
    expect(originOf(await sim.fail())).toBe("service");
  });
});

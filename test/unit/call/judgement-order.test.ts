import { describe, expect, test } from "vitest";
import { failoverTrace } from "../../../src/call/trace.js";
import { hang, LocalError, noAnswer, ok, simulate, twirp, useSimulatedTime } from "../helpers/simulation.js";

useSimulatedTime();

const originOf = (error: unknown) => failoverTrace(error)?.attempts[0]?.outcome.origin;

describe("why an attempt failed", () => {
  test("the caller's abort outranks the error that the transport makes of it", async () => {
    const sim = simulate({ replies: [ok(1_000)], policy: { idempotent: true } });
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 50);
    const error = await sim.fail({ signal: controller.signal });
    expect(error).toMatchObject({ constructor: LocalError, code: "canceled" });
    expect(originOf(error)).toBe("caller");
  });

  test("the caller's abort outranks a timer that is due at the same time", async () => {
    const sim = simulate({ replies: [hang], policy: { timeoutMs: 50 } });
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 50);
    const error = await sim.fail({ signal: controller.signal });
    expect(error).toMatchObject({ code: "canceled" });
  });

  test("our timer outranks the error that the transport makes of it", async () => {
    const sim = simulate({ replies: [ok(1_000)], policy: { maxAttempts: 1, perAttemptTimeoutMs: 50 } });
    const error = await sim.fail();
    expect(error).toMatchObject({ constructor: LocalError, code: "deadline_exceeded" });
    expect(originOf(error)).toBe("timeout");
  });

  test("a timer at the deadline of the call is the caller's", async () => {
    const sim = simulate({ replies: [hang], policy: { timeoutMs: 50, perAttemptTimeoutMs: 50 } });
    expect(originOf(await sim.fail())).toBe("caller");
  });

  test.each([
    [twirp("not_found"), "service"],
    [noAnswer(), "transport"],
  ])("without either, the error itself is judged", async (reply, origin) => {
    const sim = simulate({ replies: [reply] });
    const error = await sim.fail({ signal: new AbortController().signal });
    expect(originOf(error)).toBe(origin);
    expect(error).toBe(sim.world.requests[0]?.error);
  });

  test("the error is judged as the transport's own code says, not as our timeout", async () => {
    const sim = simulate({ replies: [twirp("deadline_exceeded")] });
    expect(originOf(await sim.fail())).toBe("service");
  });
});

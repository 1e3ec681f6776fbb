import { describe, expect, test } from "vitest";
import { createFailover } from "../../../src/failover.js";
import { policiesFor } from "../../../src/policy/policies-for.js";
import { flush, noAnswer, ok, refused, simulate, useSimulatedTime } from "../helpers/simulation.js";

useSimulatedTime();

const regions = ["https://a.example.com/twirp"];
const everywhere = ["a", "b", "c", "d", "e", "f", "g"];

describe("maxAttempts", () => {
  test("is 3 by default, including the first attempt", async () => {
    const sim = simulate({ replies: [noAnswer()], ids: everywhere, policy: { idempotent: true } });
    await sim.fail();
    expect(sim.asked()).toEqual(["a", "b", "c"]);
  });

  test.each([1, 2, 4, 5])("of %i is the number of requests", async (maxAttempts) => {
    const sim = simulate({ replies: [noAnswer()], ids: everywhere, policy: { idempotent: true, maxAttempts } });
    await sim.fail();
    expect(sim.asked()).toHaveLength(maxAttempts);
    expect(sim.eventsOf("replay_refused")).toMatchObject([{ reason: "max_attempts", attempt: maxAttempts }]);
  });

  test("includes failovers that cost no token", async () => {
    const sim = simulate({ replies: [refused()], ids: everywhere });
    await sim.fail();
    expect(sim.asked()).toEqual(["a", "b", "c"]);
  });

  test("above 5 is taken as 5", async () => {
    const sim = simulate({ replies: [noAnswer()], ids: everywhere, policy: { idempotent: true, maxAttempts: 50 } });
    await sim.fail();
    expect(sim.asked()).toHaveLength(5);
  });

  test("of one call overrides the policy's", async () => {
    const sim = simulate({ replies: [noAnswer()], ids: everywhere, policy: { idempotent: true, maxAttempts: 5 } });
    await sim.fail({ policy: { maxAttempts: 2 } });
    expect(sim.asked()).toHaveLength(2);
  });

  test("is 1 for a call with failover: false", async () => {
    const sim = simulate({ replies: [refused(), ok()], policy: { idempotent: true } });
    await sim.fail({ policy: false });
    expect(sim.asked()).toEqual(["a"]);
  });
});

describe("the warning about maxAttempts above 5", () => {
  async function warningsOf(register: (warn: (message: string) => void) => void): Promise<string[]> {
    const heard: string[] = [];
    register((message) => heard.push(message));
    await flush();
    return heard;
  }

  test("reaches a listener that was registered right after createFailover()", async () => {
    const heard = await warningsOf((warn) => {
      const failover = createFailover({ regions, policies: { "*": { maxAttempts: 9 } } });
      failover.on("warning", ({ message }) => warn(message));
    });
    expect(heard).toEqual(['policies["*"].maxAttempts is 9; taken as 5, the most there is']);
  });

  test("names the method of a table that policiesFor() made", async () => {
    const service = { typeName: "acme.Rooms", methods: [{ name: "GetRoom", localName: "getRoom" }] };
    const policies = policiesFor<{ getRoom(): void }>(service, { getRoom: { maxAttempts: 6 } });
    const heard = await warningsOf((warn) => {
      createFailover({ regions, policies }).on("warning", ({ message }) => warn(message));
    });
    expect(heard).toEqual([expect.stringContaining('policies["acme.Rooms/GetRoom"].maxAttempts is 6')]);
  });

  test("is given for a call's own policy too", async () => {
    const sim = simulate({ replies: [ok()] });
    await sim.run({ policy: { maxAttempts: 8 } });
    expect(sim.eventsOf("warning")).toMatchObject([{ message: expect.stringContaining("maxAttempts is 8") }]);
  });

  test("is not given for 5", async () => {
    const heard = await warningsOf((warn) => {
      const failover = createFailover({ regions, policies: { "*": { maxAttempts: 5 } } });
      failover.on("warning", ({ message }) => warn(message));
    });
    expect(heard).toEqual([]);
  });
});

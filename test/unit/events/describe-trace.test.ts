/** `describe(failoverTrace(error))`: what is behind an error, in a few words. */
import { expect, test } from "vitest";
import { failoverTrace, describe as tell } from "../../../src/index.js";
import { failWith, http, noAnswer, ok, refused, simulate, useSimulatedTime } from "../helpers/simulation.js";

useSimulatedTime();

const NAME = "acme.rooms.v1.RoomService/DialParticipant";

test("each region with its failure, and why there was no further attempt", async () => {
  const replies = [refused(12), http(503, undefined, 30), noAnswer(5)];
  const sim = simulate({ replies, ids: ["us", "eu", "ap"], policy: { idempotent: true } });
  expect(tell(failoverTrace(await sim.fail()))).toBe(
    `${NAME} failed in us (unavailable: ECONNREFUSED, 12 ms), in eu (unavailable: HTTP 503, 30 ms), in ap (unavailable, 5 ms); not replayed: max_attempts`,
  );
});

test("a mutation that may have run", async () => {
  const sim = simulate({ replies: [failWith({ kind: "none", cause: "ECONNRESET" })] });
  expect(tell(failoverTrace(await sim.fail()))).toBe(
    `${NAME} failed in a (unavailable: ECONNRESET, 10 ms); not replayed: not_idempotent`,
  );
});

test("a call that had no attempt", async () => {
  const sim = simulate({ replies: [ok()] });
  sim.failover.close();
  expect(tell(failoverTrace(await sim.fail()))).toBe(`${NAME} failed before any attempt: closed`);
});

test("an error of something else, which has no trace, is told without throwing", () => {
  expect(tell(failoverTrace(new Error("no call's")))).toBe("not the error of a call");
});

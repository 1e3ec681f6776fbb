import { expect, test } from "vitest";
import { http, ok, useSimulatedTime } from "../helpers/simulation.js";
import { switchboard } from "../helpers/switchboard.js";

useSimulatedTime();

const NEVER = { timeout: Number.POSITIVE_INFINITY };

test.each(["31", "3600", "999999999", new Date(Date.UTC(2100, 0)).toUTCString()])(
  "a call without a deadline waits 30 s at most for Retry-After: %s",
  async (retryAfter) => {
    const board = switchboard({ a: http(503, retryAfter) }, { ids: ["a"] });
    const run = board.run(NEVER);
    board.set("a", ok());
    expect(await run).toMatchObject({ ok: true, value: "answer of a", atMs: 30_020 });
  },
);

test("a shorter one is waited for in full", async () => {
  const board = switchboard({ a: http(503, "29") }, { ids: ["a"] });
  const run = board.run(NEVER);
  board.set("a", ok());
  expect(await run).toMatchObject({ ok: true, atMs: 29_020 });
});

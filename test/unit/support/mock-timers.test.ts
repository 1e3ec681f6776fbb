import { mock } from "node:test";
import { createFailover } from "twirp-failover";
import { afterEach, expect, test } from "vitest";

afterEach(() => mock.timers.reset());

/** Node's own mock moves the timers but not `performance.now()`. */
test("mocked timers end a call, whether the clock is mocked too or not", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const failover = createFailover({ regions: ["https://a.example.com/twirp"] });
  const call = failover.run({
    service: "acme.rooms.v1.RoomService",
    method: "GetRoom",
    timeout: 4_500,
    send: () => new Promise<never>(() => {}),
    inspect: () => ({ kind: "none" }),
    createError: (code) => new Error(code),
  });
  const settled = expect(call).rejects.toThrow("deadline_exceeded");
  for (let i = 0; i < 5; i++) mock.timers.tick(1_000);
  await settled;
});

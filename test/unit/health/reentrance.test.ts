import { describe, expect, test, vi } from "vitest";
import { flush, hang, http, noAnswer, ok, useSimulatedTime } from "../helpers/simulation.js";
import { type Switchboard, switchboard } from "../helpers/switchboard.js";

useSimulatedTime();

/** What must hold when all calls have settled, after anything that a listener or an adapter did. */
function expectNothingUnderWay({ failover }: Switchboard): void {
  expect(failover.regions().map(({ inFlight }) => inFlight)).toEqual(failover.regions().map(() => 0));
  expect(failover.regions().map(({ state }) => state)).not.toContain("probing");
  expect(vi.getTimerCount()).toBe(0);
}

describe("an attempt ends once, also for its region", () => {
  test("when the caller aborts while the request is built, and it cannot be built", async () => {
    const board = switchboard();
    const controller = new AbortController();
    const send = () => {
      controller.abort();
      throw new Error("no header can be made");
    };
    expect(await board.fail({ signal: controller.signal, send })).toMatchObject({ code: "canceled" });
    expectNothingUnderWay(board);
  });

  test("when the caller aborts while the adapter reads the error", async () => {
    const board = switchboard({ a: noAnswer() });
    const controller = new AbortController();
    const inspect = () => {
      controller.abort();
      return { kind: "none" } as const;
    };
    await board.run({ signal: controller.signal, inspect });
    expectNothingUnderWay(board);
  });

  test("when a listener for warnings aborts the call", async () => {
    const board = switchboard({ a: http(503, "soon") });
    const controller = new AbortController();
    board.failover.on("warning", () => controller.abort());
    await board.run({ signal: controller.signal });
    expect(board.eventsOf("warning")).toHaveLength(1);
    expectNothingUnderWay(board);
  });
});

describe("a listener", () => {
  const afterEjection = async () => {
    const board = switchboard({ a: noAnswer() });
    await board.runAll(3);
    vi.advanceTimersByTime(30_000);
    return board;
  };

  test("for region_probe that aborts the call: nothing is sent, and the next call may probe", async () => {
    const board = await afterEjection();
    board.set("a", hang);
    const controller = new AbortController();
    board.failover.on("region_probe", () => controller.abort());
    const before = board.asked().length;
    const start = performance.now();
    expect(await board.run({ signal: controller.signal })).toMatchObject({
      ok: false,
      error: { code: "canceled" },
      atMs: start,
    });
    expect(board.asked().slice(before)).toEqual([]);
    expectNothingUnderWay(board);
  });

  test.each(["region_ejected", "region_probe", "region_readmitted"] as const)(
    "for %s that throws does not affect calls",
    async (type) => {
      const board = switchboard({ a: noAnswer() });
      board.failover.on(type, () => {
        throw new Error("a bug of the listener");
      });
      const settled = await board.runAll(3);
      vi.advanceTimersByTime(30_000);
      board.set("a", ok());
      settled.push(...(await board.runAll(3)));
      expect(settled.every(({ ok }) => ok)).toBe(true);
      expect(board.status("a").state).toBe("healthy");
      expect(board.eventsOf("warning")).toMatchObject([
        { message: `a listener of "${type}" threw: a bug of the listener` },
      ]);
    },
  );

  test("for region_ejected that starts a call sees the region ejected", async () => {
    const board = switchboard({ a: noAnswer() });
    const answers: Promise<string>[] = [];
    board.failover.on("region_ejected", () => answers.push(board.start()));
    await board.runAll(3);
    vi.advanceTimersByTime(10);
    await flush();
    expect(await Promise.all(answers)).toEqual(["answer of b"]);
  });
});

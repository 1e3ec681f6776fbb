import { describe, expect, test, vi } from "vitest";
import { EPOCH, http, noAnswer, ok, type Reply, twirp, useSimulatedTime } from "../helpers/simulation.js";
import { switchboard } from "../helpers/switchboard.js";

useSimulatedTime();

const inSeconds = (seconds: number) => new Date(EPOCH + seconds * 1_000).toUTCString();

describe("Retry-After", () => {
  test.each<[string, Reply, number]>([
    ["a 503, in seconds", http(503, "5"), 5_010],
    ["a 429, in seconds", http(429, "5"), 5_010],
    ["a 503, as a date", http(503, inSeconds(5)), 5_000],
    ["the service's unavailable, in its meta", twirp("unavailable", { meta: { retry_after: "5s" } }), 5_010],
    ["the service's resource_exhausted", twirp("resource_exhausted", { retryAfter: "5" }), 5_010],
    ["a 503, of an hour", http(503, "3600"), 30_010],
    ["a 429, of an hour", http(429, "3600"), 30_010],
  ])("with %s ejects the region for that long, at most 30 s", async (_, reply, untilMs) => {
    const board = switchboard({ a: reply });
    await board.run();
    expect(board.eventsOf("region_ejected")).toEqual([
      {
        type: "region_ejected",
        at: EPOCH + 10,
        region: "a",
        reason: "pushback",
        untilMs: EPOCH + untilMs,
        consecutive: 0,
      },
    ]);
    board.set("a", ok());
    vi.advanceTimersByTime(untilMs - performance.now() - 20);
    expect(await board.run()).toMatchObject({ value: "answer of b" });
    vi.advanceTimersByTime(20);
    expect(await board.run()).toMatchObject({ value: "answer of a" });
  });

  test.each<[string, Reply]>([
    ["a 500", http(500, "5")],
    ["a 404", http(404, "5")],
    ["the service's not_found", twirp("not_found", { retryAfter: "5" })],
    ["a 503 that cannot be read", http(503, "soon")],
    ["a 503, of 0 s", http(503, "0")],
  ])("with %s ejects no region", async (_, reply) => {
    const board = switchboard({ a: reply });
    await board.run();
    expect(board.eventsOf("region_ejected")).toEqual([]);
    expect(board.status("a").state).toBe("healthy");
  });

  test("applies to mutations too: they are not sent there meanwhile", async () => {
    const board = switchboard({ a: http(429, "5") }, { policy: {} });
    await board.runAll(10);
    expect(board.requestsTo("a")).toBe(1);
  });

  test("from every region does not stop calls: they go on, and start at home", async () => {
    const board = switchboard({ a: http(429, "20"), b: http(429, "20"), c: http(429, "20") });
    await board.run();
    expect(board.failover.regions().map(({ state }) => state)).toEqual(["ejected", "ejected", "ejected"]);
    board.set("a", ok());
    expect(await board.run()).toMatchObject({ value: "answer of a" });
  });

  test("of a 503 is waited for by a retry in the same region, although the region is ejected", async () => {
    const board = switchboard({ a: http(503, "2") }, { ids: ["a"] });
    const run = board.run();
    board.set("a", http(503, "2"));
    await run;
    expect(board.world.requests.map(({ atMs }) => atMs)).toEqual([0, 2_010, 4_020]);
  });

  test("in the answer to a probe is the least time until the next one, because the probe failed", async () => {
    const board = switchboard({ a: noAnswer() });
    await board.runAll(3);
    vi.advanceTimersByTime(30_000);
    board.set("a", http(503, "5"));
    await board.run();
    expect(board.eventsOf("region_ejected").map(({ reason, consecutive }) => [reason, consecutive])).toEqual([
      ["consecutive_failures", 1],
      ["probe_failed", 2],
    ]);
    const { at, untilMs } = board.eventsOf("region_ejected").at(-1) ?? expect.fail("it was not ejected");
    expect(untilMs - at).toBe(60_000);
  });
});

import { describe, expect, test } from "vitest";
import { failedRegions, untriedRegions } from "../../../src/call/routing.js";
import type { FailedAttempt } from "../../../src/call/trace.js";
import type { Region, RegionList } from "../../../src/regions/region.js";
import { noAnswer, ok, refused, regionNamed, simulate, useSimulatedTime } from "../helpers/simulation.js";

useSimulatedTime();

const list = (...ids: [string, ...string[]]) => ids.map(regionNamed) as unknown as RegionList;
const failedIn = (...regions: Region[]): FailedAttempt[] =>
  regions.map((region) => ({
    ok: false,
    region,
    outcome: { code: "unavailable", origin: "transport", execution: "unknown" },
    error: new Error(region.id),
    startedMs: 0,
    elapsedMs: 0,
  }));

const a = regionNamed("a");
const b = regionNamed("b");

const idsOf = (regions: readonly Region[]) => regions.map(({ id }) => id);

describe("the untried regions", () => {
  test("are in the order of the list", () => {
    expect(idsOf(untriedRegions(list("a", "b", "c"), []))).toEqual(["a", "b", "c"]);
    expect(idsOf(untriedRegions(list("a", "b", "c"), failedIn(a)))).toEqual(["b", "c"]);
    expect(idsOf(untriedRegions(list("a", "b", "c"), failedIn(a, b)))).toEqual(["c"]);
    expect(idsOf(untriedRegions(list("a", "b", "c"), failedIn(b)))).toEqual(["a", "c"]);
  });

  test("are empty when all failed", () => {
    expect(untriedRegions(list("a", "b"), failedIn(b, a))).toEqual([]);
  });

  test("do not include a region that failed under another name, because regions are identified by URL", () => {
    expect(untriedRegions([{ id: "eu-west", url: a.url }, b], failedIn(a))).toEqual([b]);
  });

  test("include a region that only has the same name as a region that failed", () => {
    const moved = { id: "a", url: "https://elsewhere.example.com/twirp" };
    expect(untriedRegions([moved], failedIn(a))).toEqual([moved]);
  });
});

describe("the regions to try again", () => {
  test.each([
    [["a", "b", "c"], "abc"],
    [["b", "c", "a"], "bca"],
    [["a", "b", "c", "a"], "bca"],
    [["a", "b", "a", "b", "c"], "abc"],
    [["c"], "c"],
  ])("after failures in %j are %s: the one whose failure is oldest comes first", (failed, expected) => {
    const regions = failedRegions(list("a", "b", "c"), failedIn(...failed.map(regionNamed)));
    expect(idsOf(regions).join("")).toBe(expected);
  });

  test("are those of the current list", () => {
    expect(failedRegions(list("b", "c"), failedIn(a, b))).toEqual([b]);
    expect(failedRegions(list("c"), failedIn(a, b))).toEqual([]);
  });

  test("have their current names", () => {
    const renamed = { id: "eu-west", url: a.url };
    expect(failedRegions([renamed, b], failedIn(a, b))[0]).toBe(renamed);
  });
});

describe("the regions of a call", () => {
  test("the first attempt goes home", async () => {
    const sim = simulate({ replies: [ok()] });
    await sim.run();
    await sim.run();
    expect(sim.asked()).toEqual(["a", "a"]);
  });

  test("all untried regions come in order, then those that failed, oldest failure first", async () => {
    const sim = simulate({ replies: [noAnswer()], policy: { idempotent: true, maxAttempts: 5 } });
    await sim.fail();
    expect(sim.asked()).toEqual(["a", "b", "c", "a", "b"]);
    expect(sim.eventsOf("failover").map(({ from, to }) => from + to)).toEqual(["ab", "bc"]);
    expect(sim.eventsOf("retry").map(({ from, to }) => from + to)).toEqual(["ca", "ab"]);
  });

  test("a single region is tried again after a wait", async () => {
    const sim = simulate({ replies: [noAnswer(), ok()], ids: ["a"], policy: { idempotent: true } });
    await sim.run();
    expect(sim.asked()).toEqual(["a", "a"]);
    expect(sim.world.requests[1]?.atMs).toBe(210);
  });

  test("a mutation that provably never ran is tried again in the only region, and waits", async () => {
    const sim = simulate({ replies: [refused(), ok()], ids: ["a"] });
    await sim.run();
    expect(sim.world.requests[1]?.atMs).toBe(210);
  });

  test("with sameRegion: false, each region gets at most one attempt", async () => {
    const sim = simulate({ replies: [noAnswer()], policy: { idempotent: true, maxAttempts: 5, sameRegion: false } });
    await sim.fail();
    expect(sim.asked()).toEqual(["a", "b", "c"]);
    expect(sim.eventsOf("replay_refused")).toMatchObject([{ reason: "no_region", region: "c", attempt: 3 }]);
  });

  test("the next call still starts in a region that failed one call", async () => {
    const sim = simulate({ replies: [noAnswer(), ok(), ok()], policy: { idempotent: true } });
    await sim.run();
    await sim.run();
    expect(sim.asked()).toEqual(["a", "b", "a"]);
  });
});

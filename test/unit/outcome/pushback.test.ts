import { describe, expect, test } from "vitest";
import { EPOCH, http, noAnswer, ok, type Reply, simulate, twirp, useSimulatedTime } from "../helpers/simulation.js";

useSimulatedTime();

const idempotent = { idempotent: true };
const inSeconds = (seconds: number) => new Date(EPOCH + seconds * 1000).toUTCString();
const starts = (sim: ReturnType<typeof simulate>) => sim.world.requests.map(({ region, atMs }) => [region.id, atMs]);

describe("Retry-After", () => {
  const forms: [string, Reply][] = [
    ["seconds from a proxy", http(503, "3")],
    ["an HTTP date from a proxy", http(503, inSeconds(3.01))],
    ["seconds from the service", twirp("unavailable", { retryAfter: "3" })],
    ["a duration in the service's meta", twirp("unavailable", { meta: { retry_after: "3s" } })],
    ["an HTTP date from the service", twirp("unavailable", { retryAfter: inSeconds(3.01) })],
  ];
  test.each(forms)("as %s delays a retry in the same region", async (form, reply) => {
    const sim = simulate({ replies: [reply, ok()], ids: ["a"], policy: idempotent });
    await sim.run();
    // A date has whole seconds: it is 3 s after the start, which is 2.99 s after the answer.
    const expected = form.includes("date") ? 3_000 : 3_010;
    expect(starts(sim)).toEqual([
      ["a", 0],
      ["a", expected],
    ]);
    expect(sim.eventsOf("retry")).toMatchObject([{ backoffMs: expected - 10 }]);
  });

  test.each(forms)("as %s does not delay a failover to another region", async (_, reply) => {
    const sim = simulate({ replies: [reply, ok()], policy: idempotent });
    await sim.run();
    expect(starts(sim)).toEqual([
      ["a", 0],
      ["b", 210],
    ]);
  });

  test("of a 429 does not delay a failover either, which starts at once", async () => {
    const sim = simulate({ replies: [http(429, "60"), ok()] });
    await sim.run();
    expect(starts(sim)).toEqual([
      ["a", 0],
      ["b", 10],
    ]);
  });

  test("of a 429 delays a retry in the only region, also of a mutation", async () => {
    const sim = simulate({ replies: [http(429, "2"), ok()], ids: ["a"] });
    await sim.run();
    expect(starts(sim)).toEqual([
      ["a", 0],
      ["a", 2_010],
    ]);
  });

  test("counts from the region's answer, not from when the call returns to the region", async () => {
    const sim = simulate({ replies: [http(503, "1"), noAnswer(500), ok()], ids: ["a", "b"], policy: idempotent });
    await sim.run();
    expect(starts(sim)).toEqual([
      ["a", 0],
      ["b", 210],
      // 1,000 ms after the answer at 10 ms. The second wait alone would have ended at 1,110 ms.
      ["a", 1_110],
    ]);
  });

  test("that is shorter than the backoff changes nothing", async () => {
    const sim = simulate({ replies: [http(503, "0"), ok()], ids: ["a"], policy: idempotent });
    await sim.run();
    expect(starts(sim)[1]).toEqual(["a", 210]);
  });

  test("that is longer than the time left of the call ends the call at once", async () => {
    const sim = simulate({ replies: [http(503, "10"), ok()], ids: ["a"], policy: idempotent });
    expect(await sim.run()).toEqual({ ok: false, error: sim.world.requests[0]?.error, atMs: 10 });
  });

  test("that cannot be read changes nothing", async () => {
    const sim = simulate({ replies: [http(503, "soon"), ok()], ids: ["a"], policy: idempotent });
    await sim.run();
    expect(starts(sim)[1]).toEqual(["a", 210]);
    expect(sim.eventsOf("warning")).toMatchObject([
      { message: 'a server asked to be left alone for "soon", which cannot be read' },
    ]);
  });

  test("of more than a timer can hold counts as the longest that is respected, 30 s", async () => {
    const sim = simulate({ replies: [http(503, "99999999"), ok()], ids: ["a"], policy: idempotent });
    await sim.run({ timeout: Number.POSITIVE_INFINITY });
    expect(starts(sim)).toEqual([
      ["a", 0],
      ["a", 30_010],
    ]);
  });
});

import { expect, test } from "vitest";
import { RegionCache } from "../../../src/regions/cache.js";
import type { RegionSource } from "../../../src/regions/source.js";
import { ok, regionNamed, simulate, useSimulatedTime } from "../helpers/simulation.js";

useSimulatedTime();

test("regions() and stats() only look: a list that another Failover loaded is reported when a call starts", async () => {
  const source: RegionSource = {
    key: "shared",
    known: [regionNamed("a")],
    load: async () => ({ regions: [regionNamed("a"), regionNamed("b")], ttlMs: 60_000 }),
  };
  const cache = new RegionCache();
  const first = simulate({ regions: source, cache, replies: [ok()] });
  const second = simulate({ regions: source, cache, replies: [ok()] });
  await first.run();
  await first.failover.ready();
  expect(first.eventsOf("regions_changed")).toMatchObject([{ regions: ["a", "b"] }]);

  expect(second.failover.regions().map(({ id }) => id)).toEqual(["a", "b"]);
  expect(Object.keys(second.failover.stats().retryTokens)).toEqual(["a", "b"]);
  expect(second.events).toEqual([]);
  await second.run();
  expect(second.eventsOf("regions_changed")).toMatchObject([{ regions: ["a", "b"] }]);
});

/** A region that is down, over real sockets: which calls are affected, and how it comes back. */
import { describe, expect, test } from "vitest";
import * as faults from "../support/faults.js";
import { CLIENTS, expectTruth, newRequestId, useWire } from "../support/wire.js";

const EJECTION_MS = 300;

describe.each(CLIENTS)("the health of regions, $name, $format", (kind) => {
  const wire = useWire();
  const pair = () => wire().pair(kind, { policy: { perAttemptTimeoutMs: 150 }, health: { ejectionMs: EJECTION_MS } });
  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

  test("a home that resets connections gets three requests and is then ejected", async () => {
    const { home, second, client } = await pair();
    home.always(faults.resets);
    for (let i = 0; i < 30; i++) expect(await client.read(newRequestId())).toBe("second");
    expect(home.saw().received).toBe(3);
    expect(client.eventsOf("region_ejected")).toMatchObject([{ region: "home", reason: "consecutive_failures" }]);
    expect(client.failover.regions()).toMatchObject([{ state: "ejected" }, { state: "healthy" }]);
    expectTruth(client, home, second);
  });

  test("a home that hangs delays only the calls under way, once each", async () => {
    const { home, second, client } = await pair();
    home.always(faults.hangs);
    const read = () => client.read(newRequestId());
    await Promise.all(Array.from({ length: 10 }, read));
    expect(home.saw().received).toBe(10);
    const startedAt = performance.now();
    for (let i = 0; i < 10; i++) expect(await read()).toBe("second");
    expect(home.saw().received).toBe(10);
    expect(performance.now() - startedAt).toBeLessThan(EJECTION_MS);
    expectTruth(client, home, second);
  });

  test("mutations stay away from an ejected home until a read probes it, and then all calls come back", async () => {
    const { home, second, client } = await pair();
    home.always(faults.resets);
    for (let i = 0; i < 3; i++) await client.read(newRequestId());
    home.always(faults.answersAsUsual);
    await pause(EJECTION_MS * 1.3);
    const { received } = home.saw();
    expect(await client.mutation(newRequestId())).toBe("second");
    expect(home.saw().received).toBe(received);
    expect(await client.read(newRequestId())).toBe("home");
    expect(client.eventsOf("region_probe")).toHaveLength(1);
    expect(client.eventsOf("region_readmitted")).toHaveLength(1);
    expect(await client.mutation(newRequestId())).toBe("home");
    expectTruth(client, home, second);
  });

  test("a proxy's Retry-After keeps calls away for that long", async () => {
    const { home, second, client } = await pair();
    home.always(faults.http(429, { "retry-after": "1" }));
    for (let i = 0; i < 5; i++) expect(await client.mutation(newRequestId())).toBe("second");
    expect(home.saw().received).toBe(1);
    expect(client.eventsOf("region_ejected")).toMatchObject([{ reason: "pushback" }]);
    expectTruth(client, home, second);
  });
});

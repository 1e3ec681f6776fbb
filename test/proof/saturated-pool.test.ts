/** Waiting for a connection of one's own pool is not the region's fault; waiting for one to a dead region is. */
import { afterEach, describe, expect, test } from "vitest";
import * as faults from "../support/faults.js";
import { METHODS, TestClient } from "../support/test-clients.js";
import { expectTruth, newRequestId, useWire } from "../support/wire.js";
import { full, type Misbehaving } from "./servers.js";
import { agents } from "./undici.js";

const CONNECT_MS = 300;
const policy = { timeoutMs: 10_000, connectTimeoutMs: CONNECT_MS };

describe.each(agents)("$name", ({ agent: dispatcher }) => {
  const wire = useWire();
  const transport = { fetchInit: { dispatcher } as RequestInit };
  let dead: Misbehaving | undefined;
  afterEach(async () => {
    await dead?.close();
    dead = undefined;
  });

  test.each(["read", "mutation"] as const)("30 slow %ss at once do not eject a home that serves them", async (kind) => {
    const { home, second, client } = await wire().pair(true, { policy, transport });
    home.always(faults.answersAfter(120));
    const call = () => METHODS[kind](client.rooms, newRequestId());
    const served = await Promise.all(Array.from({ length: 30 }, call));
    const waitedInVain = client.eventsOf("attempt").filter(({ ok, region }) => !ok && region === "home");
    expect(waitedInVain.length, "the pool was too small for all of them").toBeGreaterThan(3);
    expect(served.filter((region) => region === "home").length).toBeGreaterThan(3);
    expect(client.eventsOf("region_ejected")).toEqual([]);
    expect(await call()).toBe("home");
    for (const region of [home, second]) expect(region.executed.length).toBe(region.received.length);
  });

  test("calls that are slower than connectTimeoutMs do it no longer than until the first answer", async () => {
    const { home, client } = await wire().pair(true, { policy, transport });
    home.always(faults.answersAfter(CONNECT_MS * 2));
    const call = () => METHODS.mutation(client.rooms, newRequestId());
    const served = await Promise.all(Array.from({ length: 10 }, call));
    expect(served.filter((region) => region === "home").length).toBeGreaterThan(1);
    expect(client.eventsOf("region_ejected")).toMatchObject([{ reason: "consecutive_failures" }]);
    expect(client.eventsOf("region_readmitted")).toHaveLength(1);
    expect(await call()).toBe("home");
  });

  test("a home that gives nobody a connection is ejected at the third in a row", async () => {
    dead = await full();
    const second = await wire().region("second");
    const regions = [{ id: "home", url: dead.url }, second];
    const client = new TestClient(
      regions.map(({ id, url }) => ({ id, url })),
      { policy, transport },
    );
    const call = () => METHODS.mutation(client.rooms, newRequestId());
    expect(await Promise.all(Array.from({ length: 5 }, call))).toEqual(Array(5).fill("second"));
    expect(client.eventsOf("region_ejected")).toMatchObject([{ region: "home", reason: "consecutive_failures" }]);
    expect(await call()).toBe("second");
    expect(client.attemptsIn("home")).toBe(5);
    expectTruth(client, second);
  });

  test("so is one that gives no more connections, however well it was before", async () => {
    const { home, second, client } = await wire().pair(true, { policy, transport });
    const call = () => METHODS.mutation(client.rooms, newRequestId());
    expect(await call()).toBe("home");
    // The two connections are taken by requests that hang.
    home.always(faults.hangs);
    const hanging = [call(), call()].map((promise) => promise.catch(() => {}));
    await home.arrived(3);
    for (let i = 0; i < 3; i++) expect(await call()).toBe("second");
    expect(client.eventsOf("region_ejected")).toMatchObject([{ region: "home", reason: "consecutive_failures" }]);
    await home.close();
    await Promise.all(hanging);
    expect(second.saw().received).toBe(3);
  });
});

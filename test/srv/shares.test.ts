/** Priority decides the order and weight the share, with real records, counted at the servers. */
import { expect, test } from "vitest";
import * as faults from "../support/faults.js";
import type { Fault } from "../support/region.js";
import type { TestClient } from "../support/wire.js";
import type { SrvRecord } from "./dnsmasq.js";
import { mutate, type Network, reads, sharesOf, withDnsmasq } from "./network.js";

/** Health is off, because otherwise a dead region is ejected after three calls, and each call must hit the corner case. */
const ALWAYS_TRIED = { health: false, retryThrottling: false } as const;

/** The regions that each call tried, in order. */
function trails(client: TestClient): string[][] {
  const byCall = new Map<number, string[]>();
  for (const { callId, region } of client.eventsOf("attempt")) {
    byCall.set(callId, [...(byCall.get(callId) ?? []), region]);
  }
  return [...byCall.values()];
}

/** Checks that no call went back to a region that failed it. A healthy region was always left untried. */
function expectNoReturn(client: TestClient): void {
  for (const trail of trails(client)) expect(new Set(trail).size, trail.join(" → ")).toBe(trail.length);
}

withDnsmasq("the shares of SRV records", (network) => {
  test("weights 60, 30 and 10 give these percentages of the calls", async () => {
    const regions = [
      await network().region("a", { weight: 60 }),
      await network().region("b", { weight: 30 }),
      await network().region("c", { weight: 10 }),
    ];
    await network().dns.serve(regions.map(({ record }) => record));
    const shares = sharesOf(await reads(network().client(), 2_000));
    expect(Math.abs((shares.a ?? 0) - 0.6)).toBeLessThan(0.02);
    expect(Math.abs((shares.b ?? 0) - 0.3)).toBeLessThan(0.02);
    expect(Math.abs((shares.c ?? 0) - 0.1)).toBeLessThan(0.02);
    const received = regions.reduce((sum, region) => sum + region.saw().received, 0);
    expect(received).toBe(2_000);
  });

  test("a priority is used only when the better ones are dead, and then shared by weight", async () => {
    const [first, second] = [await network().region("first"), await network().region("second", { priority: 10 })];
    const third = [
      await network().region("third", { priority: 20, weight: 75 }),
      await network().region("also third", { priority: 20, weight: 25 }),
    ];
    // The server returns them in any order; here the last comes first.
    await network().dns.serve([...third, second, first].map(({ record }) => record));
    const client = network().client();

    expect(sharesOf(await reads(client, 200))).toEqual({ first: 1 });
    await first.close();
    // The reads come first, because a mutation on a connection that is just being closed may fail without a proof.
    expect(sharesOf(await reads(client, 200))).toEqual({ second: 1 });
    expect(await mutate(client)).toBe("second");
    await second.close();
    const shares = sharesOf(await reads(client, 400));
    expect(Object.keys(shares).toSorted()).toEqual(["also third", "third"]);
    expect(Math.abs((shares.third ?? 0) - 0.75)).toBeLessThan(0.03);
    expect(await mutate(client)).toMatch(/third/);
    expect(client.eventsOf("call").every(({ ok }) => ok)).toBe(true);
  });

  test("if all weights are 0, the shares are equal", async () => {
    const regions = [await network().region("a", { weight: 0 }), await network().region("b", { weight: 0 })];
    await network().dns.serve(regions.map(({ record }) => record));
    const shares = sharesOf(await reads(network().client(), 400));
    expect(Math.abs((shares.a ?? 0) - 0.5)).toBeLessThan(0.03);
  });

  test("a region of weight 0 is used only if there is no other", async () => {
    const usual = await network().region("usual", { weight: 5 });
    const spare = await network().region("spare", { weight: 0 });
    await network().dns.serve([spare.record, usual.record]);
    const client = network().client();
    expect(sharesOf(await reads(client, 200))).toEqual({ usual: 1 });
    await usual.close();
    expect(sharesOf(await reads(client, 50))).toEqual({ spare: 1 });
  });
});

/** How the heavy region of the corner case fails. */
const DEATHS = {
  refuses: (net: Network) => net.deadRecord({ weight: 1_000 }),
  "answers 503": (net: Network) => failing(net, faults.html(503)),
  resets: (net: Network) => failing(net, faults.resets),
};

async function failing(net: Network, fault: Fault): Promise<SrvRecord> {
  const heavy = await net.region("heavy", { weight: 1_000 });
  heavy.always(fault);
  return heavy.record;
}

withDnsmasq("weights of 1 and 1000, and the heavy one is dead", (network) => {
  test.each(Object.entries(DEATHS))("it %s: each call tries it at most once, and succeeds", async (_, record) => {
    const light = await network().region("light", { weight: 1 });
    await network().dns.serve([light.record, await record(network())]);
    const client = network().client({}, { policy: { maxAttempts: 5 }, ...ALWAYS_TRIED });

    expect(sharesOf(await reads(client, 300))).toEqual({ light: 1 });
    expectNoReturn(client);
    // It was the first choice of nearly all calls, so the corner case occurred.
    expect(trails(client).filter((trail) => trail.length === 2).length).toBeGreaterThan(280);
    expect(light.saw()).toEqual({ received: 300, executed: 300 });
  });

  test("mutations succeed too if the dead one refuses", async () => {
    const light = await network().region("light", { weight: 1 });
    await network().dns.serve([light.record, await network().deadRecord({ weight: 1_000 })]);
    const client = network().client({}, { policy: { maxAttempts: 5 }, ...ALWAYS_TRIED });
    for (let i = 0; i < 50; i++) expect(await mutate(client)).toBe("light");
    expectNoReturn(client);
    expect(light.saw()).toEqual({ received: 50, executed: 50 });
  });

  test("if two heavy ones are dead, a call makes one attempt in each and then uses the light one", async () => {
    const light = await network().region("light", { weight: 1 });
    const dead = [await network().deadRecord({ weight: 1_000 }), await network().deadRecord({ weight: 1_000 })];
    await network().dns.serve([light.record, ...dead]);
    const client = network().client({}, { policy: { maxAttempts: 5 }, ...ALWAYS_TRIED });
    expect(sharesOf(await reads(client, 200))).toEqual({ light: 1 });
    expectNoReturn(client);
    expect(trails(client).some((trail) => trail.length === 3)).toBe(true);
  });

  test("with region health, it is ejected after three calls", async () => {
    const light = await network().region("light", { weight: 1 });
    const dead = await network().deadRecord({ weight: 1_000 });
    await network().dns.serve([light.record, dead]);
    const client = network().client({}, { policy: { maxAttempts: 5 } });
    for (let i = 0; i < 30; i++) await reads(client, 1);
    expect(client.attemptsIn(`${dead.target}:${dead.port}`)).toBe(3);
    expect(client.eventsOf("region_ejected")).toHaveLength(1);
  });
});

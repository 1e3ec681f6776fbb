/** The events, compared with the records of the servers. */
import { type FailoverEvent, failoverTrace, describe as line } from "twirp-failover";
import { describe, expect, test, vi } from "vitest";
import * as faults from "../support/faults.js";
import type { Fault } from "../support/region.js";
import { type AnyClient, CLIENTS, errorOf, expectTruth, KINDS, newRequestId, useWire } from "../support/wire.js";

/** What the regions do, in turn. The lists have different lengths, so that the combinations vary. */
const HOME: readonly Fault[] = [
  faults.html(503),
  faults.ran(faults.resets),
  faults.http(429),
  faults.answersAsUsual,
  faults.handlerError("internal"),
  faults.handlerError("not_found"),
  faults.truncates,
];
const SECOND: readonly Fault[] = [
  faults.hangsUp,
  faults.answersAsUsual,
  faults.pinned,
  faults.ran(faults.html(504)),
  faults.answersAsUsual,
];
const THIRD: readonly Fault[] = [faults.answersAsUsual, faults.html(502), faults.handlerError("unavailable")];

const repeated = (faults: readonly Fault[], times: number) => Array.from({ length: times }, () => faults).flat();

/** The events of each call, in order. */
function byCall(client: AnyClient): FailoverEvent[][] {
  const calls = new Map<number, FailoverEvent[]>();
  for (const event of client.events) {
    if ("callId" in event) calls.set(event.callId, [...(calls.get(event.callId) ?? []), event]);
  }
  return [...calls.values()];
}

describe.each(CLIENTS)("events, $name, $format", (kind) => {
  const wire = useWire();

  const outage = async () => {
    const regions = [await wire().region("home"), await wire().region("second"), await wire().region("third")];
    for (const [i, faults] of [HOME, SECOND, THIRD].entries()) regions[i]?.script(...repeated(faults, 30));
    const options = { retryThrottling: false, policy: { initialBackoffMs: 1 } } as const;
    return { regions, client: wire().connect(kind, regions, options) };
  };

  test("of one call after another report exactly the attempts that the servers received", async () => {
    const { regions, client } = await outage();
    for (let i = 0; i < 45; i++) {
      const id = newRequestId();
      await Promise.allSettled([client[KINDS[i % 3] ?? "read"](id)]);
      const events = byCall(client)[i] ?? [];
      for (const region of regions) {
        const attempts = events.filter((event) => event.type === "attempt" && event.region === region.id);
        expect(region.saw(id).received, `call ${i} in ${region.id}`).toBe(attempts.length);
      }
    }
  });

  test("of many calls at once add up, and no mutation ran twice", async () => {
    const { regions, client } = await outage();
    const ids = Array.from({ length: 60 }, newRequestId);
    await Promise.allSettled(ids.map((id, i) => client[KINDS[i % 3] ?? "read"](id)));
    expectTruth(client, ...regions);
    for (const [i, id] of ids.entries()) {
      if (KINDS[i % 3] !== "mutation") continue;
      const runs = regions.reduce((sum, region) => sum + region.saw(id).executed, 0);
      expect(runs, id).toBeLessThanOrEqual(1);
    }

    const calls = byCall(client);
    expect(calls).toHaveLength(60);
    for (const events of calls) {
      const attempts = events.filter((event) => event.type === "attempt");
      const replays = events.filter((event) => event.type === "failover" || event.type === "retry");
      expect(attempts.map(({ attempt }) => attempt)).toEqual(attempts.map((_, i) => i + 1));
      expect(replays).toHaveLength(attempts.length - 1);
      // Each replay goes from the region of the attempt before it to the region of the attempt after it.
      for (const [i, { from, to }] of replays.entries()) {
        expect([from, to]).toEqual([attempts[i]?.region, attempts[i + 1]?.region]);
      }
      const last = attempts.at(-1);
      expect(events.filter(({ type }) => type === "call")).toHaveLength(1);
      expect(events.at(-1)).toMatchObject({
        type: "call",
        ok: last?.ok,
        attempts: attempts.length,
        region: last?.region,
      });
    }
  });

  test("described as lines say which call failed over, from where to where, and why", async () => {
    const { home, client } = await wire().pair(kind);
    home.script(faults.html(503), faults.ran(faults.resets));
    await client.read(newRequestId());
    await errorOf(client.mutation(newRequestId()));
    expect(client.events.map((event) => line(event).replace(/\d+ ms/, "N ms"))).toEqual([
      "acme.rooms.v1.RoomService/GetRoom attempt 1 in home failed: unavailable (HTTP 503, intermediary, execution unknown), N ms",
      "acme.rooms.v1.RoomService/GetRoom failed over home → second (unavailable: HTTP 503, attempt 1, N ms)",
      "acme.rooms.v1.RoomService/GetRoom attempt 2 in second succeeded, N ms",
      "acme.rooms.v1.RoomService/GetRoom succeeded after 2 attempts, N ms",
      "acme.rooms.v1.RoomService/DialParticipant attempt 1 in home failed: unavailable (ECONNRESET, transport, execution unknown), N ms",
      "acme.rooms.v1.RoomService/DialParticipant not replayed: not_idempotent (unavailable: ECONNRESET in home, attempt 1, execution unknown)",
      "acme.rooms.v1.RoomService/DialParticipant failed: unavailable after 1 attempt, N ms",
    ]);
  });

  test("a listener that throws does not affect calls", async () => {
    const { home, second, client } = await wire().pair(kind);
    for (const type of ["attempt", "failover", "call", "warning"] as const) {
      client.failover.on(type, () => {
        throw new Error("boom");
      });
    }
    home.always(faults.html(503));
    expect(await client.read(newRequestId())).toBe("second");
    expect(client.eventsOf("warning")).toHaveLength(4);
    expectTruth(client, home, second);
  });

  test("close() rejects later calls unsent, lets calls under way finish, and removes all listeners", async () => {
    const { home, second, client } = await wire().pair(kind);
    home.always({ ...faults.answersAfter(100), ...faults.html(503) });
    const underWay = client.read(newRequestId());
    await vi.waitFor(() => expect(home.saw().received).toBe(1));
    client.failover.close();
    const error = await errorOf(client.read(newRequestId()));
    expect(kind.factsOf(error).code).toBe(kind.codeOf({ code: "canceled", origin: "caller" }));
    expect(failoverTrace(error)).toMatchObject({ attempts: [], refused: "closed" });
    expect(await underWay).toBe("second");
    expect([home.saw().received, second.saw().received]).toEqual([1, 1]);
    expect(client.events).toEqual([]);
  });
});

describe.each(CLIENTS)("the budget for replays, $name, $format", (kind) => {
  const wire = useWire();

  test("in a total outage limits the requests to few more than the calls", async () => {
    const { home, second, client } = await wire().pair(kind, {
      policy: { initialBackoffMs: 1 },
      retryThrottling: { maxTokens: 10, tokenRatio: 0.1 },
    });
    home.always(faults.html(503));
    second.always(faults.html(503));
    for (let i = 0; i < 40; i++) await errorOf(client.read(newRequestId()));
    // Each region gets replays until half of its ten tokens are used.
    expect(home.saw().received + second.saw().received).toBeLessThanOrEqual(40 + 2 * 5);
    expect(client.eventsOf("replay_refused").filter(({ reason }) => reason === "throttled").length).toBeGreaterThan(30);
    expectTruth(client, home, second);
  });

  test("of a healthy region is not used up while home is down", async () => {
    // Without health, because that would keep the calls away from home.
    const { home, second, client } = await wire().pair(kind, { health: false, policy: { initialBackoffMs: 1 } });
    home.always(faults.resets);
    for (let i = 0; i < 120; i++) expect(await client.read(newRequestId())).toBe("second");
    expect([home.saw().received, second.saw().received]).toEqual([120, 120]);
  });

  test("does not pay for replays of attempts that never ran", async () => {
    const { home, second, client } = await wire().pair(kind, {
      retryThrottling: { maxTokens: 2, tokenRatio: 0.001 },
    });
    home.always(faults.http(429));
    for (let i = 0; i < 20; i++) expect(await client.mutation(newRequestId())).toBe("second");
    expect(second.saw().executed).toBe(20);
    expectTruth(client, home, second);
  });
});

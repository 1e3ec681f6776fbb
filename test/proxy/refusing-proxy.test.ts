import { failoverTrace } from "twirp-failover";
import { describe, expect, test } from "vitest";
import { errorOf, FORMATS, newRequestId } from "../support/wire.js";
import { KINDS } from "./ledger.js";
import { behindEachProxy } from "./network.js";

/** Well above the time of a call on a busy machine, and well below any wait that must not happen. */
const AT_ONCE_MS = 1_500;

behindEachProxy((network) => {
  describe.each(FORMATS)("the proxy refuses, $format", ({ sendJson }) => {
    test("a rate limit: every kind of call fails over without a wait", async () => {
      const { home, second, ledger } = network();
      const patient = { initialBackoffMs: 4_000, maxBackoffMs: 4_000 };
      const client = network().client(network().homeUrl("limited"), sendJson, patient);
      const apiKey = newRequestId();
      expect(await ledger.call(client, "read", { apiKey }).servedBy).toBe("home");

      for (const kind of KINDS) {
        const startedAt = performance.now();
        const { id, servedBy } = ledger.call(client, kind, { apiKey });
        expect(await servedBy).toBe("second");
        expect(performance.now() - startedAt).toBeLessThan(AT_ONCE_MS);
        expect(home.saw(id)).toEqual({ received: 0, executed: 0 });
        expect(second.saw(id)).toEqual({ received: 1, executed: 1 });
      }
    });

    test("a burst above a rate limit: the calls that home refuses run in the second region, each call once", async () => {
      const { home, second, ledger } = network();
      const client = network().client(network().homeUrl("limited"), sendJson);
      const apiKey = newRequestId();
      const calls = [...KINDS, ...KINDS, ...KINDS].map((kind) => ledger.call(client, kind, { apiKey }));
      const regions = await Promise.all(calls.map(({ servedBy }) => servedBy));

      expect(regions.filter((region) => region === "home")).toHaveLength(1);
      const runs = calls.map(({ id }) => home.saw(id).executed + second.saw(id).executed);
      expect(runs).toEqual(calls.map(() => 1));
    });

    test("rate limits in both regions: a mutation tries both, then home again after a wait, and never runs", async () => {
      const { home, second, ledger } = network();
      const client = network().client(network().homeUrl("limited"), sendJson, {}, network().secondUrl("limited"));
      const apiKey = newRequestId();
      expect(await ledger.call(client, "read", { apiKey }).servedBy).toBe("home");
      expect(await ledger.call(client, "read", { apiKey }).servedBy).toBe("second");

      const { id, servedBy } = ledger.call(client, "mutation", { apiKey, servable: false });
      const trace = failoverTrace(await errorOf(servedBy));
      expect(trace?.attempts.map(({ region }) => region.id)).toEqual(["home", "second", "home"]);
      for (const { outcome } of trace?.attempts ?? []) {
        expect(outcome).toMatchObject({ code: "resource_exhausted", execution: "none", httpStatus: 429 });
      }
      expect(trace?.refused).toBe("max_attempts");
      expect(home.saw(id)).toEqual({ received: 0, executed: 0 });
      expect(second.saw(id)).toEqual({ received: 0, executed: 0 });
    });

    // The proxy sees the length, answers and closes while the body is still being sent. Whether the client reads the 413

    // or only an error from writing is a race, and neither may count as a proof.
    test.each(KINDS)("a body that the proxy does not read: the %s", async (kind) => {
      const { home, second, ledger } = network();
      const client = network().client(network().homeUrl("capped"), sendJson);
      const { id, servedBy } = ledger.call(client, kind, { size: 4_000_000, servable: false });
      const region = await servedBy.catch(() => "none");

      const [first] = client.eventsOf("attempt");
      expect(first).toMatchObject({ region: "home", ok: false, execution: "unknown" });
      // A 413 that was read is final.
      const goesOn = kind !== "mutation" && !(first?.ok === false && first.httpStatus === 413);
      expect(region).toBe(goesOn ? "second" : "none");
      expect(home.saw(id).executed).toBe(0);
      expect(second.saw(id).executed).toBe(goesOn ? 1 : 0);
    });

    test.each(KINDS)(
      "maintenance everywhere, for longer than the call's timeout: the %s fails at once",
      async (kind) => {
        const { home, second, ledger } = network();
        const secondUrl = network().secondUrl("maintenance");
        const client = network().client(network().homeUrl("maintenance"), sendJson, {}, secondUrl);
        const startedAt = performance.now();
        const { id, servedBy } = ledger.call(client, kind, { servable: false });
        const trace = failoverTrace(await errorOf(servedBy));

        expect(performance.now() - startedAt).toBeLessThan(AT_ONCE_MS);
        expect(trace?.refused).toBe(kind === "mutation" ? "not_idempotent" : "deadline");
        expect(trace?.attempts.map(({ region }) => region.id)).toEqual(
          kind === "mutation" ? ["home"] : ["home", "second"],
        );
        expect(home.saw(id).received + second.saw(id).received).toBe(0);
      },
    );
  });
});

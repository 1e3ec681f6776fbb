import { RpcError } from "@protobuf-ts/runtime-rpc";
import { failoverTrace } from "twirp-failover";
import { describe, expect, test, vi } from "vitest";
import { errorOf, FORMATS, newRequestId } from "../support/wire.js";
import { CASES, type Case } from "./cases.js";
import { type CallKind, KINDS } from "./ledger.js";
import { behindEachProxy } from "./network.js";

behindEachProxy((network) => {
  describe.each(FORMATS)("home fails, $format", ({ sendJson }) => {
    const fail = async ({ way, fault = {}, callsBefore = 0, size, final = false }: Case, kind: CallKind) => {
      const { home, second, ledger } = network();
      const client = network().client(network().homeUrl(way), sendJson);
      const apiKey = newRequestId();
      for (let n = 0; n < callsBefore; n++) expect(await ledger.call(client, "read", { apiKey }).servedBy).toBe("home");
      client.events.length = 0;

      home.always(fault);
      const call = ledger.call(client, kind, { apiKey, servable: !final, ...(size !== undefined && { size }) });
      return { home, second, client, ...call };
    };

    for (const row of CASES) {
      for (const kind of KINDS.filter((kind) => !row.final && (kind !== "mutation" || row.proved))) {
        test(`${row.name}: the ${kind} fails over`, async () => {
          const { home, second, client, id, servedBy } = await fail(row, kind);
          expect(await servedBy).toBe("second");
          expect(second.saw(id)).toEqual({ received: 1, executed: 1 });
          await vi.waitFor(() => expect(home.saw(id)).toEqual(row.home));

          // Two facts of an outcome are not in any event.
          const { promised, pushbackMs, ...facts } = row.outcome(network().program);
          expect(client.eventsOf("attempt")).toMatchObject([
            { region: "home", attempt: 1, ok: false, ...facts },
            { region: "second", attempt: 2, ok: true },
          ]);
          expect(client.eventsOf("failover")).toMatchObject([{ from: "home", to: "second", ...facts }]);
        });
      }

      for (const kind of KINDS.filter((kind) => row.final || (kind === "mutation" && !row.proved))) {
        test(`${row.name}: the ${kind} is not replayed`, async () => {
          const { home, second, client, id, servedBy } = await fail(row, kind);
          const error = await errorOf(servedBy);
          expect(second.saw(id)).toEqual({ received: 0, executed: 0 });
          await vi.waitFor(() => expect(home.saw(id)).toEqual(row.home));

          // The transport's own error, not a wrapper.
          expect(error).toBeInstanceOf(RpcError);
          const trace = failoverTrace(error);
          expect(trace?.attempts).toHaveLength(1);
          expect(trace?.attempts[0]?.error).toBe(error);
          expect(trace?.attempts[0]?.outcome).toMatchObject(row.outcome(network().program));
          expect(trace?.refused).toBe(kind === "mutation" ? "not_idempotent" : "code_not_retryable");
          expect(client.eventsOf("failover")).toEqual([]);
        });
      }
    }

    test("home is healthy: every call stays there, with one attempt", async () => {
      const { home, second, ledger } = network();
      const client = network().client(network().homeUrl("patient"), sendJson);
      for (const kind of KINDS) {
        const { id, servedBy } = ledger.call(client, kind);
        expect(await servedBy).toBe("home");
        expect(home.saw(id)).toEqual({ received: 1, executed: 1 });
        expect(second.saw(id)).toEqual({ received: 0, executed: 0 });
      }
      expect(client.eventsOf("attempt")).toHaveLength(KINDS.length);
    });
  });
});

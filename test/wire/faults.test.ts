import { failoverTrace } from "twirp-failover";
import { describe, expect, test } from "vitest";
import { CLIENTS, errorOf, expectTruth, KINDS, type MethodKind, newRequestId, useWire } from "../support/wire.js";
import {
  BROKEN_ANSWERS,
  type FaultRow,
  OWN_FAULTS,
  PROXY_ANSWERS,
  type Replayed,
  TWIRP_ERRORS,
} from "./fault-table.js";

const REPLAYED: Record<Replayed, readonly MethodKind[]> = {
  all: KINDS,
  idempotent: ["read", "update"],
  none: [],
};

describe.each(CLIENTS)("home fails, $name, $format", (kind) => {
  const wire = useWire();

  const fail = async (row: FaultRow, method: MethodKind) => {
    const { home, second, client } = await wire().pair(kind);
    home.always(row.fault);
    const id = newRequestId();
    const call = client[method](id);
    return { home, second, client, id, call };
  };

  for (const row of [...TWIRP_ERRORS, ...PROXY_ANSWERS, ...BROKEN_ANSWERS, ...OWN_FAULTS[kind.name]]) {
    const replayed = REPLAYED[row.replayed];

    for (const method of replayed) {
      test(`${row.name}: a ${method} fails over`, async () => {
        const { home, second, client, id, call } = await fail(row, method);
        expect(await call).toBe("second");
        expect(home.saw(id)).toEqual({ received: 1, executed: row.executed });
        expect(second.saw(id)).toEqual({ received: 1, executed: 1 });

        const { code, origin, execution, httpStatus } = row.outcome;
        const facts = { code, origin, execution, ...(httpStatus && { httpStatus }) };
        expect(client.eventsOf("attempt")).toMatchObject([
          { region: "home", attempt: 1, ok: false, ...facts },
          { region: "second", attempt: 2, ok: true },
        ]);
        expect(client.eventsOf("failover")).toMatchObject([{ from: "home", to: "second", attempt: 1, ...facts }]);
        expect(client.eventsOf("call")).toMatchObject([{ ok: true, attempts: 2, region: "second" }]);
        expectTruth(client, home, second);
      });
    }

    for (const method of KINDS.filter((method) => !replayed.includes(method))) {
      test(`${row.name}: a ${method} is not replayed`, async () => {
        const { home, second, client, id, call } = await fail(row, method);
        const error = await errorOf(call);
        expect(home.saw(id)).toEqual({ received: 1, executed: row.executed });
        expect(second.saw()).toEqual({ received: 0, executed: 0 });

        // The RPC library's own error, not a wrapper.
        const code = row.codes?.[kind.name]?.[kind.format] ?? kind.codeOf(row.outcome);
        expect(kind.factsOf(error).code).toBe(code);
        const attempts = failoverTrace(error)?.attempts;
        expect(attempts).toHaveLength(1);
        expect(attempts?.[0]?.error).toBe(error);
        expect(attempts?.[0]?.outcome).toEqual(row.outcome);

        expect(client.eventsOf("failover")).toEqual([]);
        expect(client.eventsOf("call")).toMatchObject([{ ok: false, code: row.outcome.code, attempts: 1 }]);
        expectTruth(client, home, second);
      });
    }
  }
});

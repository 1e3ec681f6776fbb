import { RpcError } from "@protobuf-ts/runtime-rpc";
import { failoverTrace } from "twirp-failover";
import { describe, expect, test } from "vitest";
import { errorOf, expectTruth, FORMATS, METHODS, type MethodKind, newRequestId, useWire } from "../support/wire.js";
import { BROKEN_ANSWERS, type FaultRow, PROXY_ANSWERS, type Replayed, TWIRP_ERRORS } from "./fault-table.js";

const KINDS = Object.keys(METHODS) as MethodKind[];

const REPLAYED: Record<Replayed, readonly MethodKind[]> = {
  all: KINDS,
  idempotent: ["read", "update"],
  none: [],
};

describe.each(FORMATS)("home fails, $format", ({ format, sendJson }) => {
  const wire = useWire();

  const fail = async (row: FaultRow, kind: MethodKind) => {
    const { home, second, client } = await wire().pair(sendJson);
    home.always(row.fault);
    const id = newRequestId();
    const call = METHODS[kind](client.rooms, id);
    return { home, second, client, id, call };
  };

  for (const row of [...TWIRP_ERRORS, ...PROXY_ANSWERS, ...BROKEN_ANSWERS]) {
    const replayed = REPLAYED[row.replayed];

    for (const kind of replayed) {
      test(`${row.name}: a ${kind} fails over`, async () => {
        const { home, second, client, id, call } = await fail(row, kind);
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

    for (const kind of KINDS.filter((kind) => !replayed.includes(kind))) {
      test(`${row.name}: a ${kind} is not replayed`, async () => {
        const { home, second, client, id, call } = await fail(row, kind);
        const error = await errorOf(call);
        expect(home.saw(id)).toEqual({ received: 1, executed: row.executed });
        expect(second.saw()).toEqual({ received: 0, executed: 0 });

        // The transport's own error, not one of ours around it.
        expect(error).toBeInstanceOf(RpcError);
        const code = typeof row.code === "string" ? row.code : row.code[format];
        expect(error).toMatchObject({ code, serviceName: "acme.rooms.v1.RoomService" });
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

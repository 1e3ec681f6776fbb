/** Codes that the user names in `retryableCodes` are replayed, though the handler chose them, where a method may run twice. */
import { describe, expect, test } from "vitest";
import * as faults from "../support/faults.js";
import { HANDLER_CODES } from "../support/handler-codes.js";
import { CLIENTS, errorOf, expectTruth, newRequestId, outcomesOf, useWire } from "../support/wire.js";

describe.each(CLIENTS)("an error that the handler chose, $name, $format", (kind) => {
  const wire = useWire();

  test.each(HANDLER_CODES)(
    "%s, named in retryableCodes: a read and an update go on, a mutation does not",
    async (code) => {
      const { home, second, client } = await wire().pair(kind, { policy: { retryableCodes: [code] } });
      home.always(faults.handlerError(code));
      for (const method of ["read", "update"] as const) {
        const id = newRequestId();
        expect(await client[method](id)).toBe("second");
        expect([home.saw(id).executed, second.saw(id).executed]).toEqual([1, 1]);
      }
      const id = newRequestId();
      expect(outcomesOf(await errorOf(client.mutation(id)))).toMatchObject([{ code, execution: "done" }]);
      expect([home.saw(id).executed, second.saw(id).executed]).toEqual([1, 0]);
      expectTruth(client, home, second);
    },
  );

  test('is not replayed where the service forbids it (retryable: "false")', async () => {
    const { home, second, client } = await wire().pair(kind, { policy: { retryableCodes: ["aborted"] } });
    home.always(faults.handlerError("aborted", { retryable: "false" }));
    await errorOf(client.read(newRequestId()));
    expect(second.saw().received).toBe(0);
    expect(client.eventsOf("replay_refused")).toMatchObject([{ reason: "forbidden" }]);
  });

  test("is not replayed by default", async () => {
    const { home, second, client } = await wire().pair(kind);
    home.always(faults.handlerError("aborted"));
    await errorOf(client.read(newRequestId()));
    expect(second.saw().received).toBe(0);
  });
});

/** Two regions that are well, and slow: the default limit of an attempt must not make their calls fail. */
import { describe, expect, test } from "vitest";
import * as faults from "../support/faults.js";
import { CLIENTS, expectTruth, newRequestId, useWire } from "../support/wire.js";

describe.each(CLIENTS)("regions that answer in 400 ms, $name, $format", (kind) => {
  const wire = useWire();

  test("serve calls that have 750 ms, at the first attempt", async () => {
    const { home, second, client } = await wire().pair(kind, { policy: { timeoutMs: 750 } });
    home.always(faults.answersAfter(400));
    second.always(faults.answersAfter(400));
    for (let i = 0; i < 3; i++) expect(await client.read(newRequestId())).toBe("home");
    expect(second.saw().received).toBe(0);
    expectTruth(client, home, second);
  });
});

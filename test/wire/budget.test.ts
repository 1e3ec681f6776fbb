/** The load that replays add to real servers while many calls are in flight. */
import { describe, expect, test } from "vitest";
import * as faults from "../support/faults.js";
import { CLIENTS, newRequestId, useWire } from "../support/wire.js";

const AT_ONCE = 300;

describe.each(CLIENTS)("300 reads at once, $name, $format", (kind) => {
  const wire = useWire();
  const readAll = (client: { read(id: string): Promise<string> }) =>
    Promise.allSettled(Array.from({ length: AT_ONCE }, () => client.read(newRequestId())));

  test("to regions that all answer 503 after 300 ms: half a bucket for each region, and no more", async () => {
    const { home, second, client } = await wire().pair(kind);
    for (const region of [home, second]) region.always({ ...faults.answersAfter(300), ...faults.html(503) });
    const results = await readAll(client);
    expect(results.every(({ status }) => status === "rejected")).toBe(true);
    const received = home.saw().received + second.saw().received;
    expect(received).toBeGreaterThan(AT_ONCE);
    expect(received).toBeLessThanOrEqual(AT_ONCE + 2 * 50);
  });

  test("to a home that breaks all connections, and a second region that is well: all of them succeed", async () => {
    const { home, second, client } = await wire().pair(kind);
    home.always({ ...faults.answersAfter(100), ...faults.resets });
    second.always(faults.answersAfter(20));
    const results = await readAll(client);
    expect(results.filter(({ status }) => status === "rejected")).toEqual([]);
    expect(second.saw().received).toBe(AT_ONCE);
  });
});

/** A home that is down and says when to come back, over real sockets: its word must not cost calls. */
import { describe, expect, test } from "vitest";
import * as faults from "../support/faults.js";
import { CLIENTS, expectTruth, newRequestId, useWire } from "../support/wire.js";

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

// Health knows no formats, so one of them is enough.
describe.each(CLIENTS.filter(({ format }) => format === "JSON"))(
  "a home that answers 503 with Retry-After: 1, $name, $format",
  (kind) => {
    const wire = useWire();

    test("costs one mutation, and one more when it was not well at the time it named", async () => {
      const { home, second, client } = await wire().pair(kind);
      home.always(faults.http(503, { "retry-after": "1" }));
      // By itself, so that on a slow machine a second call does not start before its answer is there.
      await client.mutation(newRequestId()).catch(() => {});
      const ends: Promise<unknown>[] = [];
      const until = performance.now() + 3_300;
      while (performance.now() < until) {
        ends.push(client.mutation(newRequestId()).catch(() => {}));
        await pause(50);
      }
      await Promise.all(ends);
      expect(home.saw().received).toBe(2);
      expect(client.eventsOf("region_ejected")).toMatchObject([
        { reason: "pushback", consecutive: 0 },
        { reason: "probe_failed", consecutive: 1 },
      ]);
      expectTruth(client, home, second);
    });
  },
);

import { setTimeout as sleep } from "node:timers/promises";
import { failoverTrace } from "twirp-failover";
import { afterEach, describe, expect, test, vi } from "vitest";
import * as faults from "../support/faults.js";
import { errorOf, FORMATS } from "../support/wire.js";
import { KINDS } from "./ledger.js";
import { behindEachProxy } from "./network.js";
import type { RunningProxy } from "./proxy.js";

behindEachProxy((network) => {
  describe.each(FORMATS)("home's proxy dies, $format", ({ sendJson }) => {
    const started: RunningProxy[] = [];

    const withOwnProxy = async () => {
      const { home, second, ledger } = network();
      const proxy = await network().startProxyOfHome();
      started.push(proxy);
      const client = network().client(network().homeUrlBehind(proxy), sendJson);
      return { home, second, ledger, proxy, client };
    };
    afterEach(async () => {
      await Promise.all(started.splice(0).map((proxy) => proxy.stop()));
    });

    test.each(KINDS)("before the first call: the %s fails over", async (kind) => {
      const { home, second, ledger, proxy, client } = await withOwnProxy();
      await proxy.kill();
      const { id, servedBy } = ledger.call(client, kind);
      expect(await servedBy).toBe("second");
      expect(home.saw(id)).toEqual({ received: 0, executed: 0 });
      expect(second.saw(id)).toEqual({ received: 1, executed: 1 });
      expect(client.eventsOf("failover")).toMatchObject([
        { code: "unavailable", origin: "transport", execution: "none", cause: "ECONNREFUSED" },
      ]);
    });

    test.each(KINDS)("between two calls over one connection: the %s fails over", async (kind) => {
      const { home, second, ledger, proxy, client } = await withOwnProxy();
      expect(await ledger.call(client, kind).servedBy).toBe("home");
      await proxy.kill();
      // Gives the connection pool time to see the close. A faster request would be sent on the dead connection, and then
      // nothing would prove that it was not received.
      await sleep(50);
      const { id, servedBy } = ledger.call(client, kind);
      expect(await servedBy).toBe("second");
      expect(home.saw(id)).toEqual({ received: 0, executed: 0 });
      expect(second.saw(id)).toEqual({ received: 1, executed: 1 });
    });

    test.each(KINDS)("with a request under way that has run: the %s", async (kind) => {
      const { home, second, ledger, proxy, client } = await withOwnProxy();
      home.always(faults.ran(faults.hangs));
      const { id, servedBy } = ledger.call(client, kind);
      await vi.waitFor(() => expect(home.saw(id).executed).toBe(1));
      await proxy.kill();

      if (kind === "mutation") {
        const trace = failoverTrace(await errorOf(servedBy));
        expect(trace?.refused).toBe("not_idempotent");
        expect(trace?.attempts[0]?.outcome).toMatchObject({ origin: "transport", execution: "unknown" });
      } else {
        expect(await servedBy).toBe("second");
      }
      expect(home.saw(id)).toEqual({ received: 1, executed: 1 });
      expect(second.saw(id).executed).toBe(kind === "mutation" ? 0 : 1);
    });

    test("under load: reads and updates go on, and a mutation with an unknown outcome is not replayed", async () => {
      const { home, second, ledger, proxy, client } = await withOwnProxy();
      home.always(faults.answersAfter(5));
      const calls = [];
      for (let n = 0; n < 60; n++) {
        if (n === 30) void proxy.kill();
        const kind = KINDS[n % KINDS.length] ?? "read";
        calls.push({ kind, ...ledger.call(client, kind) });
        await sleep(1);
      }
      const regions = await Promise.all(calls.map(({ servedBy }) => servedBy.catch(() => "none")));
      expect(regions.at(0)).toBe("home");
      expect(regions.at(-1)).toBe("second");
      for (const [n, { id, kind }] of calls.entries()) {
        const runs = home.saw(id).executed + second.saw(id).executed;
        if (kind !== "mutation") expect(regions[n]).not.toBe("none");
        else if (regions[n] !== "none") expect(runs).toBe(1);
      }
    });
  });
});

/** No connection: the one failure for which observing the request proves that nothing ran. */
import { failoverTrace, type Outcome } from "twirp-failover";
import { beforeAll, describe, expect, test } from "vitest";
import { agentWithout } from "../proof/undici.js";
import { realDispatcher, withDispatcher } from "../support/dispatcher.js";
import { refusedUrl } from "../support/region.js";
import {
  type AnyOptions,
  CLIENTS,
  errorOf,
  expectTruth,
  KINDS,
  type MethodKind,
  newRequestId,
  outcomesOf,
  useWire,
} from "../support/wire.js";

/** The outcome of a refused connection that is observed. Unobserved, it depends on the RPC library's error. */
const WATCHED: Outcome = { code: "unavailable", origin: "transport", execution: "none", cause: "ECONNREFUSED" };

describe.each(CLIENTS)("home refuses connections, $name, $format", (kind) => {
  const wire = useWire();
  // Node has no global dispatcher before the first request.
  beforeAll(() => fetch("data:,"));

  const refuse = async (options: AnyOptions = {}) => {
    const home = { id: "home", url: await refusedUrl() };
    const second = await wire().region("second");
    return { second, client: wire().connect(kind, [home, second], options) };
  };

  test.each(KINDS)("a %s fails over at once", async (method) => {
    // The call has no time for a wait. After a proof that nothing ran, the failover needs none.
    const { second, client } = await refuse({ policy: { initialBackoffMs: 30_000, maxBackoffMs: 30_000 } });
    const id = newRequestId();
    expect(await client[method](id)).toBe("second");
    expect(second.saw(id)).toEqual({ received: 1, executed: 1 });
    const { code, origin, execution } = WATCHED;
    expect(client.eventsOf("attempt")).toMatchObject([{ region: "home", ok: false, code, origin, execution }, {}]);
    expect(client.eventsOf("failover")).toMatchObject([{ from: "home", to: "second", code, origin, execution }]);
    expect(client.eventsOf("failover")[0]?.backoffMs).toBeLessThan(1_000);
    expectTruth(client, second);
  });

  test("a mutation is tried in every region, and rejects with the first region's error", async () => {
    const regions = [await refusedUrl(), await refusedUrl(), await refusedUrl()];
    const client = wire().connect(
      kind,
      regions.map((url, i) => ({ id: `r${i}`, url })),
    );
    const error = await errorOf(client.mutation(newRequestId()));
    expect(kind.factsOf(error)).toMatchObject({
      code: kind.codeOf(WATCHED),
      message: expect.stringMatching(/^fetch failed/),
    });
    expect(failoverTrace(error)?.attempts[0]?.error).toBe(error);
    expect(outcomesOf(error)).toEqual([WATCHED, WATCHED, WATCHED]);
    expect(client.eventsOf("replay_refused")).toMatchObject([{ region: "r2", reason: "max_attempts" }]);
  });

  test("after a refused and an ambiguous attempt, the call rejects with the ambiguous one's error", async () => {
    const { second, client } = await refuse();
    second.always({ instead: ({ req }) => void req.socket.resetAndDestroy() });
    const id = newRequestId();
    const error = await errorOf(client.mutation(id));
    expect(outcomesOf(error)).toMatchObject([{ execution: "none" }, { execution: "unknown", cause: "ECONNRESET" }]);
    expect(client.eventsOf("replay_refused")).toMatchObject([{ region: "second", reason: "not_idempotent" }]);
    expect(second.saw(id).received).toBe(1);
    expectTruth(client, second);
  });

  const { code, origin, execution } = kind.unwatchedRefusal;
  const replayed: readonly MethodKind[] = execution === "none" ? KINDS : ["read", "update"];

  test.each(replayed)("unobserved, a %s fails over because of the RPC library's error", async (method) => {
    const { second, client } = await refuse({ proofOfSending: false });
    expect(await client[method](newRequestId())).toBe("second");
    expect(client.eventsOf("failover")).toMatchObject([{ code, origin, execution }]);
    expectTruth(client, second);
  });

  test.each(KINDS.filter((method) => !replayed.includes(method)))(
    "unobserved, a %s is treated as one that may have run",
    async (method) => {
      const { second, client } = await refuse({ proofOfSending: false });
      const error = await errorOf(client[method](newRequestId()));
      expect(outcomesOf(error)).toEqual([kind.unwatchedRefusal]);
      expect(second.saw().received).toBe(0);
    },
  );

  // The dispatcher that the user has set for the whole process is used and observed.
  test("with the user's global dispatcher, the proof holds", async () => {
    const origins: string[] = [];
    const { second, client } = await refuse();
    const id = newRequestId();
    const dispatcher = {
      dispatch(options: { origin: unknown }, handler: object): boolean {
        origins.push(String(options.origin));
        return realDispatcher(handler).dispatch(options, handler);
      },
    };
    expect(await withDispatcher(dispatcher, () => client.mutation(id))).toBe("second");
    expect(second.saw(id)).toEqual({ received: 1, executed: 1 });
    expect(origins).toEqual([client.failover.regions()[0]?.url.replace("/twirp", ""), second.origin]);
  });

  // An agent that never connects stands for a host that does not answer a SYN, because loopback has no such host.
  test("a connection that is not made is given up after connectTimeoutMs, also for a mutation", async () => {
    const { home, second, client } = await wire().pair(kind, { policy: { connectTimeoutMs: 200 } });
    const id = newRequestId();
    const dispatcher = agentWithout(home.origin);
    expect(await withDispatcher(dispatcher, () => client.mutation(id))).toBe("second");
    expect(home.saw()).toEqual({ received: 0, executed: 0 });
    expect(second.saw(id)).toEqual({ received: 1, executed: 1 });
    expect(client.eventsOf("failover")).toMatchObject([
      { from: "home", to: "second", code: "unavailable", origin: "timeout", execution: "none" },
    ]);
  });

  test("an unused connection timeout does not cut a slow answer short", async () => {
    const { home, client } = await wire().pair(kind, { policy: { connectTimeoutMs: 200 } });
    home.always({ before: () => new Promise((resolve) => setTimeout(resolve, 300)) });
    expect(await client.mutation(newRequestId())).toBe("home");
    expect(home.saw()).toEqual({ received: 1, executed: 1 });
  });
});

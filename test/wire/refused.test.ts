/** No connection: the one failure after which it is proved, by having watched, that nothing ran. */
import { RpcError } from "@protobuf-ts/runtime-rpc";
import { failoverTrace, type Outcome } from "twirp-failover";
import { describe, expect, test } from "vitest";
import { realDispatcher } from "../support/dispatcher.js";
import { refusedUrl } from "../support/region.js";
import {
  type ClientOptions,
  errorOf,
  expectTruth,
  FORMATS,
  METHODS,
  type MethodKind,
  newRequestId,
  outcomesOf,
  useWire,
} from "../support/wire.js";

const KINDS = Object.keys(METHODS) as MethodKind[];

/** What a refused connection comes to where it is watched, and where it is not. Everything here follows from it. */
const WATCHED: Outcome = { code: "unavailable", origin: "transport", execution: "none", cause: "ECONNREFUSED" };
const UNWATCHED: Outcome = { code: "unavailable", origin: "transport", execution: "unknown" };

describe.each(FORMATS)("home refuses connections, $format", ({ sendJson }) => {
  const wire = useWire();

  const refuse = async (options: ClientOptions = {}) => {
    const home = { id: "home", url: await refusedUrl() };
    const second = await wire().region("second");
    const client = wire().client([home, second], { transport: { sendJson, ...options.transport }, ...options });
    return { second, client };
  };

  test.each(KINDS)("a %s fails over at once", async (kind) => {
    // A wait would outlast the call; after a failure that proves that nothing ran there is none.
    const { second, client } = await refuse({ policy: { initialBackoffMs: 30_000, maxBackoffMs: 30_000 } });
    const id = newRequestId();
    expect(await METHODS[kind](client.rooms, id)).toBe("second");
    expect(second.saw(id)).toEqual({ received: 1, executed: 1 });
    const { code, origin, execution } = WATCHED;
    expect(client.eventsOf("attempt")).toMatchObject([{ region: "home", ok: false, code, origin, execution }, {}]);
    expect(client.eventsOf("failover")).toMatchObject([{ from: "home", to: "second", code, origin, execution }]);
    expect(client.eventsOf("failover")[0]?.backoffMs).toBeLessThan(1_000);
    expectTruth(client, second);
  });

  test("a mutation is tried in every region, and rejects with the first's error", async () => {
    const regions = [await refusedUrl(), await refusedUrl(), await refusedUrl()];
    const client = wire().client(
      regions.map((url, i) => ({ id: `r${i}`, url })),
      { transport: { sendJson } },
    );
    const error = await errorOf(METHODS.mutation(client.rooms, newRequestId()));
    expect(error).toBeInstanceOf(RpcError);
    expect(error).toMatchObject({ code: "UNKNOWN", message: "fetch failed" });
    expect(failoverTrace(error)?.attempts[0]?.error).toBe(error);
    expect(outcomesOf(error)).toEqual([WATCHED, WATCHED, WATCHED]);
    expect(client.eventsOf("replay_refused")).toMatchObject([{ region: "r2", reason: "max_attempts" }]);
  });

  test("of a refused and an ambiguous attempt, the ambiguous one is told", async () => {
    const { second, client } = await refuse();
    second.always({ instead: ({ req }) => void req.socket.resetAndDestroy() });
    const id = newRequestId();
    const error = await errorOf(METHODS.mutation(client.rooms, id));
    expect(outcomesOf(error)).toMatchObject([{ execution: "none" }, { execution: "unknown", cause: "ECONNRESET" }]);
    expect(client.eventsOf("replay_refused")).toMatchObject([{ region: "second", reason: "not_idempotent" }]);
    expect(second.saw(id).received).toBe(1);
    expectTruth(client, second);
  });

  test.each(KINDS)("unwatched, a %s is treated as one that may have run", async (kind) => {
    const { second, client } = await refuse({ interceptor: { proofOfSending: false } });
    const id = newRequestId();
    if (kind !== "mutation") {
      expect(await METHODS[kind](client.rooms, id)).toBe("second");
      expect(client.eventsOf("failover")).toMatchObject([UNWATCHED]);
      return;
    }
    const error = await errorOf(METHODS.mutation(client.rooms, id));
    expect(outcomesOf(error)).toEqual([UNWATCHED]);
    expect(second.saw().received).toBe(0);
  });

  // The user's own dispatcher is used, and watched as well.
  test("with a dispatcher of the user's, the proof holds", async () => {
    const origins: string[] = [];
    const dispatcher = {
      dispatch(options: { origin: unknown }, handler: object): boolean {
        origins.push(String(options.origin));
        return realDispatcher(handler).dispatch(options, handler);
      },
    };
    const { second, client } = await refuse({ transport: { sendJson, fetchInit: { dispatcher } as never } });
    const id = newRequestId();
    expect(await METHODS.mutation(client.rooms, id)).toBe("second");
    expect(second.saw(id)).toEqual({ received: 1, executed: 1 });
    expect(origins).toEqual([client.failover.regions()[0]?.url.replace("/twirp", ""), second.origin]);
  });

  // A dispatcher that never gets to connect stands for a host that answers no SYN: loopback has none such.
  test("a connection that does not come is given up after connectTimeoutMs, by a mutation too", async () => {
    const { home, second, client } = await wire().pair(sendJson, { policy: { connectTimeoutMs: 200 } });
    const dispatcher = {
      dispatch: (options: { origin: unknown }, handler: object) =>
        String(options.origin) === home.origin || realDispatcher(handler).dispatch(options, handler),
    };
    const id = newRequestId();
    const options = { fetchInit: { dispatcher } };
    expect(await METHODS.mutation(client.rooms, id, options)).toBe("second");
    expect(home.saw()).toEqual({ received: 0, executed: 0 });
    expect(second.saw(id)).toEqual({ received: 1, executed: 1 });
    expect(client.eventsOf("failover")).toMatchObject([
      { from: "home", to: "second", code: "unavailable", origin: "timeout", execution: "none" },
    ]);
  });

  test("an unused connection timeout does not cut a slow answer short", async () => {
    const { home, client } = await wire().pair(sendJson, { policy: { connectTimeoutMs: 200 } });
    home.always({ before: () => new Promise((resolve) => setTimeout(resolve, 300)) });
    expect(await METHODS.mutation(client.rooms, newRequestId())).toBe("home");
    expect(home.saw()).toEqual({ received: 1, executed: 1 });
  });
});

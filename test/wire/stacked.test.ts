/**
 * One failover on top of another: the inner one would send the calls of the outer to regions of its own, and replay them, so
 * what the outer one learns of its regions would be wrong. It is refused before anything is sent.
 */
import type { RpcInterceptor } from "@protobuf-ts/runtime-rpc";
import { TwirpFetchTransport } from "@protobuf-ts/twirp-transport";
import { createFailover, type Failover, failoverTrace, InvalidOptionError } from "twirp-failover";
import { failoverInterceptor } from "twirp-failover/protobuf-ts";
import { failoverRpc, type Rpc } from "twirp-failover/twirp-ts";
import { describe, expect, test } from "vitest";
import { RoomServiceClient } from "../../proto/gen/rooms.client.js";
import { RoomServiceClientJSON, RoomServiceClientProtobuf } from "../../proto/gen/rooms.twirp.js";
import type { RegionServer } from "../support/region.js";
import { errorOf, METHODS, newRequestId, useWire } from "../support/wire.js";

const wire = useWire();

async function two() {
  const [a, b] = [await wire().region("a"), await wire().region("b")];
  const of = ({ id, url }: RegionServer) => createFailover({ regions: [{ id, url }] });
  return { servers: [a, b], first: of(a), second: of(b) };
}

function expectRefusal(error: unknown, servers: readonly RegionServer[], message: RegExp): void {
  expect(error).toBeInstanceOf(InvalidOptionError);
  expect((error as Error).message).toMatch(message);
  expect(servers.map((server) => server.saw().received)).toEqual([0, 0]);
  // Nothing is learned of the outer one's region, and nothing is tried again.
  expect(failoverTrace(error)).toMatchObject({ attempts: [{ outcome: { origin: "client" } }], refused: "unsendable" });
}

describe("protobuf-ts", () => {
  const clientOf = (...interceptors: RpcInterceptor[]) =>
    new RoomServiceClient(new TwirpFetchTransport({ baseUrl: "", interceptors }));
  const other: RpcInterceptor = {
    interceptUnary: (next, method, input, options) =>
      next(method, input, { ...options, meta: { ...options.meta, "x-other": "1" } }),
  };
  const TWO = /^twirp-failover: there are two failoverInterceptors, one below the other, with different Failovers/;
  const TWICE = /^twirp-failover: there are two failoverInterceptors, one below the other, with the same Failover/;

  test.each<[string, (first: Failover, second: Failover) => RpcInterceptor[], RegExp]>([
    ["two Failovers", (first, second) => [failoverInterceptor(first), failoverInterceptor(second)], TWO],
    ["two, the other way round", (first, second) => [failoverInterceptor(second), failoverInterceptor(first)], TWO],
    ["two, and another interceptor between", (a, b) => [failoverInterceptor(a), other, failoverInterceptor(b)], TWO],
    ["two that observe nothing", (a, b) => [a, b].map((x) => failoverInterceptor(x, { proofOfSending: false })), TWO],
    ["one Failover twice", (first) => [failoverInterceptor(first), failoverInterceptor(first)], TWICE],
    ["one interceptor twice", (first) => Array(2).fill(failoverInterceptor(first)) as RpcInterceptor[], TWICE],
  ])("on one transport: %s", async (_, interceptorsOf, message) => {
    const { servers, first, second } = await two();
    const client = clientOf(...interceptorsOf(first, second));
    for (const kind of ["read", "mutation"] as const) {
      expectRefusal(await errorOf(METHODS[kind](client, newRequestId())), servers, message);
    }
    for (const failover of [first, second])
      expect(failover.regions()).toMatchObject([{ state: "healthy", inFlight: 0 }]);
  });

  test("on a transport and in the options of a call", async () => {
    const { servers, first, second } = await two();
    const client = clientOf(failoverInterceptor(first));
    const options = { interceptors: [failoverInterceptor(second)] };
    expectRefusal(await errorOf(METHODS.read(client, newRequestId(), options)), servers, TWO);
    expect(await METHODS.read(client, newRequestId())).toBe("a");
  });

  test("two transports, each with a Failover, are none, also where one is used within a call of the other", async () => {
    const { first, second } = await two();
    const inner = clientOf(failoverInterceptor(second));
    const served: unknown[] = [];
    const asksFirst: RpcInterceptor = {
      interceptUnary(next, method, input, options) {
        served.push(METHODS.read(inner, newRequestId(), { ...options, interceptors: [] }));
        return next(method, input, options);
      },
    };
    const outer = clientOf(failoverInterceptor(first), asksFirst);
    expect(await METHODS.read(outer, newRequestId())).toBe("a");
    expect(await Promise.all(served)).toEqual(["b"]);
  });
});

describe.each([
  ["JSON", RoomServiceClientJSON],
  ["protobuf", RoomServiceClientProtobuf],
])("twirp-ts, %s", (_, Client) => {
  const MESSAGE = /^twirp-failover: what rpc returns must be an Rpc that makes requests, not another failoverRpc/;

  test.each<[string, (rpc: Rpc & { with(options: object): Rpc }) => Rpc]>([
    ["as it is", (rpc) => rpc],
    ["with options", (rpc) => rpc.with({ timeoutMs: 1_000 })],
    ["with a method more", (rpc) => ({ ...rpc })],
  ])("an Rpc that is a failoverRpc, %s", async (_, wrap) => {
    const { servers, first, second } = await two();
    const inner = wrap(failoverRpc(second));
    const rooms = new Client(failoverRpc(first, { rpc: () => inner }));
    expectRefusal(
      await errorOf(rooms.GetRoom({ name: "lobby", requestId: newRequestId() } as never)),
      servers,
      MESSAGE,
    );
  });

  test("the same Failover below itself", async () => {
    const { servers, first } = await two();
    const rooms = new Client(failoverRpc(first, { rpc: () => failoverRpc(first) }));
    expectRefusal(
      await errorOf(rooms.GetRoom({ name: "lobby", requestId: newRequestId() } as never)),
      servers,
      MESSAGE,
    );
  });
});

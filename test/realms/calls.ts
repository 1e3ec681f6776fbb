/**
 * What an application's test does with clients in a `vm` realm: Jest's, and that of Vitest's `vmThreads`. There `fetch` is the
 * main realm's, whose dispatcher is out of reach and whose errors are no instances of this realm's `Error`.
 */
import assert from "node:assert/strict";
import { RpcError } from "@protobuf-ts/runtime-rpc";
import { TwirpFetchTransport } from "@protobuf-ts/twirp-transport";
import {
  createFailover,
  type Failover,
  type FailoverEventOf,
  failoverTrace,
  type PolicyTable,
  policiesFrom,
} from "twirp-failover";
import { failoverInterceptor } from "twirp-failover/protobuf-ts";
import { failoverRpc } from "twirp-failover/twirp-ts";
import { TwirpError } from "twirp-ts";
import { RoomServiceClient } from "../../proto/gen/rooms.client.js";
import { RoomService } from "../../proto/gen/rooms.js";
import { RoomServiceClientJSON } from "../../proto/gen/rooms.twirp.js";

interface Rooms {
  update(requestId: string): Promise<string>;
  mutate(requestId: string): Promise<string>;
}

const LIBRARIES: Record<string, { errorClass: typeof RpcError | typeof TwirpError; connect(to: Failover): Rooms }> = {
  "protobuf-ts": {
    errorClass: RpcError,
    connect(failover) {
      const transport = new TwirpFetchTransport({ baseUrl: "", interceptors: [failoverInterceptor(failover)] });
      const rooms = new RoomServiceClient(transport);
      return {
        update: async (requestId) =>
          (await rooms.updateRoomMetadata({ name: "lobby", metadata: "m", requestId })).response.servedBy,
        mutate: async (requestId) =>
          (await rooms.dialParticipant({ room: "lobby", phoneNumber: "1", requestId })).response.servedBy,
      };
    },
  },
  "twirp-ts": {
    errorClass: TwirpError,
    connect(failover) {
      const rooms = new RoomServiceClientJSON(failoverRpc(failover));
      return {
        update: async (requestId) =>
          (await rooms.UpdateRoomMetadata({ name: "lobby", metadata: "m", requestId })).servedBy,
        mutate: async (requestId) =>
          (await rooms.DialParticipant({ room: "lobby", phoneNumber: "1", requestId })).servedBy,
      };
    },
  },
};

export const libraries = Object.keys(LIBRARIES);

/** Throws if anything is not as it should be. The server counts what it executes. */
export async function useClients(library: string): Promise<void> {
  const { url = "", refused = "" } = { url: process.env.REGION_URL, refused: process.env.REFUSED_URL };
  const { errorClass, connect } = LIBRARIES[library] as (typeof LIBRARIES)[string];
  const policies: PolicyTable = { ...policiesFrom(RoomService), "*": { initialBackoffMs: 5 } };
  const alone = createFailover({ regions: [{ id: "home", url }], policies });
  const both = createFailover({
    regions: [
      { id: "refused", url: refused },
      { id: "home", url },
    ],
    policies,
    health: false,
  });
  const warnings: FailoverEventOf<"warning">[] = [];
  both.on("warning", (event) => warnings.push(event));

  // Otherwise this would be no such realm, and prove nothing.
  void globalThis.Headers;
  const name = Symbol.for("undici.globalDispatcher.1");
  assert.equal((globalThis as Record<symbol, unknown>)[name], undefined);
  const error: unknown = await fetch("http://127.0.0.1:1/").catch((thrown) => thrown);
  assert.equal(error instanceof Error, false);

  assert.equal(await connect(alone).mutate(`${library} mutation`), "home");
  assert.equal(await connect(both).update(`${library} update`), "home");

  for (let i = 0; i < 2; i++) {
    const refusal: unknown = await connect(both)
      .mutate(`${library} unproved`)
      .catch((thrown) => thrown);
    assert.ok(refusal instanceof errorClass);
    assert.match(refusal.message, /fetch failed|bad port/);
    assert.equal(failoverTrace(refusal)?.attempts[0]?.outcome.execution, "unknown");
    assert.equal(failoverTrace(refusal)?.refused, "not_idempotent");
  }
  assert.equal(warnings.length, 1);
  assert.match(warnings[0]?.message ?? "", /vm realm/);
}

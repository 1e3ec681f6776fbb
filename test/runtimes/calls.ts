/** One call of a mutation per case and library, and what its first attempt came to, as JSON. Runs in any runtime. */
import { TwirpFetchTransport } from "@protobuf-ts/twirp-transport";
import { createFailover, type FailoverEvent } from "twirp-failover";
import { failoverInterceptor } from "twirp-failover/protobuf-ts";
import { failoverRpc } from "twirp-failover/twirp-ts";
import { RoomServiceClient } from "../../proto/gen/rooms.client.js";
import { RoomServiceClientJSON } from "../../proto/gen/rooms.twirp.js";

interface Case {
  readonly name: string;
  /** Where the region is; else one is started whose second request on a connection ends it without an answer. */
  readonly url?: string;
  /** That region also stops listening then. */
  readonly gone?: boolean;
}

const messages = (error: unknown): string => {
  const { name, message, code, cause } = (error ?? {}) as Record<string, unknown>;
  const own = `${name}${code === undefined ? "" : ` [${code}]`}: ${message}`;
  return cause === undefined ? own : `${own} ← ${messages(typeof cause === "function" ? cause.call(error) : cause)}`;
};

const clients = {
  "protobuf-ts": (failover: ReturnType<typeof createFailover>) => {
    const transport = new TwirpFetchTransport({ baseUrl: "", interceptors: [failoverInterceptor(failover)] });
    const rooms = new RoomServiceClient(transport);
    return {
      read: async () => void (await rooms.getRoom({ name: "lobby", requestId: "r" }).response),
      mutate: async () =>
        void (await rooms.dialParticipant({ room: "lobby", phoneNumber: "1", requestId: "m" }).response),
    };
  },
  "twirp-ts": (failover: ReturnType<typeof createFailover>) => {
    const rooms = new RoomServiceClientJSON(failoverRpc(failover));
    return {
      read: async () => void (await rooms.GetRoom({ name: "lobby", requestId: "r" })),
      mutate: async () => void (await rooms.DialParticipant({ room: "lobby", phoneNumber: "1", requestId: "m" })),
    };
  },
};

/** @param control starts regions and counts what they got. */
export async function measure(control: string, cases: readonly Case[]): Promise<void> {
  for (const { name, url: given, gone } of cases) {
    for (const [library, connect] of Object.entries(clients)) {
      const url = given ?? (await (await fetch(`${control}/new${gone ? "?gone" : ""}`)).text());
      const failover = createFailover({
        regions: [{ id: "home", url }],
        policies: { "acme.rooms.v1.RoomService/GetRoom": { idempotent: true } },
        health: false,
      });
      const attempts: FailoverEvent[] = [];
      const { read, mutate } = connect(failover);
      if (given === undefined) await read(); // Leaves a connection behind.
      failover.on("attempt", (event) => attempts.push(event));
      const error = await mutate().then(
        () => undefined,
        (thrown) => thrown,
      );
      const { ok, execution, cause } = attempts[0] as unknown as Record<string, unknown>;
      const received = given === undefined && (await (await fetch(`${control}/received?${url}`)).text());
      console.log(JSON.stringify({ name, library, ok, execution, cause, received, error: error && messages(error) }));
    }
  }
}

const given = globalThis as { MEASURE?: { control: string; cases: Case[] } };
if (given.MEASURE) await measure(given.MEASURE.control, given.MEASURE.cases);

/** twirp-failover, with its defaults: 10 s for a call, 5 s for an attempt. */
import { TwirpFetchTransport } from "@protobuf-ts/twirp-transport";
import { createFailover, type FailoverOptions, httpRegions } from "twirp-failover";
import { failoverInterceptor } from "twirp-failover/protobuf-ts";
import { RoomServiceClient } from "../../proto/gen/rooms.client.js";
import type { Client } from "./client.js";

/** It knows all regions. */
export function withList(origins: readonly string[]): Client {
  return clientOf(origins.map((origin) => `${origin}/twirp`));
}

/** It knows home, and asks that for the others. */
export function withDiscovery([home]: readonly string[]): Client {
  return clientOf(httpRegions({ home: `${home}/twirp` }));
}

function clientOf(regions: FailoverOptions["regions"]): Client {
  const failover = createFailover({ regions });
  const attempts = { GetRoom: 0, ListRooms: 0 };
  failover.on("attempt", ({ method }) => void attempts[method as keyof typeof attempts]++);
  const rooms = new RoomServiceClient(
    new TwirpFetchTransport({ baseUrl: "", interceptors: [failoverInterceptor(failover)] }),
  );
  return {
    call: (method) =>
      (method === "GetRoom" ? rooms.getRoom({ name: "lobby" }) : rooms.listRooms({ limit: 1 })).response,
    told: (method) => attempts[method],
  };
}

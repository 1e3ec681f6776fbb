/** twirp-failover, with its defaults: 10 s for a call, 5 s for an attempt. */
import { TwirpFetchTransport } from "@protobuf-ts/twirp-transport";
import { createFailover, type FailoverOptions, httpRegions, RegionCache } from "twirp-failover";
import { failoverInterceptor } from "twirp-failover/protobuf-ts";
import { RoomServiceClient } from "../../proto/gen/rooms.client.js";
import { type Client, type Method, REQUESTS } from "./client.js";

/** It knows all regions. */
export function withList(origins: readonly string[]): Client {
  return clientOf({ regions: origins.map((origin) => `${origin}/twirp`) });
}

/** It knows home, and asks that for the others. */
export function withDiscovery([home]: readonly string[]): Client {
  return clientOf({ regions: httpRegions({ home: `${home}/twirp` }) });
}

/** It asks home as well, and has a list to go by until it got an answer. */
export function withFallbackList(origins: readonly string[]): Client {
  const [home = "", ...fallback] = origins.map((origin) => `${origin}/twirp`);
  return clientOf({ regions: httpRegions({ home, fallback }) });
}

/** It asks home as well, and finds in a store what an earlier process was answered. */
export async function withStore([home]: readonly string[]): Promise<Client> {
  const store = new Map<string, string>();
  const discovering = () => ({
    regions: httpRegions({ home: `${home}/twirp` }),
    cache: new RegionCache({ store }),
  });
  await createFailover(discovering()).ready();
  if (store.size !== 1) throw new Error("no list came into the store");
  return clientOf(discovering());
}

function clientOf(options: FailoverOptions): Client {
  const failover = createFailover(options);
  const attempts: Record<Method, number> = { GetRoom: 0, ListRooms: 0, DialParticipant: 0 };
  failover.on("attempt", ({ method }) => void attempts[method as Method]++);
  const rooms = new RoomServiceClient(
    new TwirpFetchTransport({ baseUrl: "", interceptors: [failoverInterceptor(failover)] }),
  );
  const calls: Record<Method, () => PromiseLike<unknown>> = {
    GetRoom: () => rooms.getRoom(REQUESTS.GetRoom).response,
    ListRooms: () => rooms.listRooms(REQUESTS.ListRooms).response,
    DialParticipant: () => rooms.dialParticipant(REQUESTS.DialParticipant).response,
  };
  return {
    call: async (method) => calls[method](),
    told: (method) => attempts[method],
  };
}

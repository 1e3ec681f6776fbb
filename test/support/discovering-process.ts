/** A program that discovers its regions, for tests of how it ends. Its work is the name of one of `WORKS`. */
import { createFailover, httpRegions, RegionCache, type RegionStore, type RpcCall } from "twirp-failover";

const [work = "", home = ""] = process.argv.slice(2);

const hanging: RegionStore = { get: () => new Promise(() => {}), set: () => new Promise(() => {}) };
const cache = new RegionCache(work.includes("hanging store") ? { store: hanging } : {});
const failover = createFailover({ regions: httpRegions({ home }), cache });

/** It answers by itself, so that no connection to a server holds the process up. */
const call: RpcCall<string> = {
  service: "acme.rooms.v1.RoomService",
  method: "GetRoom",
  send: async ({ region }) => region.url,
  inspect: () => ({ kind: "none" }),
  createError: (_, message) => new Error(message),
};

if (work.startsWith("call")) await failover.run(call);
if (work.startsWith("ready")) await failover.ready();
// The parent measures from here on.
process.stdout.write("done\n");

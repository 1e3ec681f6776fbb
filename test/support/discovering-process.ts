/** A program that discovers its regions, for tests of how a process ends. Arguments: `ready` or `call`, and what hangs. */
import { createFailover, httpRegions, RegionCache, type RegionSource, type RegionStore } from "twirp-failover";
import type { RpcCall } from "twirp-failover/adapter";

const [work = "", home = ""] = process.argv.slice(2);

const hanging: RegionStore = { get: () => new Promise(() => {}), set: () => new Promise(() => {}) };
const cache = new RegionCache(work.includes("hanging store") ? { store: hanging } : {});
const silent: RegionSource = { key: "silent", known: [{ id: "home", url: home }], load: () => new Promise(() => {}) };
const regions = work.includes("hanging source") ? silent : httpRegions({ home });
const failover = createFailover({ regions, cache });

/** Answers without a server, so that no connection keeps the process alive. */
const call: RpcCall<string> = {
  service: "acme.rooms.v1.RoomService",
  method: "GetRoom",
  send: async ({ region }) => region.url,
  inspect: () => ({ kind: "none" }),
  createError: (_, message) => new Error(message),
};

if (work.startsWith("call")) await failover.run(call);
if (work.startsWith("ready")) await failover.ready();
// The parent measures from here.
process.stdout.write("done\n");

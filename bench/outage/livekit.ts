/**
 * The failover of livekit-server-sdk. Its index does not export it, so it is imported by path. `failoverForce` is the
 * switch of its own tests for hosts outside livekit.cloud. It has a limit for an attempt but none for a call, and with a
 * limit below 5 s its failover is off.
 */
import { TwirpRpc } from "../../node_modules/livekit-server-sdk/dist/TwirpRPC.js";
import { ATTEMPT_TIMEOUT_MS, type Client, REQUESTS } from "./client.js";

export function withLiveKit([home = ""]: readonly string[]): Client {
  const options = { failover: true, failoverForce: true, requestTimeout: ATTEMPT_TIMEOUT_MS / 1000 };
  const rpc = new TwirpRpc(home, "acme.rooms.v1", options);
  return { call: (method) => rpc.request("RoomService", method, REQUESTS[method], {}) };
}

/** Suppresses its warnings: it logs each replay with `console.warn`, which would be thousands of lines here. */
export async function silently<T>(task: () => Promise<T>): Promise<T> {
  const { warn } = console;
  console.warn = () => {};
  try {
    return await task();
  } finally {
    console.warn = warn;
  }
}

/** The adapters exactly as in docs/adapters.md, with a call of each kind by the clients that they are for. */
import type { Failover } from "twirp-failover";
import type { Snippet } from "./snippets.js";
import { RoomServiceClientImpl } from "./ts-proto/rooms.js";
import { DialParticipant, GetRoom, GetRoomJSON } from "./twirpscript/rooms.pb.js";
import type { RpcTransport } from "./twirpscript/runtime.js";

/** Finds the error by the code with which a call rejects. */
export interface ShownAdapter {
  readonly name: string;
  read(failover: Failover): Promise<string>;
  mutation(failover: Failover): Promise<string>;
}

type TsProtoRpc = (failover: Failover) => ConstructorParameters<typeof RoomServiceClientImpl>[0];
type TwirpScriptTransport = (failover: Failover) => RpcTransport;

const ROOM = { name: "lobby" };
const DIAL = { room: "lobby", phoneNumber: "1" };

export async function shownAdapters(snippets: readonly Snippet[]): Promise<ShownAdapter[]> {
  const declared: Record<string, unknown> = {};
  for (const { name, path } of snippets)
    if (name.startsWith("docs/adapters.md")) Object.assign(declared, await import(path));
  const tsProtoRpc = declared.tsProtoRpc as TsProtoRpc;
  const transport = declared.twirpScriptTransport as TwirpScriptTransport;
  return [
    {
      name: "ts-proto",
      read: async (failover) => (await new RoomServiceClientImpl(tsProtoRpc(failover)).GetRoom(ROOM)).servedBy,
      mutation: async (failover) =>
        (await new RoomServiceClientImpl(tsProtoRpc(failover)).DialParticipant(DIAL)).servedBy,
    },
    {
      name: "TwirpScript",
      read: async (failover) => (await GetRoom(ROOM, { rpcTransport: transport(failover) })).servedBy,
      mutation: async (failover) => (await DialParticipant(DIAL, { rpcTransport: transport(failover) })).servedBy,
    },
    {
      name: "TwirpScript in JSON",
      read: async (failover) => (await GetRoomJSON(ROOM, { rpcTransport: transport(failover) })).servedBy,
      mutation: async (failover) => (await DialParticipant(DIAL, { rpcTransport: transport(failover) })).servedBy,
    },
  ];
}

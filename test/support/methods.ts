/** The methods of the test service by their names in the `.proto`, independent of a library's spelling. */
import type {
  DialParticipantRequest,
  DialParticipantResponse,
  GetRoomRequest,
  ListRoomsRequest,
  ListRoomsResponse,
  Room,
  StartRecordingRequest,
  StartRecordingResponse,
  UpdateRoomMetadataRequest,
} from "../../proto/gen/rooms.js";

export interface Methods {
  GetRoom: { request: GetRoomRequest; response: Room };
  ListRooms: { request: ListRoomsRequest; response: ListRoomsResponse };
  UpdateRoomMetadata: { request: UpdateRoomMetadataRequest; response: Room };
  DialParticipant: { request: DialParticipantRequest; response: DialParticipantResponse };
  StartRecording: { request: StartRecordingRequest; response: StartRecordingResponse };
}

export type Method = keyof Methods;

export type Call<Options> = <M extends Method>(
  method: M,
  request: Methods[M]["request"],
  options?: Options,
) => Promise<Methods[M]["response"]>;

export type MethodKind = "read" | "update" | "mutation";

/** One call of each kind of method. It resolves with the region that answered. */
export const KIND_CALLS = {
  read: async <O>(call: Call<O>, requestId: string, options?: O) =>
    (await call("GetRoom", { name: "lobby", requestId }, options)).servedBy,
  update: async <O>(call: Call<O>, requestId: string, options?: O) =>
    (await call("UpdateRoomMetadata", { name: "lobby", metadata: "m", requestId }, options)).servedBy,
  mutation: async <O>(call: Call<O>, requestId: string, options?: O) =>
    (await call("DialParticipant", { room: "lobby", phoneNumber: "1", requestId }, options)).servedBy,
} as const satisfies Record<MethodKind, unknown>;

export const KINDS = Object.keys(KIND_CALLS) as MethodKind[];

/** The code that twirpscript 0.0.72 generates from proto/rooms.proto, except for the encoding, which is protobuf-ts's. */
import messages, {
  type DialParticipantRequest,
  type DialParticipantResponse,
  type GetRoomRequest,
  type Room,
} from "../../../proto/gen/rooms.js";
import { type ClientConfiguration, JSONrequest, PBrequest } from "./runtime.js";

export async function GetRoom(getRoomRequest: GetRoomRequest, config?: ClientConfiguration): Promise<Room> {
  const data = messages.GetRoomRequest.toBinary(getRoomRequest);
  return messages.Room.fromBinary(await PBrequest("/acme.rooms.v1.RoomService/GetRoom", data, config));
}

export async function GetRoomJSON(getRoomRequest: GetRoomRequest, config?: ClientConfiguration): Promise<Room> {
  const data = messages.GetRoomRequest.toJsonString(getRoomRequest);
  return messages.Room.fromJsonString(await JSONrequest("/acme.rooms.v1.RoomService/GetRoom", data, config));
}

export async function DialParticipant(
  dialParticipantRequest: DialParticipantRequest,
  config?: ClientConfiguration,
): Promise<DialParticipantResponse> {
  const data = messages.DialParticipantRequest.toBinary(dialParticipantRequest);
  const answer = await PBrequest("/acme.rooms.v1.RoomService/DialParticipant", data, config);
  return messages.DialParticipantResponse.fromBinary(answer);
}

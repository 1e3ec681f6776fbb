/** The code that ts-proto 1.x and 2.x generate from proto/rooms.proto, except for the encoding, which is protobuf-ts's. */
import messages, {
  type DialParticipantRequest,
  type DialParticipantResponse,
  type GetRoomRequest,
  type Room,
} from "../../../proto/gen/rooms.js";

interface Rpc {
  request(service: string, method: string, data: Uint8Array): Promise<Uint8Array>;
}

export const RoomServiceServiceName = "acme.rooms.v1.RoomService";

export class RoomServiceClientImpl {
  private readonly rpc: Rpc;
  private readonly service: string;

  constructor(rpc: Rpc, opts?: { service?: string }) {
    this.service = opts?.service || RoomServiceServiceName;
    this.rpc = rpc;
    this.GetRoom = this.GetRoom.bind(this);
    this.DialParticipant = this.DialParticipant.bind(this);
  }

  GetRoom(request: GetRoomRequest): Promise<Room> {
    const data = messages.GetRoomRequest.toBinary(request);
    const promise = this.rpc.request(this.service, "GetRoom", data);
    return promise.then((data) => messages.Room.fromBinary(data));
  }

  DialParticipant(request: DialParticipantRequest): Promise<DialParticipantResponse> {
    const data = messages.DialParticipantRequest.toBinary(request);
    const promise = this.rpc.request(this.service, "DialParticipant", data);
    return promise.then((data) => messages.DialParticipantResponse.fromBinary(data));
  }
}

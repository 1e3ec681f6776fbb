/** A stand-in for a LiveKit project: the state that its regions share, and a record of what they did. */
import { TokenVerifier } from "livekit-server-sdk";

export const API_KEY = "devkey";
export const API_SECRET = "a secret of at least thirty-two characters";

type Json = Record<string, unknown>;

/** A handler's error, with the fields of a Twirp error. */
export class HandlerError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export class Project {
  readonly rooms = new Map<string, Json>();
  /** The dialled numbers, one entry per ring. */
  readonly rung: string[] = [];
  /** The recorded rooms, one entry per recording. */
  readonly recordings: string[] = [];
  readonly #verifier = new TokenVerifier(API_KEY, API_SECRET);

  async checkToken(authorization: string | undefined): Promise<void> {
    try {
      await this.#verifier.verify((authorization ?? "").replace("Bearer ", ""));
    } catch {
      throw new HandlerError(401, "unauthenticated", "the token belongs to another project");
    }
  }

  /** Runs a method for any region. Requests are JSON with the names of the `.proto`, as the SDK sends them. */
  run(method: string, request: Json): Json {
    switch (method) {
      case "livekit.RoomService/CreateRoom": {
        const name = String(request.name);
        const room = this.rooms.get(name) ?? { sid: `RM_${this.rooms.size + 1}`, name };
        this.rooms.set(name, room);
        return room;
      }
      case "livekit.RoomService/UpdateRoomMetadata": {
        const room = this.rooms.get(String(request.room));
        if (room === undefined) throw new HandlerError(404, "not_found", "no such room");
        return Object.assign(room, { metadata: request.metadata });
      }
      case "livekit.RoomService/ListRooms":
        return { rooms: [...this.rooms.values()] };
      case "livekit.SIP/CreateSIPParticipant": {
        const number = String(request.sipCallTo);
        this.rung.push(number);
        return { participantId: `PA_${this.rung.length}`, participantIdentity: number, roomName: request.roomName };
      }
      case "livekit.Egress/StartRoomCompositeEgress": {
        this.recordings.push(String(request.roomName));
        return { egressId: `EG_${this.recordings.length}`, roomName: request.roomName };
      }
      default:
        throw new HandlerError(404, "bad_route", `no method ${method}`);
    }
  }
}

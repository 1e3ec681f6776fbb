/** A stand-in for a LiveKit project: what its regions share, and what they did, which is what counts in the end. */
import { TokenVerifier } from "livekit-server-sdk";

export const API_KEY = "devkey";
export const API_SECRET = "a secret of at least thirty-two characters";

type Json = Record<string, unknown>;

/** The error of a handler, in Twirp's shape. */
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
  /** The numbers that were dialled, one entry for each time that a phone rang. */
  readonly rung: string[] = [];
  /** The rooms that are recorded, one entry for each recording. */
  readonly recordings: string[] = [];
  readonly #verifier = new TokenVerifier(API_KEY, API_SECRET);

  async checkToken(authorization: string | undefined): Promise<void> {
    try {
      await this.#verifier.verify((authorization ?? "").replace("Bearer ", ""));
    } catch {
      throw new HandlerError(401, "unauthenticated", "that token is not of this project");
    }
  }

  /** Runs a method, as any of the regions does it. Requests are JSON in the names of the `.proto`, as the SDK writes them. */
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

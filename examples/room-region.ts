/** A region of the room service on this machine: the server that twirp-ts generates, and a count of what it ran. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createRoomServiceServer } from "../proto/gen/rooms.twirp.js";

export async function startRegion(id: string) {
  const ran = { GetRoom: 0, DialParticipant: 0 };
  const unused = async () => {
    throw new Error("not part of this example");
  };
  const twirp = createRoomServiceServer({
    async GetRoom(_, { name }) {
      ran.GetRoom++;
      return { name, metadata: "", participants: 2, servedBy: id };
    },
    async DialParticipant() {
      ran.DialParticipant++;
      return { participantId: "PA_1", servedBy: id };
    },
    ListRooms: unused,
    UpdateRoomMetadata: unused,
    StartRecording: unused,
  });
  const server = createServer(twirp.httpHandler({ prefix: "/twirp" }));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { id, url: `http://127.0.0.1:${port}/twirp`, ran, stop };
}

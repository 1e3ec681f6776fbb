/** The server of the loopback measurement: answers GetRoom, and sends its port to the parent. */
import { createServer } from "node:http";
import { createRoomServiceServer } from "../proto/gen/rooms.twirp.js";

const rooms = createRoomServiceServer({
  GetRoom: async (_context, { name }) => ({ name, metadata: "", participants: 3, servedBy: "loopback" }),
});
const server = createServer(rooms.httpHandler({ prefix: "/twirp" }));
server.listen(0, "127.0.0.1", () => process.send(server.address().port));
// It must never outlive the benchmark.
process.on("disconnect", () => process.exit());

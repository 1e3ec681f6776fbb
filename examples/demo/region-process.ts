/**
 * One region: a Twirp server in a separate process, started by `fleet.ts` with
 * `region-process.ts <region> <port> <record>`.
 *
 * It records what it executes, one line per run of a handler. The demo ends a region with SIGKILL, so the record must not
 * depend on anything that dies with the process, such as memory or a message to the parent that is still in a queue. A
 * synchronous append is safe: when `writeSync` returns, the line belongs to the operating system. It is written before
 * the answer, so everything that was answered is recorded.
 */
import { openSync, writeSync } from "node:fs";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { Room } from "../../proto/gen/rooms.js";
import { createRoomServiceServer, type RoomServiceTwirp } from "../../proto/gen/rooms.twirp.js";

/** A message from a region to the demo. */
export type RegionMessage = { readonly listening: true } | { readonly failed: string };

/**
 * How long a handler works, in milliseconds. The mutations take longest, as in reality, where one waits for a telephone
 * network and the other for a recorder. Therefore some are always under way when the region dies.
 */
const WORK_MS = { getRoom: 2, listRooms: 4, updateRoomMetadata: 5, dialParticipant: 60, startRecording: 70 };

const [region = "", port = "", recordPath = ""] = process.argv.slice(2);
const record = openSync(recordPath, "a");

/** The work of a handler, with its effect in the middle, so that a crash may come before or after the effect. */
async function execute(method: keyof typeof WORK_MS, requestId: string): Promise<void> {
  await sleep(WORK_MS[method] / 2);
  writeSync(record, `${requestId}\n`);
  await sleep(WORK_MS[method] / 2);
}

function roomOf(name: string, metadata = ""): Room {
  return { name, metadata, participants: 2, servedBy: region };
}

const rooms: RoomServiceTwirp = {
  async GetRoom(_, { name, requestId = "" }) {
    await execute("getRoom", requestId);
    return roomOf(name);
  },
  async ListRooms(_, { requestId = "" }) {
    await execute("listRooms", requestId);
    return { rooms: [roomOf("lobby"), roomOf("stage")] };
  },
  async UpdateRoomMetadata(_, { name, metadata, requestId = "" }) {
    await execute("updateRoomMetadata", requestId);
    return roomOf(name, metadata);
  },
  async DialParticipant(_, { requestId = "" }) {
    await execute("dialParticipant", requestId);
    return { participantId: `PA_${requestId}`, servedBy: region };
  },
  async StartRecording(_, { requestId = "" }) {
    await execute("startRecording", requestId);
    return { recordingId: `RE_${requestId}`, servedBy: region };
  },
};

function send(message: RegionMessage, then = () => {}): void {
  process.send?.(message, then);
}

// Ctrl-C reaches every process of the terminal, but the demo decides when a region ends.
process.on("SIGINT", () => {});
// If the demo has ended for any reason, the region ends too.
process.on("disconnect", () => process.exit(0));

const server = createServer(createRoomServiceServer(rooms).httpHandler());
server.on("error", (error: NodeJS.ErrnoException) => {
  send({ failed: error.code ?? error.message }, () => process.exit(1));
});
server.listen(Number(port), "127.0.0.1", () => send({ listening: true }));

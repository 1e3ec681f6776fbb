/** One region: a Twirp server in a separate process, which fails as `fleet.ts` says and counts its requests. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { TwirpError, TwirpErrorCode } from "twirp-ts";
import { createRoomServiceServer, type RoomServiceTwirp } from "../../proto/gen/rooms.twirp.js";
import { seededRandom } from "./random.js";
import type { ListEntry, Mode, Order, Reply } from "./region-messages.js";

/** How long an answer takes. Real regions are not on one machine, and noise affects a longer latency less. */
const WORK_MS = 5;
const ERROR_SHARE = 0.3;

/**
 * Ports are below the range that systems use for outgoing connections (it starts at 32768 or higher), because in that range
 * a client that connects to the port of a closed region could end up connected to itself.
 */
const PORTS = { from: 20_000, to: 30_000, tries: 20 };

let mode: Mode = "healthy";
let list: readonly ListEntry[] = [];
let maxAgeSeconds = 0;
let methods: Record<string, number> = {};
let discoveries = 0;
let random = seededRandom(1);
let server: Server | undefined;
const sockets = new Set<Socket>();

async function execute(method: string): Promise<void> {
  if (mode === "unavailable") throw new TwirpError(TwirpErrorCode.Unavailable, "the region is down");
  if (mode === "list_broken" && method === "ListRooms") throw new TwirpError(TwirpErrorCode.Internal, "a bug");
  if (mode === "flaky" && random() < ERROR_SHARE) {
    const code = random() < 0.5 ? TwirpErrorCode.Internal : TwirpErrorCode.Unavailable;
    throw new TwirpError(code, "a random failure");
  }
  await sleep(WORK_MS);
}

const room = (name: string) => ({ name, metadata: "", participants: 2, servedBy: "" });

const rooms: RoomServiceTwirp = {
  async GetRoom(_, { name }) {
    await execute("GetRoom");
    return room(name);
  },
  async ListRooms() {
    await execute("ListRooms");
    return { rooms: [room("lobby")] };
  },
  async DialParticipant() {
    await execute("DialParticipant");
    return { participantId: "PA_1", servedBy: "" };
  },
  UpdateRoomMetadata: () => Promise.reject(new Error("not in this benchmark")),
  StartRecording: () => Promise.reject(new Error("not in this benchmark")),
};
const twirp = createRoomServiceServer(rooms).httpHandler();

function handle(req: IncomingMessage, res: ServerResponse): void {
  const method = req.url === "/settings/regions" ? undefined : (req.url?.split("/").at(-1) ?? "");
  if (method === undefined) discoveries++;
  else methods[method] = (methods[method] ?? 0) + 1;

  if (mode === "hangs") return;
  if (method === undefined) {
    res.writeHead(200, { "content-type": "application/json", "cache-control": `max-age=${maxAgeSeconds}` });
    res.end(JSON.stringify({ regions: list }));
  } else if (mode === "limited") {
    res.writeHead(429, { "content-type": "text/plain", "retry-after": "1" }).end("too many requests");
  } else {
    // livekit-server-sdk sends a charset, which its own server accepts but twirp-ts's does not.
    req.headers["content-type"] = req.headers["content-type"]?.split(";")[0];
    void twirp(req, res);
  }
}

async function close(): Promise<void> {
  const closing = server;
  server = undefined;
  if (closing === undefined) return;
  const closed = new Promise((resolve) => closing.close(resolve));
  for (const socket of sockets) socket.resetAndDestroy();
  await closed;
}

async function open(): Promise<Reply> {
  await close();
  mode = "healthy";
  methods = {};
  discoveries = 0;
  random = seededRandom(1);
  for (let i = 0; i < PORTS.tries; i++) {
    const port = PORTS.from + Math.floor(Math.random() * (PORTS.to - PORTS.from));
    server = await listenOn(port);
    if (server !== undefined) return { type: "opened", origin: `http://127.0.0.1:${port}` };
  }
  return { type: "failed", reason: "no free port" };
}

function listenOn(port: number): Promise<Server | undefined> {
  // Idle connections must not time out, because that would be an additional fault.
  const candidate = createServer({ keepAliveTimeout: 60_000 }, handle);
  candidate.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  return new Promise((resolve) => {
    candidate.once("error", () => resolve(undefined));
    candidate.listen(port, "127.0.0.1", () => resolve(candidate));
  });
}

async function follow(order: Order): Promise<Reply> {
  switch (order.type) {
    case "open":
      return open();
    case "list":
      list = order.regions;
      maxAgeSeconds = order.maxAgeSeconds;
      return { type: "done" };
    case "mode":
      mode = order.mode;
      if (mode === "refuses") await close();
      return { type: "done" };
    case "counts":
      return { type: "counted", methods, discoveries };
  }
}

process.on("message", async (order: Order) => process.send?.(await follow(order)));
// Ctrl-C reaches every process of the terminal, but this one ends when its parent ends for any reason.
process.on("SIGINT", () => {});
process.on("disconnect", () => process.exit(0));

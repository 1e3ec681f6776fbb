/**
 * One region: a Twirp server in a process of its own, started by `fleet.ts`. It fails as its seed says, and keeps
 * a record of what it received and of what it ran. The record is the truth that clients are judged by.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { createRoomServiceServer, type RoomServiceTwirp } from "../../proto/gen/rooms.twirp.js";
import { type Closed, Connections, readAll } from "./connections.js";
import { ENDINGS } from "./endings.js";
import { draw, type Fault, faultOf } from "./faults.js";
import { Outages } from "./outages.js";

/** What it takes to start a region. */
export interface RegionStart {
  readonly id: string;
  readonly region: number;
  readonly regions: number;
  readonly seed: number;
  readonly port: number;
}

/** A request id that the region received, and how often its handler ran. */
export type Seen = readonly [requestId: string, executions: number];

export type ToRegion =
  /** The traffic is about to begin; `list` is what the region answers to those who ask for regions. */
  { readonly beginAt: number; readonly list: readonly { region: string; url: string }[] } | { readonly report: true };

export type FromRegion = { readonly listening: true } | { readonly failed: string } | RegionRecord;

export interface RegionRecord {
  readonly seen: readonly Seen[];
  readonly closed: readonly Closed[];
}

/** Closed this much after its answer at most, an idle connection may just be in use again. */
const IDLE_CLOSE_WITHIN_MS = 3;
/** A region without a request for so long will not get another, when its client is done. */
const QUIET_MS = 300;

const start = JSON.parse(process.argv[2] ?? "") as RegionStart;
/** Executions by request id; 0 for one that was only received. */
const seen = new Map<string, number>();
const faults = new WeakMap<IncomingMessage, Fault>();
const latest = new WeakMap<Socket, IncomingMessage>();
const never = new Promise<never>(() => {});
let list: object = [];
let underWay = 0;
let lastAt = 0;

function record(requestId: string, executions: 0 | 1): void {
  seen.set(requestId, (seen.get(requestId) ?? 0) + executions);
}

/** The one method that the test calls. Whoever comes here is on record as having run. */
const service: Pick<RoomServiceTwirp, "DialParticipant"> = {
  DialParticipant: async (ctx, { requestId = "" }) => {
    record(requestId, 1);
    const { req, res } = ctx as unknown as { req: IncomingMessage; res: ServerResponse };
    const fault = faults.get(req);
    if (fault?.runs === "first" && fault.holdMs !== undefined) await hold(fault.holdMs);
    const { ending } = fault ?? { ending: "answer" };
    if (ending !== "answer" && ending !== "answer, then close the idle connection") {
      ENDINGS[ending](req, res);
      return never;
    }
    if (ending !== "answer") closeOnceIdle(req, res, requestId);
    return { participantId: `PA_${requestId}`, servedBy: start.id };
  },
};
const twirp = createRoomServiceServer(service as RoomServiceTwirp).httpHandler({ prefix: "/twirp" });

async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
  if (req.url === "/settings/regions") {
    res.writeHead(200, { "content-type": "application/json", "cache-control": "max-age=3600" });
    res.end(JSON.stringify({ regions: list }));
    return;
  }
  // From the header, which is here before the body.
  const requestId = String(req.headers["x-request-id"]);
  record(requestId, 0);
  lastAt = Date.now();
  latest.set(req.socket, req);
  if (outages.draining) res.setHeader("connection", "close");
  const fault = faultOf(start.seed, requestId, start.id);
  faults.set(req, fault);

  const body = await readBody(req);
  if (fault.runs !== "first" && fault.holdMs !== undefined) await hold(fault.holdMs);
  if (fault.runs === "no") return ENDINGS[fault.ending as keyof typeof ENDINGS](req, res);
  if (body === undefined) return;
  // twirp-ts knows the content type without parameters only.
  req.headers["content-type"] = req.headers["content-type"]?.split(";")[0];
  // It takes a body that was read before from here.
  await Promise.race([twirp(Object.assign(req, { rawBody: body }), res), closed(res)]);
}

/** Counts as being under way even if the client is gone: the handler may be still to run. */
async function hold(ms: number): Promise<void> {
  await sleep(ms);
  lastAt = Date.now();
}

function closed(res: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    if (res.closed || res.destroyed) resolve();
    else res.once("close", () => resolve());
  });
}

/** `undefined` if the client left before its request was complete. */
async function readBody(req: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of req) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  } catch {
    return undefined;
  }
}

/** Closes the connection, unannounced, unless it is in use again by then. */
function closeOnceIdle(req: IncomingMessage, res: ServerResponse, requestId: string): void {
  const { socket } = req;
  res.once("finish", () => {
    const afterMs = Math.floor(draw(start.seed, "close", requestId) * (IDLE_CLOSE_WITHIN_MS + 1));
    setTimeout(async () => {
      await readAll();
      if (latest.get(socket) === req && !socket.destroyed) connections.close(socket);
    }, afterMs);
  });
}

function tell(message: FromRegion, then = () => {}): void {
  process.send?.(message, then);
}

async function report(): Promise<void> {
  while (underWay > 0 || Date.now() - lastAt < QUIET_MS) await sleep(20);
  tell({ seen: [...seen], closed: connections.closed });
}

const server = createServer((req, res) => {
  underWay++;
  void handle(req, res).finally(() => underWay--);
});
const connections = new Connections(server);
const outages = new Outages(server, start.port, start, connections);

process.on("message", (message: ToRegion) => {
  if ("report" in message) return void report();
  list = message.list;
  void outages.follow(message.beginAt);
});
// Ctrl-C reaches every process of the terminal; the parent decides when a region ends …
process.on("SIGINT", () => {});
// … and if the parent is gone, however that came about, so is the region.
process.on("disconnect", () => process.exit(0));

outages.listen().then(
  () => tell({ listening: true }),
  (error: NodeJS.ErrnoException) => tell({ failed: error.code ?? error.message }, () => process.exit(1)),
);

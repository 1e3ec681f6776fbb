/**
 * One region: a Twirp server in a separate process, started by `fleet.ts`. It fails according to its seed, and records what
 * it received and what it ran. Clients are judged by that record.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { createRoomServiceServer, type RoomServiceTwirp } from "../../proto/gen/rooms.twirp.js";
import { type Closed, Connections, readAll } from "./connections.js";
import { ENDINGS } from "./endings.js";
import { draw, type Fault, faultOf } from "./faults.js";
import { Outages } from "./outages.js";

/** The configuration of a region. */
export interface RegionStart {
  readonly id: string;
  readonly region: number;
  readonly regions: number;
  readonly seed: number;
  readonly port: number;
}

/** A request id that the region received, and the number of times that its handler ran. */
export type Seen = readonly [requestId: string, executions: number];

export type ToRegion =
  /** The traffic is about to start. `list` is the region's answer to requests for the list. */
  { readonly beginAt: number; readonly list: readonly { region: string; url: string }[] } | { readonly report: true };

export type FromRegion = { readonly listening: true } | { readonly failed: string } | RegionRecord;

export interface RegionRecord {
  readonly seen: readonly Seen[];
  readonly closed: readonly Closed[];
}

/** An idle connection is closed at most this long after its answer, when it may just be in use again. */
const IDLE_CLOSE_WITHIN_MS = 3;
/** A region without a request for this time gets no more, if its client is done. */
const QUIET_MS = 300;

const start = JSON.parse(process.argv[2] ?? "") as RegionStart;
/** Executions by request id; 0 for a request that was only received. */
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

/** The one method that the test calls. Every call of it is recorded as run. */
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
  // From the header, because it arrives before the body.
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
  // twirp-ts only accepts the content type without parameters.
  req.headers["content-type"] = req.headers["content-type"]?.split(";")[0];
  // twirp-ts takes a body that has already been read from this property.
  await Promise.race([twirp(Object.assign(req, { rawBody: body }), res), closed(res)]);
}

/** It counts as under way even if the client has gone, because the handler may still run. */
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

/** `undefined` if the client closed the connection before its request was complete. */
async function readBody(req: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of req) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  } catch {
    return undefined;
  }
}

/** Closes the connection without an announcement, unless it is in use again. */
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

function send(message: FromRegion, then = () => {}): void {
  process.send?.(message, then);
}

async function report(): Promise<void> {
  while (underWay > 0 || Date.now() - lastAt < QUIET_MS) await sleep(20);
  send({ seen: [...seen], closed: connections.closed });
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
// Ctrl-C reaches every process of the terminal, but the parent decides when a region ends.
process.on("SIGINT", () => {});
// If the parent has ended for any reason, the region ends too.
process.on("disconnect", () => process.exit(0));

outages.listen().then(
  () => send({ listening: true }),
  (error: NodeJS.ErrnoException) => send({ failed: error.code ?? error.message }, () => process.exit(1)),
);

/**
 * A region for tests: a real Twirp server on a loopback port, which records what it received and what it executed, and
 * fails as the test says. Tests check that record, because what the client believes is exactly what they must verify.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { RoomService } from "../../proto/gen/rooms.js";
import { createRoomServiceServer, type RoomServiceTwirp } from "../../proto/gen/rooms.twirp.js";

/** One request while the server handles it. */
export interface Exchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
}

/** How a request fails; `{}` for not at all. */
export interface Fault {
  /** Answers, or does not answer, in place of the handler. Nothing is executed. */
  readonly instead?: (exchange: Exchange) => void;
  /** Runs before the handler, which then runs too. */
  readonly before?: (exchange: Exchange) => void | Promise<void>;
  /** Replaces the handler's answer after it has run. It may throw, and then Twirp writes the error. */
  readonly after?: (exchange: Exchange) => void;
}

/** A request as it came in, regardless of its outcome. */
export interface Received {
  readonly requestId: string;
  /** The name in the `.proto`. */
  readonly method: string;
  readonly headers: IncomingMessage["headers"];
}

export interface RegionServer {
  readonly id: string;
  readonly origin: string;
  /** The base URL for calls. */
  readonly url: string;
  readonly received: readonly Received[];
  /** The ids of the requests whose handler ran, one entry per run. */
  readonly executed: readonly string[];
  /** Counts of one request, or of all requests. */
  saw(requestId?: string): { received: number; executed: number };
  /** Faults for the next requests, one each. Later requests are answered normally. */
  script(...faults: readonly Fault[]): void;
  /** A fault for every request from now on. */
  always(fault: Fault): void;
  /** Answers requests to a path outside Twirp's. */
  route(path: string, handler: (exchange: Exchange) => void): void;
  /** Resolves when the server has received `count` Twirp requests in total. */
  arrived(count: number): Promise<void>;
  /** Closes the port and all connections, including those with a request under way. */
  close(): Promise<void>;
}

const PREFIX = "/twirp";
const never = new Promise<never>(() => {});

export async function startRegion(id: string): Promise<RegionServer> {
  const received: Received[] = [];
  const executed: string[] = [];
  const routes = new Map<string, (exchange: Exchange) => void>();
  const faults = new WeakMap<IncomingMessage, Fault>();
  const waiting = new Set<() => void>();
  let scripted: Fault[] = [];
  let usual: Fault = {};

  /** Runs any method: records that it ran, then answers unless the fault replaces the answer. */
  const run = async <A>({ req, res }: Exchange, requestId = "", answer: A): Promise<A> => {
    executed.push(requestId);
    const { after } = faults.get(req) ?? {};
    if (after === undefined) return answer;
    after({ req, res });
    return never;
  };
  const room = (name: string, metadata = "") => ({ name, metadata, participants: 0, servedBy: id });
  const service: RoomServiceTwirp = {
    GetRoom: (ctx, { name, requestId }) => run(ctx, requestId, room(name)),
    ListRooms: (ctx, { requestId }) => run(ctx, requestId, { rooms: [room("lobby")] }),
    UpdateRoomMetadata: (ctx, { name, metadata, requestId }) => run(ctx, requestId, room(name, metadata)),
    DialParticipant: (ctx, { requestId }) => run(ctx, requestId, { participantId: "PA_1", servedBy: id }),
    StartRecording: (ctx, { requestId }) => run(ctx, requestId, { recordingId: "RE_1", servedBy: id }),
  };
  const twirp = createRoomServiceServer(service).httpHandler({ prefix: PREFIX });

  const handle = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const other = routes.get(req.url ?? "");
    if (other !== undefined) return other({ req, res });
    const body = await readBody(req);
    if (body === undefined) return;
    received.push({ ...readRequest(req, body), headers: req.headers });
    for (const check of waiting) check();

    const fault = scripted.shift() ?? usual;
    faults.set(req, fault);
    await fault.before?.({ req, res });
    if (fault.instead !== undefined) return fault.instead({ req, res });
    // twirp-ts takes a body that has already been read from this property.
    await twirp(Object.assign(req, { rawBody: body }), res);
  };
  const server = createServer((req, res) => void handle(req, res));
  const port = await listen(server);
  const origin = `http://127.0.0.1:${port}`;

  return {
    id,
    origin,
    url: origin + PREFIX,
    received,
    executed,
    saw: (requestId) => ({
      received: received.filter((request) => requestId === undefined || request.requestId === requestId).length,
      executed: executed.filter((ran) => requestId === undefined || ran === requestId).length,
    }),
    script: (...next) => {
      scripted = [...next];
    },
    always: (fault) => {
      usual = fault;
    },
    route: (path, handler) => void routes.set(path, handler),
    arrived: (count) =>
      new Promise((resolve) => {
        const check = () => {
          if (received.length < count) return;
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The base URL of a port on which nothing listens. */
export async function refusedUrl(): Promise<string> {
  const server = createServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}${PREFIX}`;
}

async function listen(server: ReturnType<typeof createServer>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
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

function readRequest(req: IncomingMessage, body: Buffer): { method: string; requestId: string } {
  const method = (req.url ?? "").split("/").at(-1) ?? "";
  const type = RoomService.methods.find(({ name }) => name === method)?.I;
  if (type === undefined) return { method, requestId: "" };
  const json = req.headers["content-type"] === "application/json";
  const message: { requestId?: string } = json ? type.fromJsonString(body.toString()) : type.fromBinary(body);
  return { method, requestId: message.requestId ?? "" };
}

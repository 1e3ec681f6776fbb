/**
 * A region for tests: a real Twirp server on a loopback port, which keeps a record of what it received and of
 * what it executed, and fails as it is told. Assertions are made on that record, since a client's view of what
 * it caused is exactly what is in doubt.
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

/** How a request is to fail; `{}` for not at all. */
export interface Fault {
  /** Answers, or does not answer, in the handler's place: nothing is executed. */
  readonly instead?: (exchange: Exchange) => void;
  /** Happens ahead of the handler, which then runs. */
  readonly before?: (exchange: Exchange) => void | Promise<void>;
  /** Takes the place of the handler's answer once it has run. Throws to make Twirp's own error of it. */
  readonly after?: (exchange: Exchange) => void;
}

/** A request as it came in, whatever became of it. */
export interface Received {
  readonly requestId: string;
  /** As in the `.proto`. */
  readonly method: string;
  readonly headers: IncomingMessage["headers"];
}

export interface RegionServer {
  readonly id: string;
  readonly origin: string;
  /** The base for calls. */
  readonly url: string;
  readonly received: readonly Received[];
  /** The ids of the requests whose handler ran, one entry for each run. */
  readonly executed: readonly string[];
  /** What the server saw of one request, or of all. */
  saw(requestId?: string): { received: number; executed: number };
  /** Faults for the coming requests, one each; the requests after them are answered normally. */
  script(...faults: readonly Fault[]): void;
  /** One fault for every request from now on. */
  always(fault: Fault): void;
  /** Answers requests to another path than Twirp's. */
  route(path: string, handler: (exchange: Exchange) => void): void;
  /** Resolves once the server has received `count` Twirp requests in total. */
  arrived(count: number): Promise<void>;
  /** Closes the port and all connections, those with a request under way included. */
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

  /** What every method does: note that it ran, then answer, unless the fault takes the answer over. */
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
    // twirp-ts takes a body that was read before from here.
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

/** The base URL of a port that nobody listens on. */
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

function readRequest(req: IncomingMessage, body: Buffer): { method: string; requestId: string } {
  const method = (req.url ?? "").split("/").at(-1) ?? "";
  const type = RoomService.methods.find(({ name }) => name === method)?.I;
  if (type === undefined) return { method, requestId: "" };
  const json = req.headers["content-type"] === "application/json";
  const message: { requestId?: string } = json ? type.fromJsonString(body.toString()) : type.fromBinary(body);
  return { method, requestId: message.requestId ?? "" };
}

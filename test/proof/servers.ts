/**
 * Servers that misbehave below HTTP, each with a record of what reached it, because only the other end of the connection
 * can show whether "nothing was sent" is true.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createSecureServer } from "node:http2";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";

export interface Misbehaving {
  readonly url: string;
  /** The part of the request that arrived, as text. With TLS, the decrypted text. */
  saw(): string;
  close(): Promise<void>;
}

const pem = (name: string) => readFileSync(new URL(`./${name}.pem`, import.meta.url));

/** Nothing listens. */
export async function refusing(): Promise<Misbehaving> {
  const server = createServer();
  const port = await listen(server);
  server.close();
  return { url: `http://127.0.0.1:${port}/twirp`, saw: () => "", close: async () => {} };
}

/** A host name that does not exist. */
export async function nameless(): Promise<Misbehaving> {
  return { url: "http://no-such-region.invalid/twirp", saw: () => "", close: async () => {} };
}

/** Plain TCP. `onData` gets each chunk, and everything that has arrived on that connection. */
export async function tcp(
  scheme: "http" | "https",
  behave: { onAccept?: (socket: Socket) => void; onData?: (socket: Socket, all: Buffer) => void },
): Promise<Misbehaving> {
  const connections: Buffer[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    const i = connections.push(Buffer.alloc(0)) - 1;
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("data", (piece) => {
      connections[i] = Buffer.concat([connections[i] as Buffer, piece as Buffer]);
      behave.onData?.(socket, connections[i] as Buffer);
    });
    behave.onAccept?.(socket);
  });
  const port = await listen(server);
  return {
    url: `${scheme}://127.0.0.1:${port}/twirp`,
    saw: () => connections.map((bytes) => bytes.toString("latin1")).join(""),
    close: () => closeAll(server, sockets),
  };
}

/** TLS with a self-signed certificate. `behave` gets the decrypted connection. */
export async function tls(onData: (socket: Socket) => void): Promise<Misbehaving> {
  let seen = "";
  const sockets = new Set<Socket>();
  const server = createTlsServer({ key: pem("key"), cert: pem("cert") }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("data", (piece) => {
      seen += piece.toString("latin1");
      onData(socket);
    });
  });
  server.on("tlsClientError", () => {});
  const port = await listen(server);
  return { url: `https://127.0.0.1:${port}/twirp`, saw: () => seen, close: () => closeAll(server, sockets) };
}

/** HTTP/2 that receives the whole request and then resets the stream. */
export async function http2Resetting(): Promise<Misbehaving> {
  let seen = "";
  const sockets = new Set<Socket>();
  const server = createSecureServer({ key: pem("key"), cert: pem("cert") });
  server.on("connection", (socket: Socket) => sockets.add(socket));
  server.on("stream", (stream, headers) => {
    seen += `${headers[":method"]} ${headers[":path"]}`;
    stream.on("error", () => {});
    stream.resume();
    stream.on("end", () => stream.close(2)); // INTERNAL_ERROR
  });
  const port = await listen(server as unknown as Server);
  return {
    url: `https://127.0.0.1:${port}/twirp`,
    saw: () => seen,
    close: () => closeAll(server as unknown as Server, sockets),
  };
}

/**
 * A listener that accepts no connection and whose queue is full. The system drops further attempts to connect, so they
 * hang. The process must be stopped, because a running one would accept.
 */
export async function full(): Promise<Misbehaving> {
  const script = `const s = require("net").createServer().listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => console.log(s.address().port))`;
  const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  const port = Number(line.toString());
  child.kill("SIGSTOP");
  const fillers = Array.from({ length: 8 }, () => connect(port, "127.0.0.1").on("error", () => {}));
  await new Promise((resolve) => setTimeout(resolve, 100));
  return {
    url: `http://127.0.0.1:${port}/twirp`,
    saw: () => "", // It never reads anything.
    close: async () => {
      for (const filler of fillers) filler.destroy();
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
}

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

async function closeAll(server: Server, sockets: Set<Socket>): Promise<void> {
  for (const socket of sockets) socket.destroy();
  await new Promise<void>((resolve) => server.close(() => resolve()));
}

/** The ways in which a region of the tests can fail. */
import { setTimeout as sleep } from "node:timers/promises";
import { createGzip } from "node:zlib";
import { BadRouteError, TwirpError, type TwirpErrorCode } from "twirp-ts";
import type { Exchange, Fault } from "./region.js";

type Write = (exchange: Exchange) => void;

/** The same answer, but after the handler ran. A client cannot see the difference. */
export const ran = ({ instead }: Fault): Fault => (instead === undefined ? {} : { after: instead });

export const answersAsUsual: Fault = {};

export const answersAfter = (delayMs: number): Fault => ({ before: () => sleep(delayMs) });

/** An error that the handler chose, written by the real Twirp server, with twirp-ts's spelling of the code. */
export const handlerError = (code: `${TwirpErrorCode}`, meta: Record<string, string> = {}): Fault => ({
  after: () => {
    const error = new TwirpError(code as TwirpErrorCode, `the handler says ${code}`);
    for (const [key, value] of Object.entries(meta)) error.withMeta(key, value);
    throw error;
  },
});

/** Any JSON, as another Twirp implementation or a server that is not Twirp might write it. Nothing ran. */
export const json = (status: number, body: object, headers: Record<string, string> = {}): Fault => ({
  instead: ({ res }) => {
    res.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
  },
});

/** Twirp's own error for a route that it does not have, which names the route. */
export const noRoute: Fault = {
  instead: ({ req, res }) => {
    const error = new BadRouteError("no handler for path", req.method ?? "", req.url ?? "");
    res.writeHead(404, { "content-type": "application/json" }).end(error.toJSON());
  },
};

/** An answer from something in front of the server. Nothing ran. */
export const http = (status: number, headers: Record<string, string> = {}, body = ""): Fault => ({
  instead: ({ res }) => {
    res.writeHead(status, headers).end(body);
  },
});

export const html = (status: number): Fault =>
  http(status, { "content-type": "text/html" }, `<html><h1>${status}</h1><p>nginx</p></html>`);

/** The call is not allowed in this region. */
export const pinned: Fault = http(451, { "content-type": "text/plain" }, "this project is pinned to other regions");

const reset: Write = ({ req }) => void req.socket.resetAndDestroy();
const fin: Write = ({ req }) => void req.socket.end();

/** TCP RST without an answer. */
export const resets: Fault = { instead: reset };
/** TCP FIN without an answer. */
export const hangsUp: Fault = { instead: fin };
/** Accepts the request and does not answer until the region is closed. */
export const hangs: Fault = { instead: () => {} };

/** A valid answer that breaks off in its body. */
export const truncates: Fault = {
  after: ({ req, res }) => {
    res.writeHead(200, { "content-type": req.headers["content-type"], "content-length": "1000" });
    res.write(req.headers["content-type"] === "application/json" ? '{"name":"lob' : "\n\u0005lob", () => res.destroy());
  },
};

/** 200 without a body. */
export const answersEmpty: Fault = {
  after: ({ req, res }) => void res.writeHead(200, { "content-type": req.headers["content-type"] }).end(),
};

/** 200 with a page in place of a message, as from a captive portal. Nothing ran. */
export const answersWithPage: Fault = html(200);

/** A valid answer with two headers of the same name. */
export const setsTwoCookies: Fault = {
  before: ({ res }) => void res.setHeader("set-cookie", ["a=1", "b=2"]),
};

/** Writes until the client closes the connection. */
export const endless = (status: number, zipped: boolean): Fault => ({
  instead: ({ req, res }) => {
    const type = status === 200 ? (req.headers["content-type"] ?? "") : "text/html";
    res.writeHead(status, { "content-type": type, ...(zipped && { "content-encoding": "gzip" }) });
    const out = zipped ? createGzip() : res;
    if (out !== res) out.pipe(res);
    const chunk = Buffer.alloc(65_536, " ");
    const write = () => {
      while (!res.closed && out.write(chunk));
      if (!res.closed) out.once("drain", write);
    };
    res.on("close", () => out.destroy());
    write();
  },
});

/** The ways in which a region ends a request, implemented below the Twirp server. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Ending } from "./faults.js";

type End = (req: IncomingMessage, res: ServerResponse) => void;

const send =
  (status: number, contentType: string, body: string): End =>
  (_, res) =>
    void res.writeHead(status, { "content-type": contentType }).end(body);

const twirpError = (status: number, code: string): End =>
  send(status, "application/json", JSON.stringify({ code, msg: `the test says ${code}` }));

/** The endings that replace the Twirp server's answer. */
export const ENDINGS: Readonly<Record<Exclude<Ending, `answer${string}`>, End>> = {
  reset: ({ socket }) => void socket.resetAndDestroy(),
  "hang up": ({ socket }) => void socket.destroy(),
  truncate: ({ headers }, res) => {
    res.writeHead(200, { "content-type": headers["content-type"], "content-length": "1000" });
    const beginning = headers["content-type"] === "application/json" ? '{"participantId":"PA' : "\n\u0005PA_";
    res.write(beginning, () => res.destroy());
  },
  internal: twirpError(500, "internal"),
  unavailable: twirpError(503, "unavailable"),
  "html 502": send(502, "text/html", "<html><h1>502 Bad Gateway</h1></html>"),
  "429": send(429, "text/plain", "rate limit exceeded"),
};

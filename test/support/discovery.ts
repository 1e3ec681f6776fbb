/** A `/settings/regions` endpoint for tests, in LiveKit's format. */
import type { IncomingHttpHeaders } from "node:http";
import type { Exchange, RegionServer } from "./region.js";

export const LIST_PATH = "/settings/regions";

export interface ListEntry {
  readonly region: string;
  readonly url: string;
  /** A string, because it is an int64. */
  readonly distance?: string;
}

export interface ListEndpoint {
  /** The headers of each request that came in. */
  readonly requests: readonly IncomingHttpHeaders[];
  /** Resolves when the first request has arrived. */
  readonly asked: Promise<void>;
  /** Answers the held requests, and from now on all requests at once. */
  release(): void;
}

/**
 * An answer with these regions that is valid for an hour. It closes its connection, because on an idle connection a call
 * to a region that has just been closed may fail with or without a proof, and tests must know which.
 */
export const listOf =
  (...entries: readonly ListEntry[]) =>
  ({ res }: Exchange): void => {
    res.writeHead(200, { "content-type": "application/json", "cache-control": "max-age=3600", connection: "close" });
    res.end(JSON.stringify({ regions: entries }));
  };

/** The entry for a region. Lists contain origins, and the path prefix is home's. */
export const entryOf = ({ id, origin }: RegionServer, distance?: number): ListEntry => ({
  region: id,
  url: origin,
  ...(distance !== undefined && { distance: String(distance) }),
});

/** @param held whether requests are held until `release` is called. */
export function serveList(server: RegionServer, answer: (exchange: Exchange) => void, held = false): ListEndpoint {
  const requests: IncomingHttpHeaders[] = [];
  const waiting: Exchange[] = [];
  const { promise: asked, resolve } = withResolvers();
  server.route(LIST_PATH, (exchange) => {
    requests.push(exchange.req.headers);
    resolve();
    if (held) waiting.push(exchange);
    else answer(exchange);
  });
  const release = () => {
    held = false;
    for (const exchange of waiting.splice(0)) answer(exchange);
  };
  return { requests, asked, release };
}

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

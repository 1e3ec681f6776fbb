/** A `/settings/regions` endpoint for tests, in the shape that LiveKit's has. */
import type { IncomingHttpHeaders } from "node:http";
import type { Exchange, RegionServer } from "./region.js";

export const LIST_PATH = "/settings/regions";

export interface ListEntry {
  readonly region: string;
  readonly url: string;
  /** An int64, so a string. */
  readonly distance?: string;
}

export interface ListEndpoint {
  /** The headers of each request that came in. */
  readonly requests: readonly IncomingHttpHeaders[];
  /** Resolves once the first request is in. */
  readonly asked: Promise<void>;
  /** Answers the requests that are held back, and all later ones at once. */
  release(): void;
}

/**
 * An answer with these regions, to be kept for an hour. It leaves no idle connection: on one, a call to a region that
 * has just been closed might fail in a way that proves nothing, and tests must be told which it is.
 */
export const listOf =
  (...entries: readonly ListEntry[]) =>
  ({ res }: Exchange): void => {
    res.writeHead(200, { "content-type": "application/json", "cache-control": "max-age=3600", connection: "close" });
    res.end(JSON.stringify({ regions: entries }));
  };

/** The entry for a region. Lists name origins; the path prefix is that of home. */
export const entryOf = ({ id, origin }: RegionServer, distance?: number): ListEntry => ({
  region: id,
  url: origin,
  ...(distance !== undefined && { distance: String(distance) }),
});

/** @param held answers nothing until `release` is called. */
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

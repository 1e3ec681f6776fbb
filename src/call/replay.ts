import type { Region } from "../regions/region.js";

/** A replay that was decided on. It is thrown to p-retry, because an error is what makes p-retry call again. */
export class Replay extends Error {
  constructor(
    readonly region: Region,
    /** What p-retry waits before it, in milliseconds; 0 for a transparent retry. */
    readonly backoffMs: number,
    /** What a server's `Retry-After` asks for beyond that, in milliseconds. */
    readonly extraMs: number,
  ) {
    super("the attempt failed and will be replayed");
  }

  /**
   * gRPC's word (A6) for a replay that neither waits nor costs a token: the request never ran and goes to a region that is
   * well, so it adds no load.
   */
  get transparent(): boolean {
    return this.backoffMs === 0;
  }
}

import type { Region } from "../regions/region.js";
import type { Reservations } from "./budgets.js";

/** A replay that was decided on. It is thrown to p-retry, because an error is what makes p-retry call again. */
export class Replay extends Error {
  constructor(
    readonly region: Region,
    /** What p-retry waits before it, in milliseconds. */
    readonly backoffMs: number,
    /** What a server's `Retry-After` asks for beyond that, in milliseconds. */
    readonly extraMs: number,
    /**
     * The tokens that it holds. `undefined` for what gRPC (A6) calls a transparent retry: the request never left, and goes to
     * a region that is well, so it adds no load.
     */
    readonly tokens: Reservations | undefined,
  ) {
    super("the attempt failed and will be replayed");
  }

  /** Gives back the tokens of a replay that was not made. Does nothing after `settle`. */
  release(): void {
    this.tokens?.region.release();
    this.tokens?.method.release();
  }
}

import type { Clock } from "./clock.js";

/**
 * What was seen of one attempt's request on its way out.
 *
 * The error of an attempt cannot tell a connection that was refused from an answer that was lost. Where the
 * runtime lets an adapter watch the request go, it writes down here what it sees, and "handed over, but never
 * started" is the proof that no handler ran: the only one that lets a mutation go to another region. Where
 * nothing can be watched, nothing is written, and nothing is proved.
 */
export class Transmission {
  #state: "unobserved" | "waiting" | "started" = "unobserved";
  #waitingSince = 0;
  #httpStatus: number | undefined;
  #cause: string | undefined;

  constructor(private readonly clock: Clock) {}

  /** The request was handed to the HTTP client, which has yet to get a connection for it. */
  onHandedOver(): void {
    // A request that is sent a second time (a redirect, a retrying agent) stays started.
    if (this.#state !== "unobserved") return;
    this.#state = "waiting";
    this.#waitingSince = this.clock.now();
  }

  /** The first byte is about to be written to a socket. */
  onStarted(): void {
    this.#state = "started";
  }

  onAnswered(httpStatus: number): void {
    this.#state = "started";
    this.#httpStatus = httpStatus;
  }

  /** @param cause the platform's name for it, such as `ECONNREFUSED`. */
  onFailed(cause: string | undefined): void {
    this.#cause = cause;
  }

  /** Was the request watched at all? */
  get observed(): boolean {
    return this.#state !== "unobserved";
  }

  /** Proved: no byte of the request was handed to a socket. True only now; it may be sent a moment later. */
  get unsent(): boolean {
    return this.#state === "waiting";
  }

  /** For how long the request has been waiting for a connection; 0 if it is not. */
  waitedMs(): number {
    return this.#state === "waiting" ? this.clock.now() - this.#waitingSince : 0;
  }

  /** Of the answer, if one was seen. */
  get httpStatus(): number | undefined {
    return this.#httpStatus;
  }

  get cause(): string | undefined {
    return this.#cause;
  }
}

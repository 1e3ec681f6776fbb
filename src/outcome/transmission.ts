import type { Clock } from "../support/clock.js";

/**
 * What was seen of one attempt's request on its way out.
 *
 * The error of an attempt cannot tell a connection that was refused from an answer that was lost. Where the
 * runtime lets an adapter watch the request go, it writes down here what it sees, and "handed over, but never
 * started" is the proof that no handler ran: the only one that lets a mutation go to another region. Where
 * nothing can be watched, nothing is written, and nothing is proved.
 *
 * A proof must stay true. So a request that was not started when its attempt was judged is not let go any more,
 * whoever else holds on to it.
 */
export class Transmission {
  #state: "unobserved" | "preparing" | "waiting" | "started" = "unobserved";
  #waitingSince = 0;
  #over = false;
  #resent = false;
  #httpStatus: number | undefined;
  #contentType: string | undefined;
  #cause: string | undefined;

  constructor(private readonly clock: Clock) {}

  /** The adapter is still making the request, a token for it perhaps. It sends nothing before `onPrepared`. */
  onPreparing(): void {
    if (this.#state === "unobserved") this.#state = "preparing";
  }

  onPrepared(): void {
    if (this.#state === "preparing") this.#state = "unobserved";
  }

  /** The request was handed to the HTTP client, which has yet to get a connection for it. */
  onHandedOver(): void {
    // What follows a request that was sent (a redirect, an interceptor below that tries again) cannot undo it.
    if (this.#state === "started") this.#resent = true;
    if (this.#state !== "unobserved") return;
    this.#state = "waiting";
    this.#waitingSince = this.clock.now();
  }

  /**
   * The first byte is about to be written to a socket.
   *
   * @throws if the attempt is over, to keep it from being written.
   */
  onStarted(): void {
    if (this.#over) throw new Error("twirp-failover: this attempt is over; its request must not be sent any more");
    if (this.#state === "started") this.#resent = true;
    this.#state = "started";
  }

  /** Anything that comes after the start. */
  onProgress(): void {
    this.#state = "started";
  }

  onAnswered(httpStatus: number, contentType?: string): void {
    this.#state = "started";
    if (httpStatus < 200) return; // The answer is still to come.
    this.#httpStatus = httpStatus;
    this.#contentType = contentType;
  }

  /** @param cause the platform's name for it, such as `ECONNREFUSED`. */
  onFailed(cause: string | undefined): void {
    this.#cause = cause;
  }

  /** The attempt was judged. From now on its request must not start. */
  end(): void {
    this.#over = true;
  }

  /** Was the request watched at all? */
  get observed(): boolean {
    return this.#state === "waiting" || this.#state === "started";
  }

  /** Is the request not even made yet? Then what takes its time is on this side. */
  get preparing(): boolean {
    return this.#state === "preparing";
  }

  /** Proved: no byte of the request was handed to a socket; after `end`, none will be. */
  get unsent(): boolean {
    return this.#state === "waiting";
  }

  /** Was there more than one request, so that the answer to the last says nothing about the first? */
  get resent(): boolean {
    return this.#resent;
  }

  /** For how long the request has been waiting for a connection; 0 if it is not. */
  waitedMs(now: number): number {
    return this.#state === "waiting" ? now - this.#waitingSince : 0;
  }

  /** Of the answer, if one was seen. */
  get httpStatus(): number | undefined {
    return this.#httpStatus;
  }

  /** Of the answer, if one was seen and it named one. */
  get contentType(): string | undefined {
    return this.#contentType;
  }

  get cause(): string | undefined {
    return this.#cause;
  }
}

import type { Clock } from "../support/clock.js";

/**
 * Where an adapter writes down what it sees of one attempt's request on its way out.
 *
 * An attempt's error cannot tell a refused connection from a lost answer. "Handed over, but never started" can: it proves
 * that no handler ran, and it is the only observation that lets a mutation go to another region. An adapter that can
 * observe nothing writes nothing, and then nothing is proved.
 */
export interface SendObserver {
  /** The adapter is still making the request, perhaps a token for it. It sends nothing before `onPrepared`. */
  onPreparing(): void;
  /** The request is made and about to be handed over. */
  onPrepared(): void;
  /** The HTTP client has the request, and has yet to get a connection for it. */
  onHandedOver(): void;
  /**
   * The first byte is about to be written to a socket.
   *
   * @throws if the attempt is over, to keep the byte from being written.
   */
  onStarted(): void;
  /** Any other sign that the request was started. */
  onProgress(): void;
  /** An answer came. A status below 200 only announces one. */
  onAnswered(httpStatus: number, contentType?: string): void;
  /**
   * The request failed.
   *
   * @param cause the platform's name for what went wrong, such as `ECONNREFUSED`.
   */
  onFailed(cause: string | undefined): void;
}

/** What was seen of an attempt's request. */
export interface SendRecord {
  /** Whether the request was watched at all. */
  readonly observed: boolean;
  /** Whether the request is still being made, so that the time it takes is spent on this side. */
  readonly preparing: boolean;
  /** Proved: no byte of the request was handed to a socket, and once the attempt is over, none will be. */
  readonly unsent: boolean;
  /** Whether more than one request was made, so that the answer to the last says nothing about the first. */
  readonly resent: boolean;
  /** The status of the answer, if one was seen. */
  readonly httpStatus: number | undefined;
  /** The content type of the answer, if one was seen that names it. */
  readonly contentType: string | undefined;
  /** The platform's name for what went wrong, if that was seen. */
  readonly cause: string | undefined;
  /** For how many milliseconds the request has been waiting for a connection; 0 if it is not waiting. */
  waitedMs(now: number): number;
}

/**
 * One attempt's request on its way out: adapters write (`SendObserver`), the core reads (`SendRecord`) and ends it.
 *
 * A proof must stay true. So a request that had not started when its attempt was judged may not start later, whoever
 * else holds on to it.
 */
export class Transmission implements SendObserver, SendRecord {
  #state: "unobserved" | "preparing" | "waiting" | "started" = "unobserved";
  #waitingSince = 0;
  #over = false;
  #resent = false;
  #httpStatus: number | undefined;
  #contentType: string | undefined;
  #cause: string | undefined;

  constructor(private readonly clock: Clock) {}

  onPreparing(): void {
    if (this.#state === "unobserved") this.#state = "preparing";
  }

  onPrepared(): void {
    if (this.#state === "preparing") this.#state = "unobserved";
  }

  onHandedOver(): void {
    // What follows a request that was sent (a redirect, an interceptor below that tries again) cannot undo it.
    if (this.#state === "started") this.#resent = true;
    if (this.#state !== "unobserved") return;
    this.#state = "waiting";
    this.#waitingSince = this.clock.now();
  }

  onStarted(): void {
    if (this.#over) throw new Error("twirp-failover: this attempt is over; its request must not be sent any more");
    if (this.#state === "started") this.#resent = true;
    this.#state = "started";
  }

  onProgress(): void {
    this.#state = "started";
  }

  onAnswered(httpStatus: number, contentType?: string): void {
    this.#state = "started";
    if (httpStatus < 200) return;
    this.#httpStatus = httpStatus;
    this.#contentType = contentType;
  }

  onFailed(cause: string | undefined): void {
    this.#cause = cause;
  }

  /** The attempt was judged: from now on its request must not start. */
  end(): void {
    this.#over = true;
  }

  get observed(): boolean {
    return this.#state === "waiting" || this.#state === "started";
  }

  get preparing(): boolean {
    return this.#state === "preparing";
  }

  get unsent(): boolean {
    return this.#state === "waiting";
  }

  get resent(): boolean {
    return this.#resent;
  }

  get httpStatus(): number | undefined {
    return this.#httpStatus;
  }

  get contentType(): string | undefined {
    return this.#contentType;
  }

  get cause(): string | undefined {
    return this.#cause;
  }

  waitedMs(now: number): number {
    return this.#state === "waiting" ? now - this.#waitingSince : 0;
  }
}

import type { Clock } from "../support/clock.js";
import { isUnsentCause } from "../support/platform-cause.js";

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
  /**
   * The HTTP client gets the request now, and may or may not use what it is watched with. Unless `onHandedOver` follows,
   * not even an error that names a refused connection proves anything: the client may have sent the request before.
   *
   * @param doubt what to warn of when such an error proves nothing for this reason; nothing, if it is left out.
   */
  onOffered(doubt?: string): void;
  /**
   * The HTTP client has the request, and has yet to get a connection for it.
   *
   * @param doubt why it cannot be relied on to call `onStarted` in time. With one, nothing is proved by silence, and only
   * an error that names a refused connection or the like proves that nothing was sent.
   */
  onHandedOver(doubt?: string): void;
  /**
   * The first byte is about to be written to a socket.
   *
   * @throws to keep the byte from being written: if the attempt is over, or if the request was sent before and its method
   * may not run twice. A redirect may be followed, and a request may be sent again with other credentials after a 401.
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
  /** Whether an error that names a refused connection or the like proves that nothing was sent. */
  readonly wordCounts: boolean;
  /** Why less is proved than there might be: what to warn of. */
  readonly doubt: string | undefined;
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
 * A proof must stay true: a request that had not started when its attempt was judged must not start later.
 */
export class Transmission implements SendObserver, SendRecord {
  /** `doubtful`: it failed, and nobody who is believed says whether it was sent. */
  #state: "unobserved" | "preparing" | "waiting" | "doubtful" | "started" = "unobserved";
  #waitingSince = 0;
  #over = false;
  /** Whether a request was sent, or may have been. */
  #begun = false;
  #resent = false;
  #offered = false;
  #doubt: string | undefined;
  #httpStatus: number | undefined;
  #contentType: string | undefined;
  #cause: string | undefined;

  constructor(
    private readonly clock: Clock,
    /** Whether the call may be sent again although it may have run. */
    private readonly mayRunTwice = false,
  ) {}

  onPreparing(): void {
    if (this.#state === "unobserved") this.#state = "preparing";
  }

  onPrepared(): void {
    if (this.#state === "preparing") this.#state = "unobserved";
  }

  onOffered(doubt?: string): void {
    if (this.#state !== "unobserved") return;
    this.#offered = true;
    this.#doubt ??= doubt;
  }

  onHandedOver(doubt?: string): void {
    if (this.#state === "unobserved") {
      this.#state = "waiting";
      this.#waitingSince = this.clock.now();
      this.#doubt = doubt; // And not that it was only offered.
      return;
    }
    // Without the dispatcher's word, one that is still out there may have been sent.
    if (this.#state === "waiting" && this.#doubt !== undefined && this.#cause === undefined) this.#state = "doubtful";
    // What follows a request that was sent (a redirect, an interceptor below that tries again) cannot undo it.
    if (this.#state === "started" || this.#state === "doubtful") this.#resent = true;
    this.#doubt ??= doubt;
    this.#cause = undefined;
  }

  onStarted(): void {
    if (this.#over) throw new Error("twirp-failover: this attempt is over; its request must not be sent any more");
    if (this.#begun) {
      if (!this.mayRunTwice && !isInvitation(this.#httpStatus)) {
        throw new Error("twirp-failover: the request was sent once already, and its method may not run twice");
      }
      this.#resent = true;
    }
    this.#begun = true;
    this.#state = "started";
  }

  onProgress(): void {
    this.#state = "started";
  }

  onAnswered(httpStatus: number, contentType?: string): void {
    this.#begun = true;
    this.#state = "started";
    if (httpStatus < 200) return;
    this.#httpStatus = httpStatus;
    this.#contentType = contentType;
  }

  onFailed(cause: string | undefined): void {
    this.#cause = cause;
    // Without the dispatcher's word, whatever does not name the reason may have happened to a request that was sent.
    if (this.#state !== "waiting" || this.#doubt === undefined || isUnsentCause(cause)) return;
    this.#begun = true;
    this.#state = "doubtful";
  }

  /** The attempt was judged: from now on its request must not start. */
  end(): void {
    this.#over = true;
  }

  get observed(): boolean {
    return this.#state !== "unobserved" && this.#state !== "preparing";
  }

  get preparing(): boolean {
    return this.#state === "preparing";
  }

  get unsent(): boolean {
    return this.#state === "waiting" && this.#doubt === undefined;
  }

  get wordCounts(): boolean {
    if (this.#state === "waiting") return this.#cause !== undefined;
    return this.#state === "unobserved" && !this.#offered;
  }

  get doubt(): string | undefined {
    return this.#state === "started" ? undefined : this.#doubt;
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
    return this.unsent ? now - this.#waitingSince : 0;
  }
}

/** Whether an answer invites to send the request again: a redirect, or the request for (other) credentials. */
function isInvitation(httpStatus: number | undefined): boolean {
  return httpStatus === 401 || (httpStatus !== undefined && httpStatus >= 300 && httpStatus < 400);
}

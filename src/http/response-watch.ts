import { type ContentType, typeProblem } from "./content-type.js";
import { Expansion } from "./expansion.js";
import { isWhole } from "./framing.js";
import { headerOf, type RawHeaders } from "./raw-headers.js";

/**
 * What is seen of one attempt's response on its way to `fetch`: for transports that keep its status and type to themselves,
 * and read it without a limit.
 */
export class ResponseWatch {
  #sent: RawHeaders;
  #status: number | undefined;
  #contentType: string | undefined;
  #headers: RawHeaders;
  #bytes = 0;
  #expansion: Expansion | undefined;
  #isTooLong = false;
  #onTooLong: ((nothing: undefined) => void) | undefined;

  /** @param maxBytes the longest body, after decompression. */
  constructor(private readonly maxBytes: number) {}

  /** @param headers of the request. */
  onRequest(headers: RawHeaders): void {
    this.#sent = headers;
  }

  /** The head of a response. One that follows, as after a redirect, takes its place. */
  onHead(status: number, contentType: string | undefined, headers: RawHeaders): void {
    this.#status = status;
    this.#contentType = contentType;
    this.#headers = headers;
    this.#bytes = 0;
    this.#expansion?.stop();
    const encoding = headerOf(headers, "content-encoding");
    this.#expansion = encoding === undefined ? undefined : new Expansion(encoding, this.maxBytes, () => this.#exceed());
  }

  onData(chunk: Uint8Array): void {
    this.#bytes += chunk.byteLength;
    if (this.#bytes > this.maxBytes) this.#exceed();
    else this.#expansion?.write(chunk);
  }

  get status(): number | undefined {
    return this.#status;
  }

  /** Whether the body is longer than it may be. Nothing more should be read of it. */
  get isTooLong(): boolean {
    return this.#isTooLong;
  }

  /** Settles as the transport does with the response; or resolves, perhaps before that, if the response is too long. */
  async read(transport: PromiseLike<unknown>): Promise<void> {
    try {
      await new Promise((resolve, reject) => {
        this.#onTooLong = resolve;
        transport.then(resolve, reject);
      });
      // The transport may have been faster than the count.
      if (this.#expansion !== undefined) await this.#expansion.end();
    } catch (error) {
      await this.#expansion?.end();
      if (!this.#isTooLong) throw error;
    } finally {
      this.#expansion?.stop();
    }
  }

  /**
   * Why the response is no good answer, although the transport may have taken it for one. `undefined` if it is one, or if
   * nothing was seen because an interceptor below answered by itself.
   */
  problem(expected: ContentType): string | undefined {
    if (this.#status === undefined) return undefined;
    if (this.#status !== 200) return `the answer has the HTTP status ${this.#status}, and not 200`;
    if (this.#isTooLong) return `the answer is longer than ${this.maxBytes} bytes (maxResponseBytes)`;
    const problem = typeProblem(this.#contentType, expected);
    // An interceptor below may have chosen the other format.
    return problem && typeProblem(this.#contentType, headerOf(this.#sent, "content-type") ?? expected);
  }

  /** Whether the response was a good answer, all of which came, if its body could be read to its end. */
  isWhole(expected: ContentType): boolean {
    if (this.#status === undefined || this.problem(expected) !== undefined) return false;
    return isWhole(this.#contentType, (name) => headerOf(this.#headers, name));
  }

  #exceed(): void {
    this.#isTooLong = true;
    this.#onTooLong?.(undefined);
  }
}

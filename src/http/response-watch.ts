import { type ContentType, typeProblem } from "./content-type.js";
import { isWhole } from "./framing.js";
import { headerOf, type RawHeaders } from "./raw-headers.js";

/** What is seen of one attempt's response on its way to `fetch`: for transports that keep its status and type to themselves. */
export class ResponseWatch {
  #sent: RawHeaders;
  #status: number | undefined;
  #contentType: string | undefined;
  #headers: RawHeaders;

  /** @param headers of the request. */
  onRequest(headers: RawHeaders): void {
    this.#sent = headers;
  }

  /** The head of a response. One that follows, as after a redirect, takes its place. */
  onHead(status: number, contentType: string | undefined, headers: RawHeaders): void {
    this.#status = status;
    this.#contentType = contentType;
    this.#headers = headers;
  }

  /**
   * Why the response is no good answer, although the transport may have taken it for one. `undefined` if it is one, or if
   * nothing was seen because an interceptor below answered by itself.
   */
  problem(expected: ContentType): string | undefined {
    if (this.#status === undefined) return undefined;
    if (this.#status !== 200) return `the answer has the HTTP status ${this.#status}, and not 200`;
    const problem = typeProblem(this.#contentType, expected);
    // An interceptor below may have chosen the other format.
    return problem && typeProblem(this.#contentType, headerOf(this.#sent, "content-type") ?? expected);
  }

  /** Whether the response was a good answer, all of which came, if its body could be read to its end. */
  isWhole(expected: ContentType): boolean {
    if (this.#status === undefined || this.problem(expected) !== undefined) return false;
    return isWhole(this.#contentType, (name) => headerOf(this.#headers, name));
  }
}

/**
 * Counts requests as they are sent. Every client here uses the global `fetch`, so one counter works for all. It includes
 * requests that no server received because its port was closed.
 */
export class Requests {
  readonly #posts = new Map<string, number>();
  #gets = 0;

  /** Starts counting, permanently. */
  static watch(): Requests {
    const requests = new Requests();
    const send = globalThis.fetch;
    globalThis.fetch = (input, init) => {
      requests.#count(new URL(input instanceof Request ? input.url : input).pathname, init?.method ?? "GET");
      return send(input, init);
    };
    return requests;
  }

  /** The attempts of a method, by its name in the `.proto`. */
  attempts(method: string): number {
    return this.#posts.get(method) ?? 0;
  }

  get discoveries(): number {
    return this.#gets;
  }

  reset(): void {
    this.#posts.clear();
    this.#gets = 0;
  }

  #count(path: string, httpMethod: string): void {
    if (httpMethod !== "POST") {
      this.#gets++;
      return;
    }
    const method = path.slice(path.lastIndexOf("/") + 1);
    this.#posts.set(method, this.attempts(method) + 1);
  }
}

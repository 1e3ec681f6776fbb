/** One region of the project: the part of LiveKit's HTTP API that the example calls. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { HandlerError, type Project } from "./project.js";

export class Region {
  readonly #server = createServer((req, res) => void this.#handle(req, res));
  #origin = "";
  #isLosing = false;

  constructor(
    readonly id: string,
    /** The distance from the client, in metres. */
    readonly distance: number,
    private readonly project: Project,
    private readonly all: () => readonly Region[],
  ) {}

  get origin(): string {
    return this.#origin;
  }

  /** The URL in the form that LiveKit's SDKs use. */
  get url(): string {
    return this.#origin.replace("http", "ws");
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    this.#origin = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Sets whether it runs each request but answers with an error. */
  loseAnswers(losing: boolean): void {
    this.#isLosing = losing;
  }

  /** Closes the port and all connections. */
  async kill(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async #handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    try {
      await this.project.checkToken(req.headers.authorization);
      if (req.url === "/settings/regions") {
        // An int64 is a string in JSON, and left out when it is 0.
        const regions = this.all().map(({ id, url, distance }) => ({
          region: id,
          url,
          ...(distance > 0 && { distance: String(distance) }),
        }));
        res.setHeader("cache-control", "max-age=3600");
        return answer(res, 200, { regions });
      }
      let body = "";
      for await (const chunk of req) body += chunk;
      const result = this.project.run((req.url ?? "").replace("/twirp/", ""), JSON.parse(body));
      if (this.#isLosing) throw new HandlerError(500, "internal", "it was done, but the answer was lost");
      answer(res, 200, result);
    } catch (error) {
      const { status, code, message } = error instanceof HandlerError ? error : new HandlerError(500, "internal", "?");
      answer(res, status, { code, msg: message });
    }
  }
}

function answer(res: ServerResponse, status: number, body: object): void {
  res.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

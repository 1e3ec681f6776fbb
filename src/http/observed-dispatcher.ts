/**
 * Watches a request leave, in Node.
 *
 * Node's `fetch` is undici's, and takes a `dispatcher` for each request, which gets it a connection and writes it. Ours
 * forwards the request to the real dispatcher and listens to the handler that goes with it. The handler's start hook fires
 * just before the first byte is written, so a request whose handler was handed over and has not started was not sent.
 * Runtimes with another `fetch` ignore the option; there nothing is observed, and nothing is proved.
 */
import type { SendObserver } from "../outcome/transmission.js";
import { headerOf, type RawHeaders } from "./raw-headers.js";
import type { ResponseWatch } from "./response-watch.js";

/** The part of undici's `Dispatcher` that a request needs. */
export interface Dispatcher {
  dispatch(options: unknown, handler: Handler): boolean;
}

/** The hooks of one request. Their names differ between the generations of undici; see `onHook`. */
type Handler = Record<string, unknown>;

export class ObservedDispatcher implements Dispatcher {
  constructor(
    private readonly observer: SendObserver,
    /** The dispatcher that the user chose for this request. */
    private readonly chosen: Dispatcher | undefined,
    /** What is to be told of the response, if anything is. */
    private readonly response?: ResponseWatch,
  ) {}

  dispatch(options: unknown, handler: Handler): boolean {
    const real = this.chosen ?? globalDispatcher(handler);
    this.response?.onRequest((options as { headers?: RawHeaders } | undefined)?.headers);
    this.observer.onHandedOver();
    return real.dispatch(options, observe(handler, this.observer, this.response));
  }

  /** `fetch` asks for it, to give undici's `MockAgent` a body that it can compare. */
  get isMockActive(): unknown {
    const real = this.chosen ?? globalDispatcher({});
    return "isMockActive" in real ? real.isMockActive : undefined;
  }
}

/**
 * The dispatcher that `fetch` would use by itself. It is read at each request, because the user may set another at any
 * time, and Node loads undici only with the first request. undici 8 keeps its own under a new name, for its new hooks.
 */
function globalDispatcher(handler: Handler): Dispatcher {
  const [first, second] = typeof handler.onRequestStart === "function" ? [2, 1] : [1, 2];
  const found = dispatcherNamed(first) ?? dispatcherNamed(second);
  if (found === undefined) throw new Error("twirp-failover: there is no undici dispatcher to send this request with");
  return found;
}

function dispatcherNamed(generation: number | undefined): Dispatcher | undefined {
  return (globalThis as Record<symbol, unknown>)[Symbol.for(`undici.globalDispatcher.${generation}`)] as
    | Dispatcher
    | undefined;
}

/** The same handler, with each call of a hook reported first. It is a proxy, because any hook may be missing. */
function observe(handler: Handler, observer: SendObserver, response: ResponseWatch | undefined): Handler {
  return new Proxy(handler, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      return (...args: unknown[]) => {
        onHook(name, args, observer, response);
        return member.apply(target, args);
      };
    },
  });
}

function onHook(
  name: string | symbol,
  args: readonly unknown[],
  observer: SendObserver,
  response: ResponseWatch | undefined,
): void {
  switch (name) {
    case "onError": // undici 6
      observer.onFailed(nameOf(args[0]));
      break;
    case "onResponseError": // undici 7 and later
      observer.onFailed(nameOf(args[1]));
      break;
    case "onHeaders": // undici 6
      onHead(Number(args[0]), args[1], observer, response);
      break;
    case "onResponseStart": // undici 7 and later
      onHead(Number(args[1]), args[2], observer, response);
      break;
    case "onData": // undici 6
      observer.onProgress();
      response?.onData(args[0] as Uint8Array);
      break;
    case "onResponseData": // undici 7 and later
      observer.onProgress();
      response?.onData(args[1] as Uint8Array);
      break;
    case "onConnect": // undici 6
    case "onRequestStart": // undici 7 and later
      observer.onStarted();
      break;
    default:
      observer.onProgress();
  }
}

function onHead(
  status: number,
  headers: RawHeaders,
  observer: SendObserver,
  response: ResponseWatch | undefined,
): void {
  const contentType = headerOf(headers, "content-type");
  observer.onAnswered(status, contentType);
  response?.onHead(status, contentType, headers);
}

/** `ECONNREFUSED`, `UND_ERR_SOCKET` …; for an error without a code, the name of its class. */
function nameOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code } = error as { code?: unknown };
  return typeof code === "string" ? code : error.name;
}

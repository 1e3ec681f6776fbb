/**
 * Watches a request leave, in Node.
 *
 * Node's `fetch` is undici's, and takes a `dispatcher` for each request: what gets the request a connection and
 * writes it. Ours hands the request on to the real one and listens to the handler that goes with it. Its start hook
 * fires just before the first byte is written, so a request whose handler was handed over and has not been started
 * was not sent. Runtimes with another `fetch` do not know the option; there nothing is observed, and nothing proved.
 */
import type { Transmission } from "../outcome/transmission.js";

/** As much of undici's `Dispatcher` as a request needs. */
export interface Dispatcher {
  dispatch(options: unknown, handler: Handler): boolean;
}

/** The hooks of one request. Their names differ between the generations of undici; see `onHook`. */
type Handler = Record<string, unknown>;

export class ObservedDispatcher implements Dispatcher {
  constructor(
    private readonly transmission: Transmission,
    /** The one that the user chose for this request. */
    private readonly chosen: Dispatcher | undefined,
  ) {}

  dispatch(options: unknown, handler: Handler): boolean {
    const real = this.chosen ?? globalDispatcher(handler);
    this.transmission.onHandedOver();
    return real.dispatch(options, observe(handler, this.transmission));
  }

  /** `fetch` asks for it, to hand undici's `MockAgent` a body that it can compare. */
  get isMockActive(): unknown {
    const real = this.chosen ?? globalDispatcher({});
    return "isMockActive" in real ? real.isMockActive : undefined;
  }
}

/**
 * The dispatcher that `fetch` would use by itself. Read at each request: the user may set another at any time, and
 * Node loads undici only with the first request. undici 8 keeps its own under a new name, for its new hooks.
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

/** The same handler, with each call of a hook written down first. A proxy, since any hook may be there or not. */
function observe(handler: Handler, transmission: Transmission): Handler {
  return new Proxy(handler, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      return (...args: unknown[]) => {
        onHook(name, args, transmission);
        return member.apply(target, args);
      };
    },
  });
}

function onHook(name: string | symbol, args: readonly unknown[], transmission: Transmission): void {
  switch (name) {
    case "onError": // undici 6
      transmission.onFailed(nameOf(args[0]));
      break;
    case "onResponseError": // undici 7 and later
      transmission.onFailed(nameOf(args[1]));
      break;
    case "onHeaders": // undici 6
      transmission.onAnswered(Number(args[0]), contentTypeOf(args[1]));
      break;
    case "onResponseStart": // undici 7 and later
      transmission.onAnswered(Number(args[1]), contentTypeOf(args[2]));
      break;
    case "onConnect": // undici 6
    case "onRequestStart": // undici 7 and later
      transmission.onStarted();
      break;
    default:
      transmission.onProgress();
  }
}

/** From raw headers, name and value in turn, as undici 6 has them, or from an object of them. */
function contentTypeOf(headers: unknown): string | undefined {
  if (!Array.isArray(headers)) {
    const named = (headers as Record<string, unknown> | null | undefined)?.["content-type"];
    return named === undefined ? undefined : String(named);
  }
  const i = headers.findIndex((name, i) => i % 2 === 0 && String(name).toLowerCase() === "content-type");
  return i < 0 ? undefined : String(headers[i + 1]);
}

/** `ECONNREFUSED`, `UND_ERR_SOCKET`, … An error without a code is named by its class. */
function nameOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code } = error as { code?: unknown };
  return typeof code === "string" ? code : error.name;
}

/**
 * Watches a request leave, in Node.
 *
 * Node's `fetch` is undici's, and takes a `dispatcher` for each request, which gets it a connection and writes it. Ours
 * forwards the request to the real dispatcher and listens to the handler that goes with it. The handler's start hook fires
 * just before the first byte is written, so a request whose handler was handed over and has not started was not sent: by
 * the word of the dispatcher, which not every one has (`dispatcher-trust.ts`).
 *
 * Runtimes with another `fetch` ignore the option; there nothing is observed.
 */
import type { SendObserver } from "../outcome/transmission.js";
import { nextTurn } from "../support/clock.js";
import { believe, type Dispatcher, dispatcherNamed, type Handler, isBelieved, isUndicis } from "./dispatcher-trust.js";
import { headerOf, type RawHeaders } from "./raw-headers.js";
import type { ResponseWatch } from "./response-watch.js";

/**
 * What to send one request with: a dispatcher that watches it, or none where there is none to forward to. In either case
 * the observer is told what that means for the proof.
 *
 * @param chosen the dispatcher that the user chose for this request.
 * @param response what is told of the response, if anything is.
 */
export function dispatcherFor(
  observer: SendObserver,
  chosen?: Dispatcher,
  response?: ResponseWatch,
): { dispatcher?: Dispatcher } {
  if (chosen === undefined && !hasGlobalDispatcher()) {
    if (isNode()) observer.onOffered(UNWATCHED);
    return {};
  }
  observer.onOffered(IGNORED);
  return { dispatcher: new ObservedDispatcher(observer, chosen, response) };
}

/** The same for runtimes whose own `fetch` knows no dispatchers: somebody may use undici's in its place. */
export function watchIfPossible(
  observer: SendObserver,
  chosen?: Dispatcher,
  response?: ResponseWatch,
): { dispatcher?: Dispatcher } {
  if (chosen === undefined && !hasGlobalDispatcher()) return {};
  return { dispatcher: new ObservedDispatcher(observer, chosen, response) };
}

/** In Node, and yet no dispatcher: a `vm` realm has globals of its own, but its `fetch` is that of the main one. */
const UNWATCHED =
  "a request that got no answer counts as perhaps sent, because there is no undici dispatcher on globalThis to watch it " +
  "with: in a vm realm, such as Jest's, that of Node is out of reach";

const IGNORED =
  "a request that got no answer counts as perhaps sent, because it never came to the dispatcher that it was to be watched " +
  "with: either fetch refused to make it (the port of the region's URL may be one that fetch blocks, such as 1 or 6000), or " +
  "the fetch in use ignores dispatchers; if that one never repeats a request, set proofOfSending: false";

const unbelieved = (dispatcher: Dispatcher) =>
  `a request that failed counts as perhaps sent, because its dispatcher (${nameOfClass(dispatcher)}) has not yet been seen ` +
  "to call undici's start hook before an answer came; the first answer settles that for a dispatcher that writes to " +
  "sockets; for another, set proofOfSending: false";

function nameOfClass(dispatcher: Dispatcher): string {
  try {
    return dispatcher.constructor.name || "of no class";
  } catch {
    return "of no class";
  }
}

function isNode(): boolean {
  const { process } = globalThis as { process?: { versions?: { undici?: unknown } } };
  return process?.versions?.undici !== undefined;
}

/** Node makes it when it loads undici, which is when one of its classes is first looked up. */
function hasGlobalDispatcher(): boolean {
  if ((dispatcherNamed(1) ?? dispatcherNamed(2)) !== undefined) return true;
  void globalThis.Headers;
  return (dispatcherNamed(1) ?? dispatcherNamed(2)) !== undefined;
}

class ObservedDispatcher implements Dispatcher {
  constructor(
    private readonly observer: SendObserver,
    private readonly chosen: Dispatcher | undefined,
    private readonly response: ResponseWatch | undefined,
  ) {}

  dispatch(options: unknown, handler: Handler): boolean {
    const { observer, response } = this;
    const { origin, headers } = (options ?? {}) as { origin?: unknown; headers?: RawHeaders };
    const real = this.chosen ?? globalDispatcher(handler);
    response?.onRequest(headers);
    if (isUndicis(real)) {
      observer.onHandedOver();
      return real.dispatch(options, observe(handler, { observer, response }));
    }
    observer.onHandedOver(isBelieved(real, String(origin)) ? undefined : unbelieved(real));
    const turns = new Turns(() => believe(real, String(origin)));
    return real.dispatch(options, observe(handler, { observer, response, turns }));
  }

  /** `fetch` asks for it, to give undici's `MockAgent` a body that it can compare. */
  get isMockActive(): unknown {
    const real = this.chosen ?? globalDispatcher({});
    return "isMockActive" in real ? real.isMockActive : undefined;
  }
}

/**
 * The dispatcher that `fetch` would use by itself. It is read at each request, because the user may set another at any
 * time. undici 8 keeps its own under a new name, for its new hooks.
 */
function globalDispatcher(handler: Handler): Dispatcher {
  const [first, second] = typeof handler.onRequestStart === "function" ? ([2, 1] as const) : ([1, 2] as const);
  const found = dispatcherNamed(first) ?? dispatcherNamed(second);
  if (found === undefined) throw new Error("twirp-failover: there is no undici dispatcher to send this request with");
  return found;
}

/** Whether a request started in an earlier turn of the event loop than its answer. It is for dispatchers of others. */
class Turns {
  #startedEarlier = false;
  #forget: (() => void) | undefined;

  constructor(private readonly onAnsweredLater: () => void) {}

  started(): void {
    this.over();
    this.#forget = nextTurn(() => {
      this.#startedEarlier = true;
    });
  }

  answered(): void {
    if (this.#startedEarlier) this.onAnsweredLater();
    this.over();
  }

  over(): void {
    this.#startedEarlier = false;
    this.#forget?.();
  }
}

/** Who hears of the hooks. */
interface Watchers {
  readonly observer: SendObserver;
  readonly response?: ResponseWatch | undefined;
  /** Only for a dispatcher that is not one of undici's own. */
  readonly turns?: Turns | undefined;
}

/** The same handler, with each call of a hook reported first. It is a proxy, because any hook may be missing. */
function observe(handler: Handler, watchers: Watchers): Handler {
  const { turns } = watchers;
  let refused = false;
  return new Proxy(handler, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      return (...args: unknown[]) => {
        // Whoever was told to stop and goes on has only the error left to report.
        if (refused && !FAILURES.has(name)) return true;
        try {
          onHook(name, args, watchers);
        } catch (reason) {
          // undici's own clients catch this, and drop the request alone. An abort would take its connection down, and with
          // it the requests that share it. Others may be in a timer, where nobody catches anything.
          const abort = turns && aborterOf(args[0]);
          if (abort === undefined) throw reason;
          refused = true;
          abort(reason);
          return undefined;
        }
        return member.apply(target, args);
      };
    },
  });
}

/** undici 6's hook is handed a function to abort with, and a later one's a controller. */
function aborterOf(handed: unknown): ((reason: unknown) => void) | undefined {
  if (typeof handed === "function") return (reason) => handed(reason);
  const controller = handed as { abort?: unknown } | null | undefined;
  const abort = controller?.abort;
  return typeof abort === "function" ? (reason) => abort.call(controller, reason) : undefined;
}

const FAILURES: ReadonlySet<string | symbol> = new Set(["onError", "onResponseError"]);

function onHook(name: string | symbol, args: readonly unknown[], watchers: Watchers): void {
  const { observer, response, turns } = watchers;
  switch (name) {
    case "onError": // undici 6
      turns?.over();
      observer.onFailed(nameOf(args[0]));
      break;
    case "onResponseError": // undici 7 and later
      turns?.over();
      observer.onFailed(nameOf(args[1]));
      break;
    case "onHeaders": // undici 6
      onHead(Number(args[0]), args[1], watchers);
      break;
    case "onResponseStart": // undici 7 and later
      onHead(Number(args[1]), args[2], watchers);
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
      turns?.started();
      break;
    default:
      observer.onProgress();
  }
}

function onHead(status: number, headers: RawHeaders, { observer, response, turns }: Watchers): void {
  const contentType = headerOf(headers, "content-type");
  turns?.answered();
  observer.onAnswered(status, contentType);
  response?.onHead(status, contentType, headers);
}

/** `ECONNREFUSED`, `UND_ERR_SOCKET` …; for an error without a code, the name of its class. */
function nameOf(error: unknown): string | undefined {
  // By shape, because in a `vm` realm it is no instance of that realm's `Error`.
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown };
  if (typeof code === "string") return code;
  return typeof name === "string" ? name : undefined;
}

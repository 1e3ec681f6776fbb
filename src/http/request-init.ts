/**
 * What each request is sent with besides what it says: what watches it in Node, and what keeps other runtimes from sending
 * it twice.
 *
 * When a connection that was used before dies without an answer, Bun up to 1.3 and Deno from 2.5 on send the request again
 * by themselves, a POST included. Then a mutation runs twice; or the second connection is refused, and the error says so of
 * a request that ran. Neither happens on a connection of the request's own. Browsers do the same, and nothing prevents it.
 */
import type { AttemptRequest } from "../call/rpc-call.js";
import type { Dispatcher } from "./dispatcher-trust.js";
import { dispatcherFor, watchIfPossible } from "./observed-dispatcher.js";
import type { ResponseWatch } from "./response-watch.js";

/** What the user chose for the request, of what matters here. */
interface Chosen {
  readonly dispatcher?: Dispatcher;
  /** Deno's `HttpClient`. */
  readonly client?: unknown;
}

interface DenoLike {
  createHttpClient?(options: { poolMaxIdlePerHost: number }): object;
}

const { Bun, Deno } = globalThis as { Bun?: unknown; Deno?: DenoLike };

/** Made at once, and not by the first call, because Deno's tests fail if they leave behind what they have made. */
const unpooled = Deno && makeUnpooled(Deno);

function makeUnpooled(deno: DenoLike): object | undefined {
  try {
    return deno.createHttpClient?.({ poolMaxIdlePerHost: 0 });
  } catch {
    return undefined;
  }
}

/**
 * The options for `fetch`.
 *
 * @param observe whether to watch the request.
 * @param response what is told of the response, if anything is.
 */
export function requestInit(
  { observer, mayRunTwice }: AttemptRequest,
  observe: boolean,
  chosen: Chosen = {},
  response?: ResponseWatch,
): object {
  if (Bun === undefined && Deno === undefined)
    return observe ? dispatcherFor(observer, chosen.dispatcher, response) : {};
  const own = mayRunTwice ? undefined : ownConnection(chosen);
  // It may be sent twice, so the error for the second request proves nothing about the first.
  if (own === undefined) observer.onOffered();
  return { ...own, ...(observe && watchIfPossible(observer, chosen.dispatcher, response)) };
}

/** What gives the request a connection of its own, if there is such a thing. */
function ownConnection({ client }: Chosen): object | undefined {
  if (Bun !== undefined) return { keepalive: false };
  return client === undefined && unpooled !== undefined ? { client: unpooled } : undefined;
}

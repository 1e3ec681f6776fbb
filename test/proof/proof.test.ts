/**
 * What can be proved about a failed request, case by case, over real sockets. Each case has a home region that
 * fails in a certain way, a healthy second region and a mutation. With a proof, the mutation must succeed in the second
 * region. Without one, it must not get there. What home saw of the request shows whether the proof was true.
 */
import { TwirpFetchTransport } from "@protobuf-ts/twirp-transport";
import { createFailover, type FailedAttempt, failoverTrace } from "twirp-failover";
import { failoverInterceptor } from "twirp-failover/protobuf-ts";
import { afterEach, describe, expect, test } from "vitest";
import { RoomServiceClient } from "../../proto/gen/rooms.client.js";
import { type RegionServer, startRegion } from "../support/region.js";
import { full, http2Resetting, type Misbehaving, nameless, refusing, tcp, tls } from "./servers.js";
import { agents, fetches, forwarding, h2Agents, pipelining } from "./undici.js";

interface Case {
  readonly name: string;
  readonly home: () => Promise<Misbehaving>;
  /** `either`: the operating system decides which of two events is first, and both results are correct. */
  readonly proof: "none" | "unknown" | "either";
  readonly origin?: FailedAttempt["outcome"]["origin"];
  readonly cause?: RegExp;
  /** What home must have seen. Left out means nothing. */
  readonly saw?: RegExp;
  readonly fetchInit?: object;
  readonly room?: string;
}

const reset = (socket: { resetAndDestroy(): void }) => socket.resetAndDestroy();
const REQUEST = /POST \/twirp\/acme\.rooms\.v1\.RoomService\/DialParticipant/;
/** The type of a TLS handshake record. */
const HANDSHAKE = new RegExp(`^${String.fromCharCode(0x16)}`);
const resettingAfter = (bytes: RegExp | number) =>
  tcp("http", {
    onData: (socket, all) => {
      if (typeof bytes === "number" ? all.length > bytes : bytes.test(all.toString("latin1"))) reset(socket);
    },
  });

const cases: readonly Case[] = [
  { name: "refused", home: refusing, proof: "none", origin: "transport", cause: /^ECONNREFUSED$/ },
  { name: "DNS failure", home: nameless, proof: "none" },
  {
    name: "TLS to a plain port",
    home: () => tcp("https", { onData: (socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n") }),
    proof: "none",
    origin: "transport",
    cause: /SSL|TLS/,
    saw: HANDSHAKE,
  },
  {
    name: "self-signed certificate",
    home: () => tls(reset),
    proof: "none",
    origin: "transport",
    cause: /^DEPTH_ZERO_SELF_SIGNED_CERT$/,
  },
  {
    name: "TLS reset in the handshake",
    home: () => tcp("https", { onData: reset }),
    proof: "none",
    origin: "transport",
    cause: /^ECONNRESET$/,
    saw: HANDSHAKE,
  },
  { name: "a full backlog: the connection hangs", home: full, proof: "none", origin: "timeout" },
  { name: "reset on accept", home: () => tcp("http", { onAccept: reset }), proof: "either" },
  {
    name: "FIN on accept",
    home: () => tcp("http", { onAccept: (socket) => socket.end() }),
    proof: "either",
    saw: /^(?:POST|$)/,
  },
  {
    name: "reset mid-way through a 5 MB body",
    home: () => resettingAfter(1_000_000),
    room: "x".repeat(5_000_000),
    proof: "unknown",
    origin: "transport",
    saw: REQUEST,
  },
  {
    name: "reset after the request",
    home: () => resettingAfter(/555/),
    proof: "unknown",
    origin: "transport",
    saw: REQUEST,
  },
  {
    name: "partial headers",
    home: () => tcp("http", { onData: (socket) => socket.end("HTTP/1.1 200 OK\r\nContent-") }),
    proof: "unknown",
    origin: "transport",
    saw: REQUEST,
  },
  ...agents.flatMap(({ name, agent }): Case[] => [
    {
      name: `${name}, refused`,
      home: refusing,
      fetchInit: { dispatcher: agent },
      proof: "none",
      cause: /^ECONNREFUSED$/,
    },
    {
      name: `${name}, reset after the request`,
      home: () => resettingAfter(/555/),
      fetchInit: { dispatcher: agent },
      proof: "unknown",
      saw: REQUEST,
    },
  ]),
  { name: "a dispatcher that forwards, refused", home: refusing, fetchInit: { dispatcher: forwarding }, proof: "none" },
  {
    name: "a dispatcher that forwards, reset after the request",
    home: () => resettingAfter(/555/),
    fetchInit: { dispatcher: forwarding },
    proof: "unknown",
    saw: REQUEST,
  },
  ...h2Agents.map(
    ({ name, agent }): Case => ({
      name: `${name} over HTTP/2, stream reset after the request`,
      home: http2Resetting,
      fetchInit: { dispatcher: agent },
      proof: "unknown",
      saw: REQUEST,
    }),
  ),
];

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

/** Makes a mutation to `home`, with a healthy second region. */
async function dial(home: Misbehaving, options: { fetchInit?: object; room?: string; abort?: AbortSignal } = {}) {
  const healthy = await startRegion("healthy");
  open.push(home, healthy);
  const failover = createFailover({
    regions: [
      { id: "home", url: home.url },
      { id: "healthy", url: healthy.url },
    ],
    policies: { "*": { timeoutMs: 5_000, connectTimeoutMs: 250 } },
  });
  const attempts: { region: string; ok: boolean; execution?: string; origin?: string; cause?: string }[] = [];
  failover.on("attempt", (event) => attempts.push(event));
  const transport = new TwirpFetchTransport({ baseUrl: "", interceptors: [failoverInterceptor(failover)] });
  const { room = "lobby", ...rest } = options;
  const input = { room, phoneNumber: "555", requestId: "dial" };
  const result = await new RoomServiceClient(transport).dialParticipant(input, rest).response.then(
    () => "succeeded",
    (error: unknown) => error,
  );
  return { healthy, result, attempts, first: attempts[0] };
}

function expectMoved(moved: boolean, { result, healthy }: { result: unknown; healthy: RegionServer }): void {
  expect(healthy.executed).toEqual(moved ? ["dial"] : []);
  if (moved) expect(result).toBe("succeeded");
  else expect(result).toBeInstanceOf(Error);
}

describe("proof of sending", () => {
  test.each(cases)("$name: $proof", async ({ home: start, proof, origin, cause, saw, fetchInit, room }) => {
    const home = await start();
    const outcome = await dial(home, { ...(fetchInit && { fetchInit }), ...(room !== undefined && { room }) });
    const { first } = outcome;
    if (proof !== "either") expect(first?.execution).toBe(proof);
    if (origin !== undefined) expect(first?.origin).toBe(origin);
    if (cause !== undefined) expect(first?.cause).toMatch(cause);

    if (saw !== undefined) expect(home.saw()).toMatch(saw);
    // In every case: home must not have seen a request that was judged not sent.
    if (first?.execution === "none") expect(home.saw()).not.toMatch(/POST|DialParticipant/);
    expectMoved(first?.execution === "none", outcome);
  });

  test("aborted while connecting: none, and the call ends at once", async () => {
    const home = await full();
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 50);
    const outcome = await dial(home, { abort: controller.signal });
    expect(outcome.first).toMatchObject({ origin: "caller", code: "canceled", execution: "none" });
    expectMoved(false, outcome);
  });

  test("aborted after sending: unknown", async () => {
    const controller = new AbortController();
    const home = await tcp("http", { onData: () => controller.abort() });
    const outcome = await dial(home, { abort: controller.signal });
    expect(outcome.first).toMatchObject({ origin: "caller", code: "canceled", execution: "unknown" });
    expect(home.saw()).toMatch(REQUEST);
    expectMoved(false, outcome);
  });

  test("aborted before: there is no attempt", async () => {
    const home = await tcp("http", {});
    const outcome = await dial(home, { abort: AbortSignal.abort() });
    expect(outcome.attempts).toEqual([]);
    expect(failoverTrace(outcome.result)?.attempts).toEqual([]);
    expect(home.saw()).toBe("");
    expectMoved(false, outcome);
  });

  test.each(agents)("$name: a request that waits for a free connection was not sent", async ({ agent }) => {
    const home = await tcp("http", {});
    const busy = [dial(home, { fetchInit: { dispatcher: agent } }), dial(home, { fetchInit: { dispatcher: agent } })];
    await expect.poll(() => home.saw().match(/POST/g)?.length).toBe(2);
    const outcome = await dial(home, { fetchInit: { dispatcher: agent } });
    expect(outcome.first).toMatchObject({ origin: "timeout", execution: "none" });
    expect(home.saw().match(/POST/g)).toHaveLength(2);
    expectMoved(true, outcome);
    for (const server of open.splice(0)) await server.close();
    for (const { first } of await Promise.all(busy)) expect(first?.execution).toBe("unknown");
  });

  test.each(pipelining)(
    "$name: requests that wait in the pipeline behind a lost request were not sent, so they fail over",
    async ({ agent }) => {
      const home = await resettingAfter(/555/);
      const calls = await Promise.all([1, 2, 3, 4].map(() => dial(home, { fetchInit: { dispatcher: agent } })));
      const sent = calls.filter(({ first }) => first?.execution === "unknown");
      expect(sent.length).toBeGreaterThan(0);
      // A request may be started on a connection that is just being reset, so home may have seen fewer.
      expect(home.saw().match(/POST/g)?.length).toBeLessThanOrEqual(sent.length);
      for (const call of calls) expectMoved(call.first?.execution === "none", call);
    },
  );

  test.each(fetches)("$name on globalThis", async ({ fetch }) => {
    const builtIn = globalThis.fetch;
    globalThis.fetch = fetch;
    try {
      const refused = await dial(await refusing());
      expect(refused.first).toMatchObject({ execution: "none", cause: "ECONNREFUSED" });
      expectMoved(true, refused);
      const lost = await dial(await resettingAfter(/555/));
      expect(lost.first).toMatchObject({ execution: "unknown" });
      expectMoved(false, lost);
    } finally {
      globalThis.fetch = builtIn;
    }
  });

  test("a fetch without support for dispatchers proves nothing", async () => {
    const builtIn = globalThis.fetch;
    globalThis.fetch = (url, init) => builtIn(url, { ...init, dispatcher: undefined } as RequestInit);
    try {
      const outcome = await dial(await refusing());
      expect(outcome.first).toMatchObject({ execution: "unknown" });
      expectMoved(false, outcome);
    } finally {
      globalThis.fetch = builtIn;
    }
  });

  test("a service's message that quotes a proxy's status is not taken as a proxy's answer", async () => {
    const body = JSON.stringify({ code: "internal", msg: "received HTTP 429, unable to read response body as json" });
    const answer = `HTTP/1.1 500 Internal Server Error\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    const outcome = await dial(await tcp("http", { onData: (socket) => socket.end(answer) }));
    expect(outcome.first).toMatchObject({ origin: "service", code: "internal", execution: "unknown", httpStatus: 500 });
    expectMoved(false, outcome);
  });
});

/** How a proxy answers when home fails, and what must follow from that. */
import type { Outcome } from "twirp-failover";
import * as faults from "../support/faults.js";
import type { Fault } from "../support/region.js";
import type { Way } from "./network.js";
import { BODY_LIMIT, IMPATIENCE_MS, type ProxyProgram, RETRY_AFTER_SECONDS } from "./proxy.js";

export interface Case {
  readonly name: string;
  readonly way: Way;
  readonly fault?: Fault;
  /** Successful calls before the tested one, over the same connection and with the same rate limit. */
  readonly callsBefore?: number;
  readonly size?: number;
  /** What home's server sees of the tested call. */
  readonly home: { readonly received: 0 | 1; readonly executed: 0 | 1 };
  readonly outcome: (proxy: ProxyProgram) => Outcome;
  /** Whether it is proved that nothing ran, so that a mutation is replayed too. */
  readonly proved?: boolean;
  /** Whether the proxy of any region would refuse the request, so that nothing is replayed. */
  readonly final?: boolean;
}

const NOT_SEEN = { received: 0, executed: 0 } as const;
const NOT_RUN = { received: 1, executed: 0 } as const;
const RAN = { received: 1, executed: 1 } as const;

/** The proxy's own page. */
const page = (httpStatus: number) => () =>
  ({ code: "unavailable", origin: "intermediary", execution: "unknown", httpStatus }) as const;

const overUsedConnection = ({ reusedStatus }: ProxyProgram): Outcome =>
  reusedStatus === undefined
    ? { code: "unavailable", origin: "transport", execution: "unknown" }
    : page(reusedStatus)();

export const CASES: readonly Case[] = [
  {
    name: "nothing listens upstream",
    way: "dead",
    home: NOT_SEEN,
    // The page is the same as for an upstream that ran the request and died.
    outcome: ({ refusedStatus }) => page(refusedStatus)(),
  },
  { name: "reset before it ran", way: "patient", fault: faults.resets, home: NOT_RUN, outcome: page(502) },
  { name: "closed before it ran", way: "patient", fault: faults.hangsUp, home: NOT_RUN, outcome: page(502) },
  { name: "reset after it ran", way: "patient", fault: faults.ran(faults.resets), home: RAN, outcome: page(502) },
  { name: "closed after it ran", way: "patient", fault: faults.ran(faults.hangsUp), home: RAN, outcome: page(502) },
  {
    name: "reset before it ran, over a used connection",
    way: "persistent",
    // Two, because the proxy alternates between two servers, with a connection to each.
    callsBefore: 2,
    fault: faults.resets,
    home: NOT_RUN,
    outcome: overUsedConnection,
  },
  {
    name: "reset after it ran, over a used connection",
    way: "persistent",
    callsBefore: 2,
    fault: faults.ran(faults.resets),
    home: RAN,
    outcome: overUsedConnection,
  },
  {
    name: "the answer breaks off",
    way: "patient",
    fault: faults.truncates,
    home: RAN,
    outcome: () => ({ code: "dataloss", origin: "transport", execution: "unknown", httpStatus: 200 }),
  },
  { name: "silent for too long", way: "impatient", fault: faults.hangs, home: NOT_RUN, outcome: page(504) },
  {
    name: "too slow: it runs after the 504",
    way: "impatient",
    fault: faults.answersAfter(2 * IMPATIENCE_MS),
    home: RAN,
    outcome: page(504),
  },
  {
    name: "a maintenance page",
    way: "maintenance",
    home: NOT_SEEN,
    outcome: () => ({ ...page(503)(), pushbackMs: RETRY_AFTER_SECONDS * 1_000 }),
  },
  {
    name: "a body over the limit",
    way: "capped",
    size: 4 * BODY_LIMIT,
    home: NOT_SEEN,
    // Twirp's table has no row for 413.
    outcome: () => ({ code: "unknown", origin: "intermediary", execution: "unknown", httpStatus: 413 }),
    final: true,
  },
  {
    name: "over the rate limit",
    way: "limited",
    callsBefore: 1,
    home: NOT_SEEN,
    outcome: () => ({ code: "resource_exhausted", origin: "intermediary", execution: "none", httpStatus: 429 }),
    proved: true,
  },
  {
    // It looks like a route that the proxy does not have, but it must not count as a proof, because the call ran.
    name: "the proxy's page in place of the handler's not_found",
    way: "intercepting",
    fault: faults.handlerError("not_found"),
    home: RAN,
    outcome: () => ({ code: "bad_route", origin: "intermediary", execution: "unknown", httpStatus: 404 }),
  },
  {
    name: "the service's own error",
    way: "patient",
    fault: faults.handlerError("unavailable"),
    home: RAN,
    outcome: () => ({ code: "unavailable", origin: "service", execution: "unknown", httpStatus: 503 }),
  },
  {
    name: "the service's own promise that it did not run",
    way: "patient",
    fault: faults.json(503, { code: "unavailable", msg: "draining", meta: { retryable: "true" } }),
    home: NOT_RUN,
    outcome: () => ({ code: "unavailable", origin: "service", execution: "none", httpStatus: 503, promised: true }),
    proved: true,
  },
];

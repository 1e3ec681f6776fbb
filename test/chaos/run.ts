/** One client's run: its calls, with separate regions. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { failoverTrace, type Outcome, type RefusalReason } from "twirp-failover";
import { type ChaosClient, type ClientKind, createClient } from "./clients.js";
import { draw } from "./faults.js";
import { Fleet, type Sighting } from "./fleet.js";
import { WireWatch } from "./wire-watch.js";

export interface RunOptions {
  readonly kind: ClientKind;
  readonly calls: number;
  readonly seed: number;
  readonly onProgress?: (settled: number) => void;
}

/** What the caller knows about a failed call. */
export interface Failure {
  readonly error: string;
  /** The outcome of the attempt whose error the caller got. Only our client reports it. */
  readonly outcome?: Outcome;
  readonly region?: string;
  readonly refused?: RefusalReason;
}

export interface Run {
  readonly kind: ClientKind;
  readonly seed: number;
  readonly calls: number;
  /** By request id; `undefined` for a call that succeeded. It does not include calls that never settled. */
  readonly results: ReadonlyMap<string, Failure | undefined>;
  readonly sightings: readonly Sighting[];
  readonly watch: WireWatch;
  readonly failovers: ReadonlyMap<string, number>;
  readonly unhandled: readonly unknown[];
  readonly durationMs: number;
  /** The 99th percentile of this process's delay before it read what had arrived. */
  readonly lateMs: number;
}

/** The number of callers, each with one call at a time. */
export const CALLERS = 64;
/**
 * A caller rests for up to twice this time between its calls. Without a rest, this process would be the bottleneck:
 * answers would wait in it to be read, and when a region closed its idle connections, the client would not yet know that
 * they were idle.
 */
const REST_MS = 80;
/** Every client's timeout is shorter, so if nothing settles for this time, nothing will. */
const STUCK_AFTER_MS = 25_000;

export const requestIdOf = (n: number) => `call-${n}`;

export async function run(options: RunOptions): Promise<Run> {
  const { kind, calls, seed } = options;
  const results = new Map<string, Failure | undefined>();
  const unhandled: unknown[] = [];
  const onUnhandled = (error: unknown) => void unhandled.push(error);
  const watch = new WireWatch();
  let client: ChaosClient | undefined;

  const fleet = await Fleet.start(seed);
  process.on("unhandledRejection", onUnhandled);
  watch.start();
  try {
    client = await createClient(kind, fleet.regions);
    fleet.begin();
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const startedAt = performance.now();
    await Promise.race([send(client, options, results), fleet.loss]);
    const durationMs = performance.now() - startedAt;
    delay.disable();
    const lateMs = delay.percentile(99) / 1e6;
    const sightings = await fleet.sightings();
    const { failovers } = client;
    return { kind, seed, calls, results, sightings, watch, failovers, unhandled, durationMs, lateMs };
  } finally {
    client?.close();
    watch.stop();
    process.off("unhandledRejection", onUnhandled);
    fleet.destroy();
  }
}

/** Resolves when all calls have settled, or when no more of them will. */
async function send(
  client: ChaosClient,
  { calls, seed, onProgress }: RunOptions,
  results: Map<string, Failure | undefined>,
): Promise<void> {
  let next = 0;
  let lastSettledAt = performance.now();
  const worker = async () => {
    while (next < calls) {
      const requestId = requestIdOf(next++);
      await sleep(draw(seed, "rest", requestId) * 2 * REST_MS);
      const failure = await client.dial(requestId).then(() => undefined, failureOf);
      results.set(requestId, failure);
      lastSettledAt = performance.now();
      onProgress?.(results.size);
    }
  };

  let timer: NodeJS.Timeout | undefined;
  const stuck = new Promise<void>((resolve) => {
    timer = setInterval(() => performance.now() - lastSettledAt > STUCK_AFTER_MS && resolve(), 1_000);
  });
  await Promise.race([Promise.all(Array.from({ length: CALLERS }, worker)), stuck]);
  clearInterval(timer);
}

function failureOf(error: unknown): Failure {
  const trace = failoverTrace(error);
  const surfaced = trace?.attempts.find((attempt) => attempt.error === error);
  return {
    error: error instanceof Error ? error.message : String(error),
    ...(trace && { refused: trace.refused }),
    ...(surfaced && { outcome: surfaced.outcome, region: surfaced.region.id }),
  };
}

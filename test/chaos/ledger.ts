/** The results of a run, according to the regions' records. */
import type { Failure, Run } from "./run.js";

/** How a request that no region has read was lost. */
export type LossCause =
  /** It was in the connection or in the listener's queue when the region closed it, or it was sent just after that. */
  | "crossed with the closing of its connection"
  | "sent on a connection that had been closed for 1 ms or more"
  /** No region accepted a connection. */
  | "never sent";

/** A close or a request takes a moment to reach the other side, even on one machine. */
const CROSSING_US = 1_000;

export class Ledger {
  readonly #executed = new Map<string, number>();
  /** The regions that received it. */
  readonly #received = new Map<string, string[]>();

  constructor(readonly run: Run) {
    for (const { region, seen } of run.sightings) {
      for (const [id, executed] of seen) {
        this.#executed.set(id, (this.#executed.get(id) ?? 0) + executed);
        this.#received.set(id, [...(this.#received.get(id) ?? []), region]);
      }
    }
  }

  /** The number of executions in all regions. */
  executions(id: string): number {
    return this.#executed.get(id) ?? 0;
  }

  receivedBy(id: string): readonly string[] {
    return this.#received.get(id) ?? [];
  }

  /** `undefined` also for a call that is not in this run. */
  failureOf(id: string): Failure | undefined {
    return this.run.results.get(id);
  }

  succeeded(id: string): boolean {
    return this.run.results.has(id) && this.failureOf(id) === undefined;
  }

  get settled(): number {
    return this.run.results.size;
  }

  /** The ids of the failed calls. */
  failed(): string[] {
    return [...this.run.results].filter(([, failure]) => failure !== undefined).map(([id]) => id);
  }

  /** Checks every recorded id, including calls that never settled. */
  executedMoreThanOnce(): string[] {
    return [...this.#executed].filter(([, count]) => count > 1).map(([id]) => id);
  }

  acknowledgedNeverExecuted(): string[] {
    return [...this.run.results.keys()].filter((id) => this.succeeded(id) && this.executions(id) === 0);
  }

  failedButExecuted(): string[] {
    return this.failed().filter((id) => this.executions(id) > 0);
  }

  /** A region records a request as soon as it has read the headers. */
  failedNeverReceived(): string[] {
    return this.failed().filter((id) => this.receivedBy(id).length === 0);
  }

  /** How a mutation that no region received was lost. */
  lossCauseOf(id: string): LossCause {
    const sent = this.run.watch.lastSent(id);
    if (sent === undefined) return "never sent";
    const closed = this.run.sightings.find(({ port }) => port === sent.toPort)?.closed ?? [];
    const ofConnection = closed.filter(([port]) => port === sent.fromPort);
    // A connection that the region never accepted is closed with its listener.
    const times = ofConnection.length > 0 ? ofConnection : closed.filter(([port]) => port === 0);
    // A port may be used again, so the close nearest in time counts.
    const closedForUs = times.map(([, atUs]) => sent.atUs - atUs).sort((a, b) => Math.abs(a) - Math.abs(b))[0];
    return closedForUs !== undefined && closedForUs < CROSSING_US
      ? "crossed with the closing of its connection"
      : "sent on a connection that had been closed for 1 ms or more";
  }
}

/** The number of each, the most frequent first. */
export function countBy<T>(items: Iterable<T>, key: (item: T) => string): [string, number][] {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(key(item), (counts.get(key(item)) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a);
}

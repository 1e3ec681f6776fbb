/** Runs one client through one outage. */
import { setTimeout as sleep } from "node:timers/promises";
import { MUTATION } from "./client.js";
import type { Fleet } from "./fleet.js";
import { silently } from "./livekit.js";
import { load, type Sample } from "./load.js";
import { median } from "./percentile.js";
import type { Requests } from "./requests.js";
import { type Contender, type Entry, HEALTHY, type Scenario } from "./scenario.js";

/** The calls in which a client may notice the outage. */
const FIRST_CALLS = 10;
const REFERENCE_CALLS = 250;
const NOTICED_MS = 50;
/** For a claim about the ratio of two latencies, the two take turns this many times, and the median ratio counts. */
const ROUNDS = 3;
const CALLS_OF_A_ROUND = 250;

/** Median latencies without the first calls. */
export interface Pace {
  readonly inOutage: number;
  /** From right before and right after the outage, because the machine's own speed changes. */
  readonly healthy: number;
}

interface Measured {
  readonly samples: readonly Sample[];
  readonly attempts: number;
  /** Requests for the list of regions, including those before the outage. */
  readonly discoveries: number;
  /** The time from the earliest possible request for the list to the end. */
  readonly elapsedMs: number;
  /** The attempts counted by the servers, which are fewer than were made if a port was closed. */
  readonly received: number;
  /** The attempts reported by the client's events, if it has events. */
  readonly reported: number | undefined;
}

export interface Result extends Measured {
  readonly scenario: Scenario;
  readonly entry: Entry;
  /** Only for our own clients' reads, because only they have a claim. */
  readonly pace?: Pace;
}

export class Trial {
  constructor(
    private readonly fleet: Fleet,
    private readonly requests: Requests,
  ) {}

  /** Warms up the code, here and in every region, so that no result includes code that runs for the first time. */
  async warmUp({ create }: Contender): Promise<void> {
    await this.fleet.open();
    const { origins } = this.fleet;
    for (const home of origins) {
      const client = await create([home, ...origins.filter((origin) => origin !== home)]);
      await load(client, { method: "GetRoom", calls: REFERENCE_CALLS });
    }
  }

  async run(scenario: Scenario, entry: Entry): Promise<Result> {
    return silently(async () => {
      const isCompared = entry.contender.ours && entry.method !== MUTATION;
      if (!isCompared) return { scenario, entry, ...(await this.#outage(scenario, entry)) };
      const { measured, pace } = await this.#round(scenario, entry);
      const paces = [pace];
      while (scenario.paced && paces.length < ROUNDS) {
        paces.push((await this.#round(scenario, { ...entry, calls: CALLS_OF_A_ROUND })).pace);
      }
      return { scenario, entry, ...measured, pace: middle(paces) };
    });
  }

  async #round(scenario: Scenario, entry: Entry): Promise<{ measured: Measured; pace: Pace }> {
    const before = await this.#reference(entry);
    const measured = await this.#outage(scenario, entry);
    const after = await this.#reference(entry);
    const inOutage = median(settledOf(measured.samples));
    return { measured, pace: { inOutage, healthy: median([...before, ...after]) } };
  }

  /** Latencies of a new client of the same kind while all regions are healthy. */
  async #reference({ contender, method }: Entry): Promise<number[]> {
    await this.fleet.open();
    const samples = await load(await contender.create(this.fleet.origins), { method, calls: REFERENCE_CALLS });
    if (!samples.every(({ ok }) => ok)) throw new Error("a call failed although all regions are healthy");
    return settledOf(samples);
  }

  async #outage(scenario: Scenario, { contender, method, calls }: Entry): Promise<Measured> {
    const { modes, healthyCalls = 0, mixedWith, list, forMs } = scenario;
    await this.fleet.open(list?.maxAgeSeconds);
    const client = await contender.create(this.fleet.origins);
    this.requests.reset();
    const startedAt = performance.now();
    if (contender.primed) {
      await this.fleet.become(["unavailable", "healthy", "healthy"]);
      await client.call(method);
      await this.fleet.become(HEALTHY);
    }
    for (let i = 0; i < healthyCalls; i++) await client.call(method);
    const reported = client.reported?.(method) ?? 0;
    const attempts = this.requests.attempts(method);
    const received = await this.fleet.received(method);
    await this.fleet.become(modes);
    // Waits until the client has seen that its idle connections are closed. A mutation before that may fail without a proof.
    if (method === MUTATION) await sleep(NOTICED_MS);

    const work = { method, calls, mixedWith, forMs };
    const samples = (await load(client, work)).filter((sample) => sample.method === method);
    const arrived = (await this.fleet.received(method)) - received;
    return {
      samples,
      attempts: contender.elsewhere ? arrived : this.requests.attempts(method) - attempts,
      discoveries: this.requests.discoveries,
      elapsedMs: performance.now() - startedAt,
      received: arrived,
      reported: client.reported === undefined ? undefined : client.reported(method) - reported,
    };
  }
}

function settledOf(samples: readonly Sample[]): number[] {
  return samples.slice(FIRST_CALLS).map(({ ms }) => ms);
}

/** The result with the median ratio. */
function middle(paces: readonly Pace[]): Pace {
  const sorted = [...paces].sort((a, b) => a.inOutage / a.healthy - b.inOutage / b.healthy);
  return sorted[Math.floor(sorted.length / 2)] as Pace;
}

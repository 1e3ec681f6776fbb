/** One client put through one outage. */
import type { Fleet } from "./fleet.js";
import { silently } from "./livekit.js";
import { load, type Sample } from "./load.js";
import { median } from "./percentile.js";
import type { Requests } from "./requests.js";
import { type Contender, type Entry, HEALTHY, type Scenario } from "./scenario.js";

/** The only method that is reported. */
const METHOD = "GetRoom";
/** The calls in which a client may find out that there is an outage. */
const FIRST_CALLS = 10;
const REFERENCE_CALLS = 250;
/** Where a ratio of two latencies is claimed, the two take turns so many times, and the median of the ratios counts. */
const ROUNDS = 3;
const CALLS_OF_A_ROUND = 250;

/** Median latencies, the first calls left out. */
export interface Pace {
  readonly inOutage: number;
  /** From right before and right after, since the machine's own pace changes. */
  readonly healthy: number;
}

interface Measured {
  readonly samples: readonly Sample[];
  readonly attempts: number;
  /** Requests for the list of regions, those ahead of the outage included. */
  readonly discoveries: number;
  /** By the servers' count. Fewer than were made where a port was closed. */
  readonly received: number;
  /** By the client's own events, where it has any. */
  readonly told: number | undefined;
}

export interface Result extends Measured {
  readonly scenario: Scenario;
  readonly entry: Entry;
  /** Only of our own clients, about which something is claimed. */
  readonly pace?: Pace;
}

export class Trial {
  constructor(
    private readonly fleet: Fleet,
    private readonly requests: Requests,
  ) {}

  /** Lets the code run hot, here and in every region: no result is to be that of code that was never run. */
  async warmUp({ create }: Contender): Promise<void> {
    await this.fleet.open();
    const { origins } = this.fleet;
    for (const home of origins) {
      await load(create([home, ...origins.filter((origin) => origin !== home)]), REFERENCE_CALLS);
    }
  }

  async run(scenario: Scenario, entry: Entry): Promise<Result> {
    const { contender, calls } = entry;
    return silently(async () => {
      if (!contender.ours) return { scenario, entry, ...(await this.#outage(scenario, contender, calls)) };
      const { measured, pace } = await this.#round(scenario, contender, calls);
      const paces = [pace];
      while (scenario.paced && paces.length < ROUNDS) {
        paces.push((await this.#round(scenario, contender, CALLS_OF_A_ROUND)).pace);
      }
      return { scenario, entry, ...measured, pace: middle(paces) };
    });
  }

  async #round(scenario: Scenario, contender: Contender, calls: number): Promise<{ measured: Measured; pace: Pace }> {
    const before = await this.#reference(contender);
    const measured = await this.#outage(scenario, contender, calls);
    const after = await this.#reference(contender);
    const inOutage = median(settledOf(measured.samples));
    return { measured, pace: { inOutage, healthy: median([...before, ...after]) } };
  }

  /** Latencies of a new client of its kind while all is well. */
  async #reference({ create }: Contender): Promise<number[]> {
    await this.fleet.open();
    const samples = await load(create(this.fleet.origins), REFERENCE_CALLS);
    if (!samples.every(({ ok }) => ok)) throw new Error("a call failed although all regions are well");
    return settledOf(samples);
  }

  async #outage({ modes, warm = 0, mixed }: Scenario, { create, primed }: Contender, calls: number): Promise<Measured> {
    await this.fleet.open();
    this.requests.reset();
    const client = create(this.fleet.origins);
    if (primed) {
      await this.fleet.become(["unavailable", "healthy", "healthy"]);
      await client.call(METHOD);
      await this.fleet.become(HEALTHY);
    }
    for (let i = 0; i < warm; i++) await client.call(METHOD);
    const told = client.told?.(METHOD) ?? 0;
    const attempts = this.requests.attempts(METHOD);
    const received = await this.fleet.received(METHOD);
    await this.fleet.become(modes);

    const samples = (await load(client, calls, mixed)).filter(({ method }) => method === METHOD);
    return {
      samples,
      attempts: this.requests.attempts(METHOD) - attempts,
      discoveries: this.requests.discoveries,
      received: (await this.fleet.received(METHOD)) - received,
      told: client.told === undefined ? undefined : client.told(METHOD) - told,
    };
  }
}

function settledOf(samples: readonly Sample[]): number[] {
  return samples.slice(FIRST_CALLS).map(({ ms }) => ms);
}

/** The one with the median ratio. */
function middle(paces: readonly Pace[]): Pace {
  const sorted = [...paces].sort((a, b) => a.inOutage / a.healthy - b.inOutage / b.healthy);
  return sorted[Math.floor(sorted.length / 2)] as Pace;
}

/** Regions that are healthy until the test sets another reply, and ways to look at their health. */
import type { FailoverOptions, RegionStatus } from "../../../src/failover.js";
import type { Region } from "../../../src/regions/region.js";
import {
  drive,
  ok,
  type Reply,
  type Settled,
  type Simulation,
  type SimulationOptions,
  simulate,
} from "./simulation.js";

export const idempotent = { idempotent: true };
export const mutation = { policy: { idempotent: false } };

export interface Switchboard extends Simulation {
  /** Sets the region's reply from now on. */
  set(id: string, reply: Reply): void;
  /** How many requests a region got. */
  requestsTo(id: string): number;
  status(id: string): RegionStatus;
  /** Runs calls one after another. */
  runAll(count: number, init?: Parameters<Simulation["run"]>[0]): Promise<Settled<string>[]>;
  /** Starts all calls at once and runs them to their end. */
  runTogether(count: number, init?: Parameters<Simulation["run"]>[0]): Promise<PromiseSettledResult<string>[]>;
}

type Options = Partial<FailoverOptions> & Omit<SimulationOptions, "replies">;

/** All methods are idempotent by default. */
export function switchboard(replies: Readonly<Record<string, Reply>> = {}, options: Options = {}): Switchboard {
  const answers = new Map(Object.entries(replies));
  const replyTo = (_: number, { id }: Region) => answers.get(id) ?? ok();
  const sim = simulate({ replies: replyTo, policy: idempotent, ...options });
  return {
    ...sim,
    set: (id, reply) => answers.set(id, reply),
    requestsTo: (id) => sim.asked().filter((asked) => asked === id).length,
    status: (id) => {
      const status = sim.failover.regions().find((region) => region.id === id);
      if (status === undefined) throw new Error(`there is no region ${id}`);
      return status;
    },
    async runAll(count, init) {
      const settled: Settled<string>[] = [];
      for (let i = 0; i < count; i++) settled.push(await sim.run(init));
      return settled;
    },
    async runTogether(count, init) {
      const all = await drive(Promise.allSettled(Array.from({ length: count }, () => sim.start(init))));
      if (!all.ok) throw all.error;
      return all.value;
    },
  };
}

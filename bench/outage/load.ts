/** Calls from several callers at once. Each waits for its call to end before it makes the next. */
import type { Client, Method } from "./client.js";
import { seededRandom } from "./random.js";

export const CALLERS = 8;

export interface Sample {
  readonly method: Method;
  readonly ok: boolean;
  readonly ms: number;
}

export interface Work {
  readonly method: Method;
  readonly calls: number;
  /** Replaces half of the calls. */
  readonly mixedWith?: Method | undefined;
  /** Go on for this time, with any number of calls. */
  readonly forMs?: number | undefined;
}

/** The calls in the order in which they started. */
export async function load(client: Client, { method: usual, calls, mixedWith, forMs }: Work): Promise<Sample[]> {
  const random = seededRandom(7);
  const samples: Sample[] = [];
  const endsAt = performance.now() + (forMs ?? 0);
  let begun = 0;
  const caller = async () => {
    while (forMs === undefined ? begun < calls : performance.now() < endsAt) {
      const i = begun++;
      const method = mixedWith !== undefined && random() < 0.5 ? mixedWith : usual;
      const startedAt = performance.now();
      const ok = await client.call(method).then(
        () => true,
        () => false,
      );
      samples[i] = { method, ok, ms: performance.now() - startedAt };
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  return samples;
}

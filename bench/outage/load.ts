/** Calls from several callers at once, each of which waits for its call to end before it makes the next. */
import type { Client, Method } from "./client.js";
import { seededRandom } from "./random.js";

export const CALLERS = 8;

export interface Sample {
  readonly method: Method;
  readonly ok: boolean;
  readonly ms: number;
}

/** The calls in the order in which they began. */
export async function load(client: Client, calls: number, mixed = false): Promise<Sample[]> {
  const random = seededRandom(7);
  const samples: Sample[] = [];
  let begun = 0;
  const caller = async () => {
    while (begun < calls) {
      const i = begun++;
      const method = mixed && random() < 0.5 ? "ListRooms" : "GetRoom";
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

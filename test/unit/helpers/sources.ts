/** Sources of region lists that a test controls. */

import type { RegionList } from "../../../src/regions/region.js";
import type { LoadedRegions, RegionSource } from "../../../src/regions/source.js";
import { regionNamed } from "./simulation.js";

export const listOf = (...ids: [string, ...string[]]) => ids.map(regionNamed) as unknown as RegionList;

export interface ControlledSource extends RegionSource {
  /** The signals of the requests so far. */
  readonly requests: readonly AbortSignal[];
  /** Answers the latest request. */
  answer(regions: RegionList, ttlMs?: number): void;
  fail(error: unknown): void;
}

/** A source that answers when the test says so. Until then it knows one region, `a`. */
export function controlledSource(key = "a source"): ControlledSource {
  const requests: AbortSignal[] = [];
  let resolve = (_: LoadedRegions) => {};
  let reject = (_: unknown) => {};
  return {
    key,
    known: listOf("a"),
    requests,
    load({ signal }) {
      requests.push(signal);
      return new Promise((onAnswer, onError) => {
        resolve = onAnswer;
        reject = onError;
      });
    },
    answer: (regions, ttlMs = 60_000) => resolve({ regions, ttlMs }),
    fail: (error) => reject(error),
  };
}

/** A source that answers at once, each time with the next answer. The last one repeats. */
export function promptSource(...answers: readonly [LoadedRegions | Error, ...(LoadedRegions | Error)[]]) {
  let asked = 0;
  return {
    key: "a prompt source",
    known: listOf("a"),
    get asked() {
      return asked;
    },
    async load(): Promise<LoadedRegions> {
      const answer = answers[Math.min(asked, answers.length - 1)] as LoadedRegions | Error;
      asked++;
      if (answer instanceof Error) throw answer;
      return answer;
    },
  };
}

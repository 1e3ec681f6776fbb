/** What the servers executed, read from the records that they wrote. */
import { existsSync, readFileSync } from "node:fs";
import type { CallRecord } from "./traffic.js";

export class Ledger {
  readonly #runs = new Map<string, number>();

  constructor(recordPaths: readonly string[]) {
    for (const path of recordPaths) {
      if (!existsSync(path)) continue;
      for (const requestId of readFileSync(path, "utf8").split("\n")) {
        if (requestId !== "") this.#runs.set(requestId, this.runs(requestId) + 1);
      }
    }
  }

  /** How often, in all regions together. */
  runs(requestId: string): number {
    return this.#runs.get(requestId) ?? 0;
  }

  ranMoreThanOnce({ requestId }: CallRecord): boolean {
    return this.runs(requestId) > 1;
  }

  /** The caller was told that it was done, and it was not. */
  falselyAcknowledged({ requestId, error }: CallRecord): boolean {
    return error === undefined && this.runs(requestId) === 0;
  }

  /** The caller was told that it failed, and it was done. */
  failedButRan({ requestId, error }: CallRecord): boolean {
    return error !== undefined && this.runs(requestId) > 0;
  }
}

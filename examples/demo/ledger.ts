/** What the servers executed, read from their records. */
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

  /** The number of executions in all regions. */
  runs(requestId: string): number {
    return this.#runs.get(requestId) ?? 0;
  }

  ranMoreThanOnce({ requestId }: CallRecord): boolean {
    return this.runs(requestId) > 1;
  }

  /** Whether the caller got a success although it had not run. */
  falselyAcknowledged({ requestId, error }: CallRecord): boolean {
    return error === undefined && this.runs(requestId) === 0;
  }

  /** Whether the caller got an error although it had run. */
  failedButRan({ requestId, error }: CallRecord): boolean {
    return error !== undefined && this.runs(requestId) > 0;
  }
}

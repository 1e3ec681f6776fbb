/** The events of a run, recorded for its picture. */
import { describe, type Failover } from "twirp-failover";
import type { Stopwatch } from "../stopwatch.js";

export interface EndedCall {
  readonly endedMs: number;
  /** The region of its last attempt. */
  readonly region: string | undefined;
  readonly ok: boolean;
}

export class Recording {
  readonly calls: EndedCall[] = [];
  /** The text that the demo prints. */
  firstFailover = "";

  constructor(failover: Failover, stopwatch: Stopwatch) {
    failover.on("call", ({ region, ok }) => this.calls.push({ endedMs: stopwatch.ms(), region, ok }));
    failover.on("failover", (event) => {
      this.firstFailover ||= describe(event);
    });
  }
}

/** Prints events with their times. A frequent event is printed a few times and then only counted. */
import { describe, type FailoverEvent } from "twirp-failover";
import type { Stopwatch } from "./stopwatch.js";
import type { Terminal } from "./terminal.js";

/** How many events of a pattern are printed before the rest are counted. */
const IN_FULL = 3;
const INDENT = 10;

interface Pattern {
  printed: number;
  folded: number;
}

export class EventLog {
  readonly #patterns = new Map<string, Pattern>();
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly terminal: Terminal,
    private readonly stopwatch: Stopwatch,
  ) {}

  /** Prints the counts once a second. */
  start(): void {
    this.#timer = setInterval(() => this.#tellFolded(), 1_000);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#tellFolded();
  }

  /** Starts a new phase of the demo, in which known events are printed again. */
  marker(text: string): void {
    this.#tellFolded();
    this.#patterns.clear();
    const line = `── ${seconds(this.stopwatch.ms(), 1)}  ${text} `;
    this.terminal.line();
    this.terminal.line(line.padEnd(this.terminal.width, "─"), "bold");
  }

  event(event: FailoverEvent): void {
    this.happened(describe(event));
  }

  /** @param text begins with a method's name. Neither that name nor a duration makes it a different pattern. */
  happened(text: string): void {
    const key = text.replace(/^[\w.]+(\/\w+)? /, "").replace(/(, )?\b\d+ ms/g, "");
    let pattern = this.#patterns.get(key);
    if (pattern === undefined) {
      pattern = { printed: 0, folded: 0 };
      this.#patterns.set(key, pattern);
    }
    if (pattern.printed < IN_FULL) {
      pattern.printed++;
      this.#print(text);
    } else pattern.folded++;
  }

  #tellFolded(): void {
    for (const [key, pattern] of this.#patterns) {
      if (pattern.folded > 0) this.#print(`… and ${pattern.folded} more: ${key}`, "dim");
      pattern.folded = 0;
    }
  }

  #print(text: string, style?: "dim"): void {
    this.terminal.line(`${seconds(this.stopwatch.ms(), 2).padStart(8)}  ${text}`, style, INDENT);
  }
}

export function seconds(ms: number, digits: number): string {
  return `${(ms / 1000).toFixed(digits)} s`;
}

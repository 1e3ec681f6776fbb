/** Prints what happens, with its time; what happens all the time is printed a few times and then counted. */
import { describe, type FailoverEvent } from "twirp-failover";
import type { Stopwatch } from "./stopwatch.js";
import type { Terminal } from "./terminal.js";

/** How many of a pattern are printed before the rest is counted. */
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

  /** What was counted is told once a second. */
  start(): void {
    this.#timer = setInterval(() => this.#tellFolded(), 1_000);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#tellFolded();
  }

  /** A new phase of the demo: what was familiar in the last one is news again. */
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

  /** @param text begins with a method's name, which does not make it another pattern; nor does a duration. */
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

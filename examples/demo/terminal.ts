/** Standard output: permanent lines and, only on a terminal, one line below them that is rewritten in place. */
import { styleText } from "node:util";

export type Style = Parameters<typeof styleText>[0];

/** Longer lines are hard to read, even on a wide terminal. */
const MAX_WIDTH = 96;
const REDRAW_MS = 100;

export class Terminal {
  readonly #isLive = process.stdout.isTTY === true;
  readonly #hasColors = this.#isLive && !process.env.NO_COLOR;
  #progress: (() => string) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #drawn = 0;

  /** @param indent the indentation of further rows if the line must be broken. */
  line(text = "", style?: Style, indent = 0): void {
    this.#erase();
    for (const row of this.#isLive ? wrap(text, process.stdout.columns || 80, indent) : [text]) {
      process.stdout.write(`${this.#paint(row, style)}\n`);
    }
    this.#draw();
  }

  /** The width of paragraphs and rules. */
  get width(): number {
    return Math.min(process.stdout.columns || MAX_WIDTH, MAX_WIDTH);
  }

  /** Prints a paragraph in lines of a readable length. */
  prose(text: string, style?: Style): void {
    for (const row of wrap(text, this.width, 0)) this.line(row, style);
  }

  showProgress(progress: () => string): void {
    if (!this.#isLive) return;
    this.#progress = progress;
    this.#timer = setInterval(() => {
      this.#erase();
      this.#draw();
    }, REDRAW_MS);
  }

  hideProgress(): void {
    clearInterval(this.#timer);
    this.#progress = undefined;
    this.#erase();
  }

  #paint(text: string, style?: Style): string {
    return this.#hasColors && style !== undefined ? styleText(style, text) : text;
  }

  #draw(): void {
    if (this.#progress === undefined) return;
    // A row that fills its line would wrap, and then `\r` would not return to its start.
    const row = this.#progress().slice(0, (process.stdout.columns || 80) - 1);
    process.stdout.write(`\r${this.#paint(row, "dim")}`);
    this.#drawn = row.length;
  }

  #erase(): void {
    if (this.#drawn > 0) process.stdout.write(`\r${" ".repeat(this.#drawn)}\r`);
    this.#drawn = 0;
  }
}

/** `text` in rows of at most `width`, broken at spaces. */
export function wrap(text: string, width: number, indent: number): string[] {
  const rows: string[] = [];
  let rest = text;
  while (rest.length > width) {
    const space = rest.lastIndexOf(" ", width);
    if (space <= indent) break;
    rows.push(rest.slice(0, space));
    rest = " ".repeat(indent) + rest.slice(space + 1);
  }
  return [...rows, rest];
}

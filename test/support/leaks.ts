/**
 * What a settled call must not leave behind: our timers, listeners on the caller's signal, and unhandled rejections.
 *
 * Timers are counted where they are set, in the global `setTimeout`, and the stack frame above shows the caller. This is
 * because `process.getActiveResourcesInfo()` does not distinguish our timers from those of fetch's connection pool.
 */
import { getEventListeners } from "node:events";
import { setImmediate as turn } from "node:timers/promises";
import { expect } from "vitest";

const OURS = /\/src\/|\/node_modules\/p-retry\//;

type Timer = ReturnType<typeof setTimeout>;

export class Leaks {
  readonly #timers = new Map<Timer, string>();
  readonly #signals = new Set<AbortSignal>();
  readonly #unhandled: unknown[] = [];
  readonly #warnings: string[] = [];
  readonly #real = { setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout };

  readonly #onUnhandled = (error: unknown) => void this.#unhandled.push(error);
  readonly #onWarning = ({ name, message }: Error) => void this.#warnings.push(`${name}: ${message}`);

  start(): void {
    const { setTimeout, clearTimeout } = this.#real;
    const counting = (callback: (...args: unknown[]) => void, delayMs?: number, ...args: unknown[]): Timer => {
      const timer: Timer = setTimeout(() => {
        this.#timers.delete(timer);
        callback(...args);
      }, delayMs);
      const caller = new Error().stack?.split("\n")[2] ?? "";
      if (OURS.test(caller)) this.#timers.set(timer, `${caller.trim()}, ${delayMs} ms`);
      return timer;
    };
    globalThis.setTimeout = Object.assign(counting, setTimeout) as unknown as typeof setTimeout;
    globalThis.clearTimeout = (timer) => {
      this.#timers.delete(timer as Timer);
      clearTimeout(timer);
    };
    process.on("unhandledRejection", this.#onUnhandled);
    process.on("uncaughtException", this.#onUnhandled);
    process.on("warning", this.#onWarning);
  }

  /** Counts the listeners on a signal, and returns the signal. */
  watch(signal: AbortSignal): AbortSignal {
    this.#signals.add(signal);
    return signal;
  }

  /** The number of our timers that are running. */
  get timers(): number {
    return this.#timers.size;
  }

  get warnings(): readonly string[] {
    return this.#warnings;
  }

  stop(): void {
    Object.assign(globalThis, this.#real);
    process.off("unhandledRejection", this.#onUnhandled);
    process.off("uncaughtException", this.#onUnhandled);
    process.off("warning", this.#onWarning);
  }

  /** Call it when every call of the test has settled. */
  async expectNone(): Promise<void> {
    // Node reports unhandled rejections and warnings after the current turn of the event loop.
    await turn();
    const listeners = [...this.#signals].flatMap((signal) => getEventListeners(signal, "abort"));
    expect({
      timers: [...this.#timers.values()],
      listeners: listeners.length,
      unhandled: this.#unhandled,
      warnings: this.#warnings,
    }).toEqual({ timers: [], listeners: 0, unhandled: [], warnings: [] });
  }
}

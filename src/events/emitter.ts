import type { Clock } from "../support/clock.js";
import { didYouMean, InvalidOptionError, messageOf } from "../support/errors.js";
import type { FailoverEvent, FailoverEventOf, FailoverEventType } from "./events.js";

type Listener = (event: never) => unknown;

/** The listeners. A call never waits for one, and one that throws harms nothing but itself. */
export class Emitter {
  readonly #listeners: { readonly [T in FailoverEventType]: Set<Listener> } = {
    attempt: new Set(),
    failover: new Set(),
    retry: new Set(),
    replay_refused: new Set(),
    call: new Set(),
    region_ejected: new Set(),
    region_probe: new Set(),
    region_readmitted: new Set(),
    regions_changed: new Set(),
    discovery_failed: new Set(),
    warning: new Set(),
  };

  constructor(private readonly clock: Clock) {}

  /** @throws InvalidOptionError if there is no such event. */
  on<T extends FailoverEventType>(type: T, listener: (event: FailoverEventOf<T>) => void): () => void {
    if (!Object.hasOwn(this.#listeners, type)) {
      const known = Object.keys(this.#listeners);
      throw new InvalidOptionError("the event type", `one of ${known.join(", ")}`, type, didYouMean(type, known));
    }
    if (typeof listener !== "function") throw new InvalidOptionError("the listener", "a function", listener);
    // A wrapper of its own, so that a function registered twice is called twice, and removed one at a time.
    const own: Listener = (event) => listener(event);
    this.#listeners[type].add(own);
    return () => void this.#listeners[type].delete(own);
  }

  /** Does anyone listen? Events of the healthy path are not even built when nobody does. */
  wants(type: FailoverEventType): boolean {
    return this.#listeners[type].size > 0;
  }

  emit(event: FailoverEvent): void {
    const report = (error: unknown) => {
      // Not about a listener of warnings: it would only be told to itself.
      if (event.type !== "warning") this.warn(`a listener of "${event.type}" threw: ${messageOf(error)}`);
    };
    for (const listener of [...this.#listeners[event.type]]) {
      try {
        const returned = listener(event as never);
        // An async one is not waited for, but its rejection must not end the process.
        if (returned instanceof Promise) returned.catch(report);
      } catch (error) {
        report(error);
      }
    }
  }

  warn(message: string): void {
    this.emit({ type: "warning", at: this.clock.date(), message });
  }

  clear(): void {
    for (const listeners of Object.values(this.#listeners)) listeners.clear();
  }
}

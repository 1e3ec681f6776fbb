import type { Clock } from "../support/clock.js";
import { didYouMean, InvalidOptionError, messageOf, mustBe, show } from "../support/errors.js";
import type { FailoverEvent, FailoverEventOf, FailoverEventType } from "./events.js";

type Listener = (event: never) => unknown;

/** The listeners. A call never waits for one, and one that throws harms nothing but itself. */
export class Emitter {
  readonly #listeners: { readonly [T in FailoverEventType | "*"]: Set<Listener> } = {
    "*": new Set(),
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

  readonly #warned = new Set<string>();

  constructor(private readonly clock: Clock) {}

  /** @throws InvalidOptionError if there is no such event. */
  on<T extends FailoverEventType | "*">(type: T, listener: (event: FailoverEventOf<T>) => void): () => void {
    if (!Object.hasOwn(this.#listeners, type)) {
      const known = Object.keys(this.#listeners);
      const hint = didYouMean(String(type), known) || `; there are ${known.join(", ")}`;
      throw new InvalidOptionError("the event type", type, `there is no event ${show(type)}${hint}`);
    }
    if (typeof listener !== "function") throw mustBe("the listener", "a function", listener);
    // A wrapper for each, so that a function that is registered twice is called twice, and removed once at a time.
    const own: Listener = (event) => listener(event);
    this.#listeners[type].add(own);
    return () => void this.#listeners[type].delete(own);
  }

  /** Whether anyone listens. Events of the healthy path are not even built if nobody does. */
  wants(type: FailoverEventType): boolean {
    return this.#listeners[type].size > 0 || this.#listeners["*"].size > 0;
  }

  /** An event is the same for all listeners, so it is frozen; one that writes to it throws, and only it is harmed. */
  emit(event: FailoverEvent): void {
    if (!this.wants(event.type)) return;
    Object.freeze(event);
    if (event.type === "regions_changed") Object.freeze(event.regions);
    for (const listener of [...this.#listeners[event.type], ...this.#listeners["*"]]) this.#call(listener, event);
  }

  warn(message: string): void {
    this.emit({ type: "warning", at: this.clock.date(), message });
  }

  /** Warns of what does not change from call to call: once, as soon as somebody listens. */
  warnOnce(message: string): void {
    if (this.#warned.has(message) || !this.wants("warning")) return;
    this.#warned.add(message);
    this.warn(message);
  }

  clear(): void {
    for (const listeners of Object.values(this.#listeners)) listeners.clear();
  }

  #call(listener: Listener, event: FailoverEvent): void {
    const report = (error: unknown) => {
      // No warning about a listener of warnings, which would only hear of itself again.
      if (event.type !== "warning") this.warn(`a listener of "${event.type}" threw: ${messageOf(error)}`);
    };
    try {
      const returned = listener(event as never);
      // An async listener is not waited for, but its rejection must not end the process. Its promise may be another realm's,
      // or any thenable. Resolving with it reads and calls its `then` with care, once, and later.
      if (isObject(returned)) new Promise((resolve) => resolve(returned)).catch(report);
    } catch (error) {
      report(error);
    }
  }
}

function isObject(value: unknown): boolean {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}

/** The regions as one `Failover` sees them: what its source said last, or what is known without asking. */

import type { Emitter } from "../events/emitter.js";
import type { Clock } from "../support/clock.js";
import { messageWithCause } from "../support/platform-cause.js";
import type { RegionCache } from "./cache.js";
import type { Region } from "./region.js";
import type { RegionSource } from "./source.js";

export interface RegionDirectory {
  /** The regions to choose from now, home first. Empty only before a source that knows no home has answered. No I/O. */
  current(): readonly Region[];
  /** Has the source answered, now or in an earlier process? */
  isKnown(): boolean;
  /** Could `learn` bring regions that `current` does not have? */
  isStale(): boolean;
  /** Asks in the background if it is time to. Called at the start of each call, so that a list in use stays current. */
  warm(): void;
  /** Asks, and resolves once that brought enough, or all that there is to come. Never rejects. */
  learn(isEnough: () => boolean): Promise<void>;
  /** A server said that the list is wrong. */
  doubt(): void;
}

/** A list that never changes. */
export function fixedDirectory(regions: readonly Region[]): RegionDirectory {
  return {
    current: () => regions,
    isKnown: () => true,
    isStale: () => false,
    warm() {},
    learn: async () => {},
    doubt() {},
  };
}

export class DiscoveredDirectory implements RegionDirectory {
  #last: readonly Region[];
  #reloading: Promise<void> | undefined;

  constructor(
    private readonly source: RegionSource,
    private readonly cache: RegionCache,
    private readonly events: Emitter,
    private readonly clock: Clock,
    private readonly onChange: (regions: readonly Region[]) => void,
  ) {
    this.#last = source.known;
  }

  /** Another `Failover` on the same cache may have fetched the list, so a change is noticed where it is read. */
  current(): readonly Region[] {
    const regions = this.cache.get(this.source) ?? this.source.known;
    if (regions !== this.#last) this.#replace(regions);
    return regions;
  }

  isKnown(): boolean {
    return this.cache.get(this.source) !== undefined;
  }

  isStale(): boolean {
    return this.cache.isStale(this.source);
  }

  warm(): void {
    if (this.#reloading === undefined && this.isStale()) void this.#reload();
  }

  async learn(isEnough: () => boolean): Promise<void> {
    const reloaded = this.isStale() ? this.#reload() : undefined;
    await this.cache.restored(this.source, this.#warn);
    if (!isEnough()) await reloaded;
  }

  doubt(): void {
    this.cache.doubt(this.source);
  }

  readonly #warn = (message: string) => this.events.warn(message);

  /** Once for all calls that want it at the same time; one failure is told once. */
  #reload(): Promise<void> {
    this.#reloading ??= this.cache
      .load(this.source, this.#warn)
      .then(
        () => void this.current(),
        (error: unknown) => this.#failed(error),
      )
      .finally(() => {
        this.#reloading = undefined;
      });
    return this.#reloading;
  }

  #failed(error: unknown): void {
    const { key, name = key } = this.source;
    const reason = messageWithCause(error);
    this.events.emit({ type: "discovery_failed", at: this.clock.date(), source: name, reason });
  }

  #replace(regions: readonly Region[]): void {
    const same = (a: readonly Region[], b: readonly Region[]) =>
      a.length === b.length && a.every((region, i) => region.id === b[i]?.id && region.url === b[i]?.url);
    const changed = !same(regions, this.#last);
    this.#last = regions;
    if (!changed) return;
    this.onChange(regions);
    this.events.emit({ type: "regions_changed", at: this.clock.date(), regions: regions.map((region) => region.id) });
  }
}

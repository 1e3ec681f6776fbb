/** The regions as one `Failover` knows them: what its source said last, or what is known without asking. */
import type { Emitter } from "../events/emitter.js";
import type { Clock } from "../support/clock.js";
import { messageWithCause } from "../support/platform-cause.js";
import type { RegionCache } from "./cache.js";
import type { Region } from "./region.js";
import type { RegionSource } from "./source.js";

export interface RegionDirectory {
  /** The regions to choose from now, home first. Empty only if the source knows no home and has not answered. */
  current(): readonly Region[];
  /** Whether the source has answered, in this process or in an earlier one. */
  isKnown(): boolean;
  /** Whether a refresh could bring regions that `current` does not have. */
  isStale(): boolean;
  /**
   * Acts on a list that changed: reports it, and drops what was kept for regions that are gone. Called before a region is
   * picked and when a list was loaded, because another `Failover` with the same cache may have loaded it.
   */
  applyChanges(): void;
  /** Starts a refresh if one is due. Called when a call starts, so that a list in use stays current. */
  refreshInBackground(): void;
  /** Refreshes, and resolves as soon as `isEnough`, or when there is no more to come. Never rejects. */
  refreshUntil(isEnough: () => boolean): Promise<void>;
  /** A server said that the list is wrong. */
  invalidate(): void;
}

/** A list that never changes. */
export function fixedDirectory(regions: readonly Region[]): RegionDirectory {
  return {
    current: () => regions,
    isKnown: () => true,
    isStale: () => false,
    applyChanges() {},
    refreshInBackground() {},
    refreshUntil: async () => {},
    invalidate() {},
  };
}

export class DiscoveredDirectory implements RegionDirectory {
  #applied: readonly Region[];
  #refreshing: Promise<void> | undefined;

  constructor(
    private readonly source: RegionSource,
    /** What the source knows before it is asked, checked. */
    private readonly known: readonly Region[],
    private readonly cache: RegionCache,
    private readonly events: Emitter,
    private readonly clock: Clock,
    private readonly onChange: (regions: readonly Region[]) => void,
  ) {
    this.#applied = known;
  }

  current(): readonly Region[] {
    return this.cache.get(this.source) ?? this.known;
  }

  isKnown(): boolean {
    return this.cache.get(this.source) !== undefined;
  }

  isStale(): boolean {
    return this.cache.isStale(this.source);
  }

  applyChanges(): void {
    const regions = this.current();
    if (regions === this.#applied) return;
    const changed = !isSameList(regions, this.#applied);
    this.#applied = regions;
    if (!changed) return;
    this.onChange(regions);
    this.events.emit({ type: "regions_changed", at: this.clock.date(), regions: regions.map(({ id }) => id) });
  }

  refreshInBackground(): void {
    if (this.#refreshing === undefined && this.isStale()) void this.#refresh();
  }

  async refreshUntil(isEnough: () => boolean): Promise<void> {
    const refreshed = this.isStale() ? this.#refresh() : undefined;
    await this.cache.restored(this.source, this.#warn);
    this.applyChanges();
    if (!isEnough()) await refreshed;
  }

  invalidate(): void {
    this.cache.invalidate(this.source);
  }

  readonly #warn = (message: string) => this.events.warn(message);

  /** One refresh for all calls that want it at the same time, so that a failure is reported once. */
  #refresh(): Promise<void> {
    this.#refreshing ??= this.cache
      .load(this.source, this.#warn)
      .then(
        () => this.applyChanges(),
        (error: unknown) => this.#reportFailure(error),
      )
      .finally(() => {
        this.#refreshing = undefined;
      });
    return this.#refreshing;
  }

  #reportFailure(error: unknown): void {
    const { key, name = key } = this.source;
    const reason = messageWithCause(error);
    this.events.emit({ type: "discovery_failed", at: this.clock.date(), source: name, reason });
  }
}

function isSameList(a: readonly Region[], b: readonly Region[]): boolean {
  return a.length === b.length && a.every((region, i) => region.id === b[i]?.id && region.url === b[i]?.url);
}

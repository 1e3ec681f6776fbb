/** The regions as one `Failover` sees them: what its source said last, or what is known without asking. */
import type { Clock } from "./clock.js";
import { messageOf } from "./errors.js";
import type { Emitter } from "./events.js";
import type { RegionCache } from "./region-cache.js";
import type { RegionSource } from "./region-source.js";
import type { RegionList } from "./regions.js";

export interface RegionDirectory {
  /** The regions to choose from now. No I/O. */
  current(): RegionList;
  /** Could `reload` bring regions that `current` does not have? */
  isStale(): boolean;
  /** Asks the source, once for all who ask at the same time. Never rejects. */
  reload(): Promise<void>;
  /** Called at the start of each call: fetches the first list ahead of the failure that will need it. */
  warm(): void;
}

/** A list that never changes. */
export function fixedDirectory(regions: RegionList): RegionDirectory {
  return { current: () => regions, isStale: () => false, reload: async () => {}, warm() {} };
}

export class DiscoveredDirectory implements RegionDirectory {
  #last: RegionList;
  #warmed = false;

  constructor(
    private readonly source: RegionSource,
    private readonly cache: RegionCache,
    private readonly events: Emitter,
    private readonly clock: Clock,
    private readonly onChange: (regions: RegionList) => void,
  ) {
    this.#last = source.known;
  }

  /** Another `Failover` on the same cache may have fetched the list, so a change is noticed where it is read. */
  current(): RegionList {
    const regions = this.cache.get(this.source) ?? this.source.known;
    if (regions !== this.#last) this.#replace(regions);
    return regions;
  }

  isStale(): boolean {
    return this.cache.isStale(this.source);
  }

  warm(): void {
    if (this.#warmed) return;
    this.#warmed = true;
    if (this.isStale()) void this.reload();
  }

  async reload(): Promise<void> {
    try {
      await this.cache.load(this.source, (message) => this.events.warn(message));
      this.current();
    } catch (error) {
      this.events.emit({
        type: "discovery_failed",
        at: this.clock.date(),
        source: this.source.key,
        reason: messageOf(error),
      });
    }
  }

  #replace(regions: RegionList): void {
    const same = (a: RegionList, b: RegionList) =>
      a.length === b.length && a.every((region, i) => region.id === b[i]?.id && region.url === b[i]?.url);
    const changed = !same(regions, this.#last);
    this.#last = regions;
    if (!changed) return;
    this.onChange(regions);
    this.events.emit({ type: "regions_changed", at: this.clock.date(), regions: regions.map((region) => region.id) });
  }
}

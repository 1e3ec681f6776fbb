/**
 * The share of failures among a region's last outcomes. It is a ring of a fixed size with running counts, so adding an
 * outcome costs the same however many there are, and takes no memory.
 */
export class OutcomeWindow {
  readonly #failed: Uint8Array;
  readonly #at: Float64Array;
  /** The index of the oldest outcome. */
  #start = 0;
  #size = 0;
  #failures = 0;

  /**
   * @param calls how many outcomes are kept.
   * @param windowMs for how long each is kept, in milliseconds.
   */
  constructor(
    calls: number,
    private readonly windowMs: number,
  ) {
    this.#failed = new Uint8Array(calls);
    this.#at = new Float64Array(calls);
  }

  add(failed: boolean, now: number): void {
    this.#forgetBefore(now - this.windowMs);
    if (this.#size === this.#failed.length) this.#forgetOldest();
    const place = (this.#start + this.#size) % this.#failed.length;
    this.#failed[place] = failed ? 1 : 0;
    this.#at[place] = now;
    this.#size++;
    if (failed) this.#failures++;
  }

  /** How many outcomes are within the window. */
  count(now: number): number {
    this.#forgetBefore(now - this.windowMs);
    return this.#size;
  }

  /** From 0 to 1; 0 if there are no outcomes. */
  failureShare(now: number): number {
    const count = this.count(now);
    return count === 0 ? 0 : this.#failures / count;
  }

  clear(): void {
    this.#size = 0;
    this.#failures = 0;
  }

  /** Each outcome is forgotten once, so the cost per outcome is constant. */
  #forgetBefore(time: number): void {
    while (this.#size > 0 && (this.#at[this.#start] as number) < time) this.#forgetOldest();
  }

  #forgetOldest(): void {
    this.#failures -= this.#failed[this.#start] as number;
    this.#start = (this.#start + 1) % this.#failed.length;
    this.#size--;
  }
}

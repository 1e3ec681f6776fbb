/** The time since the traffic began; the one clock of the demo. */
export class Stopwatch {
  #startedAt = performance.now();

  restart(): void {
    this.#startedAt = performance.now();
  }

  ms(): number {
    return performance.now() - this.#startedAt;
  }
}

/** The time since the traffic began. It is the only clock of the demo. */
export class Stopwatch {
  #startedAt = performance.now();

  restart(): void {
    this.#startedAt = performance.now();
  }

  ms(): number {
    return performance.now() - this.#startedAt;
  }
}

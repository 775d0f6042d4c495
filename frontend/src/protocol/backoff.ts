/** Waits between attempts to connect: doubled each time up to a limit, with jitter. */
export class Backoff {
  #attempt = 0;

  constructor(
    private readonly first = 250, // ms
    private readonly limit = 5000, // ms; a person is waiting
    private readonly random: () => number = Math.random,
  ) {}

  /** The next wait in ms: between half and all of the doubled step. */
  next(): number {
    const step = Math.min(this.limit, this.first * 2 ** Math.min(this.#attempt++, 16));
    return step * (0.5 + this.random() / 2);
  }

  reset(): void {
    this.#attempt = 0;
  }
}

// How many requests to have on their way at once: enough to fill the line, not so many that they queue.

const LEAST = 4;
const MOST = 8;

/** Requests that may wait in a queue somewhere before one fewer is sent, and before one more is. */
const TOO_MANY = 3;
const FEW = 1;

/** How fast the shortest time is forgotten, per answer: the line may have become a longer one. */
const FORGET = 1.01;

export class Flow {
  #limit = LEAST;
  #shortest = Infinity;

  get limit(): number {
    return this.#limit;
  }

  /**
   * An answer took this long. Where it took as long as the fastest one, nothing was queued; where it
   * took twice as long, half of all requests on their way were waiting for others.
   *
   * @param among how many were on their way when it was asked for, itself included
   */
  answered(ms: number, among: number): void {
    this.#shortest = Math.max(1, Math.min(ms, this.#shortest * FORGET));
    const queued = among * (1 - this.#shortest / Math.max(1, ms));
    if (queued > TOO_MANY) this.#limit = Math.max(LEAST, this.#limit - 1);
    else if (queued < FEW) this.#limit = Math.min(MOST, this.#limit + 1);
  }
}

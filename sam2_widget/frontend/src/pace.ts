// When progress is told to those who only hear of it.

/** After at least this long (ms) and this part of the whole. */
const PAUSE = 5000;
const PART = 0.1;

export class Pace {
  #told = 0;
  #at: number | null = null;

  restart(): void {
    this.#told = 0;
    this.#at = null;
  }

  /** @param done part of the whole, 0 to 1 */
  isDue(done: number): boolean {
    const now = Date.now();
    this.#at ??= now;
    if (now - this.#at < PAUSE || done - this.#told < PART) return false;
    this.#told = done;
    this.#at = now;
    return true;
  }
}

// Asks for numbered things a few at a time: the wanted one first, latest wins, then those ahead.
import { Flow } from "./flow.ts";

/** Ahead of what is wanted no more are asked for at once, so that a wanted one need not queue. */
const AHEAD = 3;

export interface Source {
  /** Whether the thing with this index need not be asked for. */
  has(index: number): boolean;
  /** Asks and stores; never rejects. */
  fetch(index: number): Promise<void>;
}

export class Fetcher {
  #source: Source;
  #wanted: number | null = null;
  #ahead: readonly number[] = [];
  #inFlight = new Set<number>();
  #flow = new Flow();
  #tick = 0;
  #closed = false;

  constructor(source: Source) {
    this.#source = source;
  }

  /** Asks for this one at the next animation frame, unless another is wanted by then. */
  want(index: number): void {
    this.#wanted = index;
    this.#schedule();
  }

  /** What to ask for, in this order, when nothing is wanted; replaces the earlier list. */
  ahead(indices: readonly number[]): void {
    this.#ahead = indices;
    this.#schedule();
  }

  /** The indices that were asked for and are not yet answered. */
  get asking(): Iterable<number> {
    return this.#inFlight;
  }

  close(): void {
    this.#closed = true;
    cancelAnimationFrame(this.#tick);
  }

  #schedule(): void {
    if (this.#tick !== 0 || this.#closed) return;
    this.#tick = requestAnimationFrame(() => {
      this.#tick = 0;
      this.#pump();
    });
  }

  #pump(): void {
    const wanted = this.#wanted;
    if (wanted !== null && this.#inFlight.size < this.#flow.limit) {
      this.#wanted = null;
      if (this.#isMissing(wanted)) void this.#ask(wanted);
    }
    for (const index of this.#ahead) {
      if (this.#inFlight.size >= AHEAD) return;
      if (this.#isMissing(index)) void this.#ask(index);
    }
  }

  #isMissing(index: number): boolean {
    return !this.#source.has(index) && !this.#inFlight.has(index);
  }

  async #ask(index: number): Promise<void> {
    this.#inFlight.add(index);
    const [asked, among] = [performance.now(), this.#inFlight.size];
    await this.#source.fetch(index);
    this.#flow.answered(performance.now() - asked, among);
    this.#inFlight.delete(index);
    if (!this.#closed) this.#pump();
  }
}

// A cache with a budget: the least recently used values go first, and are disposed of.

export interface Budget<V> {
  /** Total cost and number of values that are kept. */
  cost: number;
  count: number;
  costOf(value: V): number;
  dispose?(value: V): void;
}

export class Lru<V> {
  /** This one stays, whatever the budget says: it is on screen. */
  keep: number | null = null;
  #values = new Map<number, V>();
  #cost = 0;
  #budget: Budget<V>;

  constructor(budget: Budget<V>) {
    this.#budget = budget;
  }

  get size(): number {
    return this.#values.size;
  }

  get cost(): number {
    return this.#cost;
  }

  peek(key: number): V | undefined {
    return this.#values.get(key);
  }

  get(key: number): V | undefined {
    const value = this.#values.get(key);
    if (value === undefined) return undefined;
    this.#values.delete(key);
    this.#values.set(key, value);
    return value;
  }

  set(key: number, value: V): void {
    this.#remove(key);
    this.#values.set(key, value);
    this.#cost += this.#budget.costOf(value);
    this.#trim(key);
  }

  keys(): number[] {
    return [...this.#values.keys()];
  }

  clear(): void {
    for (const key of this.keys()) this.#remove(key);
  }

  #trim(newest: number): void {
    for (const key of this.keys()) {
      if (this.#cost <= this.#budget.cost && this.#values.size <= this.#budget.count) return;
      if (key !== this.keep && key !== newest) this.#remove(key);
    }
  }

  #remove(key: number): void {
    const value = this.#values.get(key);
    if (value === undefined) return;
    this.#values.delete(key);
    this.#cost -= this.#budget.costOf(value);
    this.#budget.dispose?.(value);
  }
}

// The images of frames: asked for as needed, decoded, kept within a budget, and which one to show.
import { type Signal, signal } from "@preact/signals-core";
import { Dropped } from "./connection.ts";
import { Fetcher } from "./fetcher.ts";
import { Lru } from "./lru.ts";
import type { Frame, NotReady } from "./messages.ts";

export interface Shown {
  index: number;
  image: ImageBitmap;
}

interface Kept {
  image: ImageBitmap;
  /** The width it was asked for; it may be less than that when the video is. */
  asked: number;
}

export interface FrameOptions {
  request(index: number, maxWidth: number): Promise<Frame | NotReady>;
  decode(jpeg: Uint8Array<ArrayBuffer>): Promise<ImageBitmap>;
  failed(error: unknown): void;
}

const BYTES = 256 * 1024 * 1024;
const COUNT = 1000;

/** Wishes that follow each other faster than this (ms) mean that the view is being moved; slower, that it rests. */
const REST = 150;

export class Frames {
  /** The newest wanted frame whose image is here: a frame that was wanted later is never undone. */
  readonly shown: Signal<Shown | null> = signal(null);
  #options: FrameOptions;
  #width = 0;
  #target: number | null = null;
  /** Number of the wish that is shown, and of each wish not yet fulfilled. */
  #wish = 0;
  #shownWish = 0;
  #wishes = new Map<number, number>();
  /** Not ready or never answered: asked again by `retry`. Failed: only when wanted anew. */
  #missing = new Set<number>();
  #failed = new Set<number>();
  #wantedAt = -Infinity;
  /** While the view moves faster than images come, they are asked for at half their width; all of it follows at rest. */
  #moving = false;
  #resting: ReturnType<typeof setTimeout> | undefined;
  #closed = false;
  #cache = new Lru<Kept>({
    cost: BYTES,
    count: COUNT,
    costOf: ({ image }) => image.width * image.height * 4,
    dispose: ({ image }) => image.close(),
  });
  #fetcher = new Fetcher({
    has: (index) => this.#isGood(index) || this.#missing.has(index) || this.#failed.has(index),
    fetch: (index) => this.#fetch(index),
  });

  constructor(options: FrameOptions) {
    this.#options = options;
  }

  has(index: number): boolean {
    return this.#cache.peek(index) !== undefined;
  }

  /** Shows this frame as soon as its image is here. */
  want(index: number): void {
    if (index !== this.#target) this.#noteMotion(index);
    this.#target = index;
    this.#failed.delete(index);
    this.#wishes.set(index, ++this.#wish);
    if (this.#cache.peek(index)) this.#show(index);
    if (this.#isGood(index) || this.#width === 0) return;
    this.#fetcher.ahead([]);
    this.#fetcher.want(index);
  }

  /**
   * What to fetch in advance, once the wanted frame is here. While it is not, the view is being moved
   * fast: what lies beside frames that it passes would only be in the way.
   */
  ahead(indices: readonly number[]): void {
    const here = this.#target !== null && this.has(this.#target);
    if (this.#width > 0 && here) this.#fetcher.ahead(indices.slice(0, this.#room));
  }

  /** Images are asked for at this width from now on; what is here is shown until a better one is. */
  setWidth(width: number): void {
    if (width === this.#width) return;
    this.#width = width;
    this.#wantTarget();
  }

  /** Asks again for what was not ready or got no answer. */
  retry(ready: number): void {
    for (const index of this.#missing) if (index < ready) this.#missing.delete(index);
    this.#wantTarget();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#resting);
    this.#fetcher.close();
    this.shown.value = null;
    this.#cache.keep = null;
    this.#cache.clear();
  }

  /** How many images of the present width may be fetched ahead: the cache must not drop them at once. */
  get #room(): number {
    const image = this.shown.peek()?.image;
    if (!image) return Infinity;
    const cost = this.#width ** 2 * (image.height / image.width) * 4;
    return Math.max(1, Math.floor(BYTES / 2 / cost));
  }

  #wantTarget(): void {
    const target = this.#target;
    if (target !== null && !this.#failed.has(target)) this.want(target);
  }

  #noteMotion(next: number): void {
    const now = performance.now();
    const isFast = now - this.#wantedAt < REST;
    this.#wantedAt = now;
    const isBehind = this.#target !== null && !this.has(this.#target);
    const isPoor = this.has(next) && (this.#cache.peek(next)?.asked ?? 0) < this.#width;
    if (!isFast || !(isBehind || isPoor)) return;
    this.#moving = true;
    clearTimeout(this.#resting);
    this.#resting = setTimeout(() => {
      this.#moving = false;
      this.#wantTarget();
    }, REST);
  }

  /** The width that is worth asking for; what is fetched ahead, as for playing, is always whole. */
  #widthFor(index: number): number {
    const passes = this.#moving && index === this.#target;
    return passes ? Math.ceil(this.#width / 2) : this.#width;
  }

  #isGood(index: number): boolean {
    return (this.#cache.peek(index)?.asked ?? -1) >= this.#widthFor(index);
  }

  #show(index: number): void {
    const kept = this.#cache.get(index);
    const wish = this.#wishes.get(index) ?? 0;
    if (!kept || wish < this.#shownWish) return;
    this.#shownWish = wish;
    for (const [other, number] of this.#wishes) if (number < wish) this.#wishes.delete(other);
    this.#cache.keep = index;
    this.shown.value = { index, image: kept.image };
  }

  async #fetch(index: number): Promise<void> {
    const asked = this.#widthFor(index);
    try {
      const answer = await this.#options.request(index, asked);
      if (answer.kind === "not_ready") {
        this.#missing.add(index);
        return;
      }
      const jpeg = answer.buffers[0];
      if (!jpeg) throw new Error(`Frame ${index} came without its image.`);
      this.#keep(index, { image: await this.#options.decode(jpeg), asked });
      // Meanwhile a larger one may have become the right one.
      if (index === this.#target && !this.#closed && !this.#isGood(index)) this.want(index);
    } catch (error) {
      if (this.#closed) return;
      if (error instanceof Dropped) this.#missing.add(index);
      else {
        this.#failed.add(index);
        this.#options.failed(error);
      }
    }
  }

  #keep(index: number, kept: Kept): void {
    const asked = this.#cache.peek(index)?.asked ?? -1;
    if (this.#closed || asked >= kept.asked) {
      kept.image.close();
      return;
    }
    this.#cache.set(index, kept);
    if (this.#wishes.has(index)) this.#show(index);
  }
}

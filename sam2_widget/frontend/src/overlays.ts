// The masks and points of frames: asked for as needed, kept within a budget, never older than known.
import { type Signal, signal } from "@preact/signals-core";
import { Dropped } from "./connection.ts";
import { Fetcher } from "./fetcher.ts";
import { Lru } from "./lru.ts";
import { decodeOverlay, type Layer, layerBytes } from "./mask.ts";
import type { Frame, NotReady, Overlay } from "./messages.ts";

export interface OverlayOptions {
  request(frame: number): Promise<Overlay>;
  failed(error: unknown): void;
}

interface Kept {
  layer: Layer;
  /** The revision up to which it is known to hold. */
  upTo: number;
}

const BYTES = 64 * 1024 * 1024;
const COUNT = 2000;

/** Frames whose overlay may differ: ranges [start, stop), or null for all. */
export type Changed = readonly (readonly [number, number])[] | null;

export class Overlays {
  /** Counts up whenever a layer is stored. */
  readonly version: Signal<number> = signal(0);
  #options: OverlayOptions;
  #current: number | null = null;
  #closed = false;
  #cache = new Lru<Kept>({
    cost: BYTES,
    count: COUNT,
    costOf: ({ layer }) => layerBytes(layer),
  });
  /** The revision from which on a layer is up to date: for all frames, and for some. */
  #oldest = 0;
  #needed = new Map<number, number>();
  #failed = new Set<number>();
  /** Frames whose overlay is on its way with their image. */
  #along = new Set<number>();
  #fetcher = new Fetcher({
    has: (frame) => this.isFresh(frame) || this.#failed.has(frame),
    fetch: (frame) => this.#fetch(frame),
  });

  constructor(options: OverlayOptions) {
    this.#options = options;
  }

  /** The newest layer known of a frame; it may be outdated, it is never another frame's. */
  get(frame: number): Layer | undefined {
    return this.#cache.get(frame)?.layer;
  }

  has(frame: number): boolean {
    return this.#cache.peek(frame) !== undefined;
  }

  isFresh(frame: number): boolean {
    const kept = this.#cache.peek(frame);
    return kept !== undefined && kept.upTo >= this.#needs(frame);
  }

  /** The frame on screen: its overlay is asked for now and whenever it becomes outdated. */
  want(frame: number): void {
    this.#current = frame;
    this.#cache.keep = frame;
    this.#failed.delete(frame);
    if (!this.isFresh(frame)) this.#fetcher.want(frame);
  }

  ahead(frames: readonly number[]): void {
    this.#fetcher.ahead(frames);
  }

  /** Has the overlay of a frame come along with its image, unless it is here. */
  async along<A extends Frame | NotReady>(
    frame: number,
    request: (overlay: boolean) => Promise<A>,
  ): Promise<A> {
    const asOf = this.#needs(frame);
    this.#along.add(frame);
    const answer = await request(!this.isFresh(frame)).finally(() => this.#along.delete(frame));
    if (answer.kind === "frame" && answer.overlay) {
      const [, ...buffers] = answer.buffers;
      const overlay: Overlay = { ...answer.overlay, kind: "overlay", buffers };
      await this.put(overlay, asOf).catch((error) => this.#fail(frame, error));
    }
    return answer;
  }

  /** Layers of these frames from before `revision` are outdated; they stay until replaced. */
  invalidate(changed: Changed, revision: number): void {
    this.#failed.clear();
    if (changed === null) {
      this.#oldest = revision;
      this.#needed.clear();
    } else {
      for (const frame of this.#affected(changed)) this.#needed.set(frame, revision);
    }
    if (this.#current !== null) this.want(this.#current);
  }

  /**
   * Decodes and stores an answer, unless a newer one is known already.
   *
   * @param asOf the revision known when it was asked for: the answer is not older than that
   */
  async put(overlay: Overlay, asOf = overlay.revision): Promise<void> {
    if (this.#isOld(overlay)) return;
    const layer = await decodeOverlay(overlay);
    if (this.#closed || this.#isOld(overlay)) return;
    this.#cache.set(layer.frame, { layer, upTo: Math.max(asOf, layer.revision) });
    this.version.value++;
  }

  close(): void {
    this.#closed = true;
    this.#fetcher.close();
    this.#cache.clear();
  }

  #needs(frame: number): number {
    return Math.max(this.#oldest, this.#needed.get(frame) ?? 0);
  }

  #isOld({ frame, revision }: Overlay): boolean {
    return revision < (this.#cache.peek(frame)?.layer.revision ?? 0);
  }

  /** Only frames that are here or on their way matter: all others are asked for when needed. */
  #affected(changed: readonly (readonly [number, number])[]): number[] {
    const known = new Set([...this.#cache.keys(), ...this.#fetcher.asking, ...this.#along]);
    return [...known].filter((frame) =>
      changed.some(([start, stop]) => start <= frame && frame < stop),
    );
  }

  async #fetch(frame: number): Promise<void> {
    const asOf = this.#needs(frame);
    try {
      await this.put(await this.#options.request(frame), asOf);
    } catch (error) {
      this.#fail(frame, error);
      return;
    }
    if (frame === this.#current) this.want(frame);
  }

  #fail(frame: number, error: unknown): void {
    if (this.#closed) return;
    // One that the kernel's end dropped too: the state that comes with a new kernel asks anew.
    this.#failed.add(frame);
    if (!(error instanceof Dropped)) this.#options.failed(error);
  }
}

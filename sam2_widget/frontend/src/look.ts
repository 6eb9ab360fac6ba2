// How a view looks and plays, which lasts: shared by all views and kept with the project.
import { batch, computed, type ReadonlySignal, type Signal, signal } from "@preact/signals-core";

/** Frames from the first to the last, both included. */
export type FrameSpan = readonly [number, number];

/** As the trait `look` has it; twin of `sam2_widget/look.py`. */
export interface LookTrait {
  /** How much of the fill of masks covers the picture, 0 to 1. */
  opacity: number;
  /** Masks are outlines without a fill. */
  outline: boolean;
  /** Height of the picture in CSS pixels; null fits it to the page. */
  height: number | null;
  /** In and out: what is looped and what Track offers; null is the whole video. */
  range: FrameSpan | null;
  /** 1 is the video's own speed. */
  speed: number;
  loop: boolean;
}

export const DEFAULT_LOOK: LookTrait = {
  opacity: 0.45,
  outline: false,
  height: null,
  range: null,
  speed: 1,
  loop: false,
};

export class Look {
  readonly opacity = signal(DEFAULT_LOOK.opacity);
  readonly outline = signal(DEFAULT_LOOK.outline);
  readonly height: Signal<number | null> = signal(DEFAULT_LOOK.height);
  readonly range: Signal<FrameSpan | null> = signal(DEFAULT_LOOK.range);
  readonly speed = signal(DEFAULT_LOOK.speed);
  readonly loop = signal(DEFAULT_LOOK.loop);

  readonly #all: ReadonlySignal<LookTrait> = computed(() => ({
    opacity: this.opacity.value,
    outline: this.outline.value,
    height: this.height.value,
    range: this.range.value,
    speed: this.speed.value,
    loop: this.loop.value,
  }));

  get value(): LookTrait {
    return this.#all.value;
  }

  set value(told: Partial<LookTrait>) {
    const look = { ...DEFAULT_LOOK, ...told };
    batch(() => {
      this.opacity.value = look.opacity;
      this.outline.value = look.outline;
      this.height.value = look.height;
      if (String(this.range.peek()) !== String(look.range)) this.range.value = look.range;
      this.speed.value = look.speed;
      this.loop.value = look.loop;
    });
  }

  peek(): LookTrait {
    return this.#all.peek();
  }
}

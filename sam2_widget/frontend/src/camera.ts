// What part of the video a view looks at: the signals of its zoom, and what moves it.
import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals-core";
import type { Box, Position, Size } from "./geometry.ts";
import {
  actualScale,
  panBy,
  pictureBox,
  reveal,
  type Stage,
  type Viewport,
  viewportOf,
  type Zoom,
  zoomTo,
} from "./viewport.ts";

/** Two steps double the size. */
export const STEP = Math.SQRT2;

export class Camera {
  /** Null until the canvas is laid out. */
  readonly stage: Signal<Stage | null> = signal(null);
  /** Null is all of the picture, whatever the size of the canvas. */
  readonly zoom: Signal<Zoom | null> = signal(null);
  /** Space is held: a drag moves the picture. */
  readonly hand = signal(false);
  /** It was moved while Space was held. */
  handUsed = false;
  /** Null until there is a video and a canvas. */
  readonly viewport: ReadonlySignal<Viewport | null>;
  /** Percent of 1:1. */
  readonly percent: ReadonlySignal<number | null>;
  /** Where the mouse is on the canvas, in CSS pixels; null when it is elsewhere. */
  pointer: Position | null = null;
  #video: ReadonlySignal<Size | null>;

  constructor(video: ReadonlySignal<Size | null>) {
    const width = computed(() => video.value?.width ?? 0);
    const height = computed(() => video.value?.height ?? 0);
    // What Python tells is told anew all the time; this is the same while its size is.
    this.#video = computed(() =>
      width.value * height.value > 0 ? { width: width.value, height: height.value } : null,
    );
    this.viewport = computed(() => {
      const [stage, size] = [this.stage.value, this.#video.value];
      return stage && size && viewportOf(this.zoom.value, stage, size);
    });
    this.percent = computed(() => {
      const [stage, viewport] = [this.stage.value, this.viewport.value];
      return stage && viewport && Math.round((100 * viewport.scale) / actualScale(stage));
    });
  }

  fit(): void {
    this.zoom.value = null;
  }

  /** One pixel of the video on one pixel of the display. */
  showActualSize(): void {
    const stage = this.stage.peek();
    if (stage) this.#zoomTo(actualScale(stage), this.pointer);
  }

  /** @param at what stays where it is, in CSS pixels on the canvas; else what is under the mouse, else the middle */
  zoomBy(factor: number, at: Position | null = this.pointer): void {
    const viewport = this.viewport.peek();
    if (viewport) this.#zoomTo(viewport.scale * factor, at);
  }

  panBy(by: Position): void {
    const [stage, video] = [this.stage.peek(), this.#video.peek()];
    if (stage && video) this.zoom.value = panBy(this.zoom.peek(), by, stage, video);
  }

  /** Moves the picture no further than it takes to bring a place of the video into sight. */
  reveal(at: Position): void {
    const [stage, video] = [this.stage.peek(), this.#video.peek()];
    if (!stage || !video) return;
    this.zoom.value = reveal(this.zoom.peek(), at, stage, video);
  }

  /** Where the whole picture is on the page. */
  box(canvas: HTMLCanvasElement): Box {
    const [viewport, video] = [this.viewport.peek(), this.#video.peek()];
    const box = canvas.getBoundingClientRect();
    return viewport && video ? pictureBox(viewport, box, video) : box;
  }

  #zoomTo(scale: number, at: Position | null): void {
    const [stage, video] = [this.stage.peek(), this.#video.peek()];
    if (!stage || !video) return;
    const fixed = at ?? { x: stage.width / 2, y: stage.height / 2 };
    this.zoom.value = zoomTo(this.zoom.peek(), scale, fixed, stage, video);
  }
}

// The canvas: paints the frame that is shown with its own masks and points, and turns clicks into points.
import { effect, type Signal, signal } from "@preact/signals-core";
import { h } from "./dom.ts";
import { draw, type Marker } from "./draw.ts";
import type { Frames } from "./frames.ts";
import { displayWidth, imageWidth, type Position, toVideo } from "./geometry.ts";
import type { Layer, Mask } from "./mask.ts";
import type { Overlays } from "./overlays.ts";
import { scopeKey, type ViewState } from "./state.ts";

/** What is on the canvas now. */
export interface Painted {
  frame: number;
  /** Revision of the layer that was drawn; null when there was none yet. */
  revision: number | null;
  masks: number;
  points: number;
}

export interface ViewerOptions {
  state: ViewState;
  frames: Frames;
  overlays: Overlays;
  /** A click on the frame that the user sees; `time` is when, by `performance.now`. */
  click(frame: number, at: Position, label: number, time: number): void;
  painted(painted: Painted): void;
}

/** Fingers that move further than this (CSS pixels) scroll the page. */
const TAP = 10;

export class Viewer {
  readonly canvas = h("canvas", {
    class: "s2w-canvas",
    width: 1,
    height: 1,
    role: "img",
    "aria-label": "Video frame with masks",
  });
  readonly note = h("div", { class: "s2w-stage-note" });
  readonly node = h("div", { class: "s2w-stage" }, this.canvas, this.note);
  #options: ViewerOptions;
  #context = this.canvas.getContext("2d", { alpha: false });
  #tick = 0;
  #size: Signal<{ width: number; ratio: number }> = signal({ width: 0, ratio: 1 });
  #stops: (() => void)[] = [];
  #touch: { x: number; y: number; time: number } | null = null;

  constructor(options: ViewerOptions, signal: AbortSignal) {
    this.#options = options;
    this.#listen(signal);
    this.#observeSize();
    this.#stops.push(
      effect(() => this.#layOut()),
      effect(() => this.#fitCanvas()),
      effect(() => this.#repaintOnChange()),
      effect(() => this.#explainEmptiness()),
    );
  }

  close(): void {
    cancelAnimationFrame(this.#tick);
    for (const stop of this.#stops) stop();
  }

  /** Paints at once what changed, instead of at the next animation frame. */
  flush(): void {
    cancelAnimationFrame(this.#tick);
    this.#tick = 0;
    this.#paint();
  }

  #listen(signal: AbortSignal): void {
    const { canvas } = this;
    canvas.addEventListener("pointerdown", (event) => this.#press(event), { signal });
    canvas.addEventListener("pointerup", (event) => this.#lift(event), { signal });
    canvas.addEventListener("pointercancel", () => this.#forgetTouch(), { signal });
  }

  #press(event: PointerEvent): void {
    const time = performance.now();
    if (event.pointerType === "touch") {
      this.#touch = { x: event.clientX, y: event.clientY, time };
    } else if (event.button === 2 || (event.button === 0 && event.ctrlKey)) {
      this.#click(event, 0, time);
    } else if (event.button === 0) {
      this.#click(event, event.shiftKey ? 0 : 1, time);
    }
  }

  /** A finger adds a point when it lifts: until then it may be scrolling. */
  #lift(event: PointerEvent): void {
    const touch = this.#touch;
    this.#forgetTouch();
    if (!touch || Math.hypot(event.clientX - touch.x, event.clientY - touch.y) > TAP) return;
    this.#click(event, event.shiftKey ? 0 : 1, performance.now());
  }

  #forgetTouch(): void {
    this.#touch = null;
  }

  #click(event: PointerEvent, label: number, time: number): void {
    const shown = this.#options.frames.shown.peek();
    const video = this.#options.state.shared.peek()?.video;
    if (!shown || !video) return;
    const at = toVideo(event.clientX, event.clientY, this.canvas.getBoundingClientRect(), video);
    if (at) this.#options.click(shown.index, at, label, time);
  }

  #observeSize(): void {
    const observer = new ResizeObserver(() => {
      const width = this.canvas.clientWidth;
      const ratio = window.devicePixelRatio || 1;
      const { width: oldWidth, ratio: oldRatio } = this.#size.peek();
      if (width > 0 && (width !== oldWidth || ratio !== oldRatio))
        this.#size.value = { width, ratio };
    });
    observer.observe(this.canvas);
    try {
      // Also tells when only the zoom of the page changes; not every browser can.
      observer.observe(this.canvas, { box: "device-pixel-content-box" });
    } catch {
      observer.observe(this.canvas);
    }
    this.#stops.push(() => observer.disconnect());
  }

  /** The stage has the video's shape from the start, so that nothing jumps when images arrive. */
  #layOut(): void {
    const video = this.#options.state.shared.value?.video;
    if (!video) return;
    this.node.style.setProperty("--s2w-aspect", String(video.width / video.height));
    this.node.style.setProperty("--s2w-max-width", `${displayWidth(video)}px`);
  }

  #fitCanvas(): void {
    const { width, ratio } = this.#size.value;
    const video = this.#options.state.shared.value?.video;
    if (width === 0 || !video) return;
    const pixels = Math.max(1, Math.round(width * ratio));
    const rows = Math.max(1, Math.round((pixels * video.height) / video.width));
    if (this.canvas.width !== pixels || this.canvas.height !== rows) {
      this.canvas.width = pixels;
      this.canvas.height = rows;
      this.#paint();
    }
    this.#options.frames.setWidth(imageWidth(width, ratio, video.width));
  }

  #repaintOnChange(): void {
    const { state, frames, overlays } = this.#options;
    frames.shown.value;
    overlays.version.value;
    state.pending.value;
    state.hidden.value;
    state.instance.value;
    state.region.value;
    if (this.#tick === 0) {
      this.#tick = requestAnimationFrame(() => {
        this.#tick = 0;
        this.#paint();
      });
    }
  }

  #explainEmptiness(): void {
    const { state, frames } = this.#options;
    const video = state.shared.value?.video;
    const shown = frames.shown.value;
    const target = state.frame.value;
    if (!video) this.note.textContent = "Waiting for the kernel…";
    else if (target >= video.ready) this.note.textContent = `Frame ${target} is being extracted…`;
    else this.note.textContent = "Loading the frame…";
    this.node.dataset.waiting = String(!video || shown?.index !== target);
    this.node.dataset.empty = String(!shown);
  }

  #paint(): void {
    const { state, frames, overlays } = this.#options;
    const shown = frames.shown.peek();
    const video = state.shared.peek()?.video;
    if (!shown || !video || !this.#context) return;
    const layer = overlays.get(shown.index);
    const masks = this.#visibleMasks(layer);
    const markers = this.#markers(shown.index, layer);
    const pixelRatio = this.#size.peek().ratio;
    draw(this.#context, { image: shown.image, video, masks, markers, pixelRatio });
    this.#options.painted({
      frame: shown.index,
      revision: layer?.revision ?? null,
      masks: masks.length,
      points: markers.length,
    });
  }

  #visibleMasks(layer: Layer | undefined): Mask[] {
    const hidden = this.#options.state.hidden.peek();
    return (layer?.masks ?? []).filter(
      (mask) => mask.loops.length > 0 && !hidden.has(scopeKey(mask)),
    );
  }

  #markers(frame: number, layer: Layer | undefined): Marker[] {
    const { state } = this.#options;
    const hidden = state.hidden.peek();
    const current = scopeKey({ instance: state.instance.peek(), region: state.region.peek() });
    const answered = (layer?.points ?? []).map((point) => ({ ...point, pending: false }));
    const pending = state.pending.peek().filter((point) => point.frame === frame);
    return [...answered, ...pending.map((point) => ({ ...point, pending: true }))]
      .filter((point) => !hidden.has(scopeKey(point)))
      .map((point) => ({ ...point, current: scopeKey(point) === current }));
  }
}

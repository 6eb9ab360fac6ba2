// The canvas: paints the frame that is shown with its own masks, boxes and points.
import { computed, effect } from "@preact/signals-core";
import type { AnnouncerOptions } from "./announcer.ts";
import { Brush, type BrushOptions } from "./brush.ts";
import { createBrushCursor } from "./brushcursor.ts";
import { Crosshair } from "./crosshair.ts";
import { createCrosshairNote } from "./crosshairnote.ts";
import { pictureText } from "./describe.ts";
import { h } from "./dom.ts";
import { draw } from "./draw.ts";
import type { Frames } from "./frames.ts";
import { displayWidth, imageWidth, type Position, zoomedWidth } from "./geometry.ts";
import { type KeypointActs, Keypointer } from "./keypointer.ts";
import type { KeypointView } from "./keypoints.ts";
import { keypointSceneOf } from "./keypointscene.ts";
import type { Overlays } from "./overlays.ts";
import { PanZoom } from "./panzoom.ts";
import { Pointer, type PointerActs, type Seen } from "./pointer.ts";
import { graspable, sceneOf } from "./scene.ts";
import type { ViewState } from "./state.ts";
import { fitScale, type Viewport } from "./viewport.ts";

/** What is on the canvas now. */
export interface Painted {
  frame: number;
  /** Revision of the layer that was drawn; null when there was none yet. */
  revision: number | null;
  masks: number;
  edited: number;
  /** Strokes that are not answered yet. */
  strokes: number;
  points: number;
  boxes: number;
  selected: number | null;
  keypoints: number;
  /** Name of the keypoint that is selected. */
  keypoint: string | null;
  viewport: Viewport;
  /** Width of the image: that of the video when it has all pixels. */
  imageWidth: number;
  crosshair: Position | null;
}

export interface ViewerOptions {
  state: ViewState;
  frames: Frames;
  overlays: Overlays;
  acts: PointerActs & BrushOptions["acts"];
  keypoints: { view: KeypointView; acts: KeypointActs };
  painted(painted: Painted): void;
}

/** The widest images of a video that plays, unless all of it is shown larger. */
const SMOOTH = 1280;

export class Viewer {
  readonly canvas = h("canvas", {
    class: "s2w-canvas",
    width: 1,
    height: 1,
    role: "img",
    "aria-label": "Picture: no frame yet",
  });
  readonly note = h("div", { class: "s2w-stage-note" });
  readonly node = h("div", { class: "s2w-stage" }, this.canvas, this.note);
  readonly crosshair: Crosshair;
  /** What is seen, for those who tell of it. */
  readonly spoken: Pick<AnnouncerOptions, "frame" | "layer" | "crosshair">;
  #options: ViewerOptions;
  #context = this.canvas.getContext("2d");
  #tick = 0;
  #stops: (() => void)[] = [];
  #pointer: Pointer;
  #brush: Brush;
  #keypointer: Keypointer;

  constructor(options: ViewerOptions, signal: AbortSignal) {
    this.#options = options;
    const { state, acts } = options;
    const { canvas } = this;
    const frame = computed(() => options.frames.shown.value?.index ?? null);
    const video = computed(() => state.shared.value?.video ?? null);
    const seen = (): Seen | null => this.#seen();
    this.#pointer = new Pointer({ canvas, state, acts, frame, seen }, signal);
    this.#brush = new Brush({ canvas, state, acts, frame }, signal);
    this.#keypointer = new Keypointer({ canvas, state, ...options.keypoints, video }, signal);
    const layer = computed(() => {
      options.overlays.version.value;
      return frame.value === null ? undefined : options.overlays.get(frame.value);
    });
    this.crosshair = new Crosshair(
      { canvas, state, acts, keypoints: options.keypoints, frame, layer, seen },
      signal,
    );
    this.spoken = { frame, layer, crosshair: this.crosshair.text };
    const note = createCrosshairNote(this.node, this.crosshair, state);
    const cursor = createBrushCursor(canvas, state, signal);
    this.node.append(cursor.node, note.node);
    const drop = (): void => void this.dropDrag();
    new PanZoom({ node: this.node, canvas, state, drop }, signal);
    this.#observeSize();
    this.#stops.push(
      cursor.close,
      note.close,
      this.crosshair.close,
      effect(() => {
        if (frame.value === null || state.playing.value) return;
        canvas.setAttribute("aria-label", pictureText(state, frame.value, layer.value));
      }),
      effect(() => this.#layOut()),
      effect(() => this.#fitCanvas()),
      effect(() => this.#askForPixels()),
      effect(() => {
        canvas.toggleAttribute("data-hand", state.camera.hand.value);
      }),
      effect(() => this.#repaintOnChange()),
      effect(() => this.#explainEmptiness()),
    );
  }

  close(): void {
    cancelAnimationFrame(this.#tick);
    this.#pointer.close();
    this.#keypointer.close();
    this.#brush.close();
    for (const stop of this.#stops) stop();
  }

  /** Paints at once what changed, instead of at the next animation frame. */
  flush(): void {
    cancelAnimationFrame(this.#tick);
    this.#tick = 0;
    this.#paint();
  }

  /** Gives up what the pointer drags, or else the crosshair; false when there is none. */
  dropDrag(): boolean {
    const drag = this.#pointer.cancel() || this.#brush.cancel() || this.#keypointer.cancel();
    return drag || this.crosshair.cancel();
  }

  #seen(): Seen | null {
    const { state, frames, overlays } = this.#options;
    const shown = frames.shown.peek();
    const video = state.shared.peek()?.video;
    if (!shown || !video) return null;
    const frame = shown.index;
    return { frame, video, points: graspable(state, frame, overlays.get(frame)) };
  }

  #observeSize(): void {
    const { stage } = this.#options.state.camera;
    const observer = new ResizeObserver(() => {
      const ratio = window.devicePixelRatio || 1;
      const box = this.node.getBoundingClientRect();
      if (box.width === 0 || box.height === 0) return;
      // Whole pixels of the display: the browser must not resample what is drawn.
      const [width, height] = [box.width, box.height].map(
        (length) => Math.max(1, Math.round(length * ratio)) / ratio,
      ) as [number, number];
      const old = stage.peek();
      if (width !== old?.width || height !== old.height || ratio !== old.ratio)
        stage.value = { width, height, ratio };
    });
    observer.observe(this.node);
    try {
      // Also tells when only the zoom of the page changes; not every browser can.
      observer.observe(this.node, { box: "device-pixel-content-box" });
    } catch {
      observer.observe(this.node);
    }
    this.#stops.push(() => observer.disconnect());
  }

  /** The stage has the video's shape from the start, so that nothing jumps when images arrive. */
  #layOut(): void {
    const video = this.#options.state.shared.value?.video;
    if (!video) return;
    this.node.style.setProperty("--s2w-aspect", String(video.width / video.height));
    this.node.style.setProperty("--s2w-max-width", `${displayWidth(video)}px`);
    const { height } = this.#options.state.look;
    if (height.value === null) this.node.style.removeProperty("--s2w-height");
    else this.node.style.setProperty("--s2w-height", `${height.value}px`);
    this.#tellWidth(height.value === null ? 0 : (height.value * video.width) / video.height);
  }

  /** A picture that was made higher may make the widget wider. */
  #tellWidth(width: number): void {
    const root = this.node.closest<HTMLElement>(".s2w-root");
    root?.style.setProperty("--s2w-wide", `${Math.ceil(width)}px`);
  }

  #fitCanvas(): void {
    const stage = this.#options.state.camera.stage.value;
    if (!stage) return;
    const { width, height, ratio } = stage;
    this.canvas.style.width = `${width}px`;
    this.canvas.style.height = `${height}px`;
    const [pixels, rows] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.canvas.width === pixels && this.canvas.height === rows) return;
    this.canvas.width = pixels;
    this.canvas.height = rows;
    this.#paint();
  }

  /** Images are as large as they are shown; while playing, as large as all of it is shown. */
  #askForPixels(): void {
    const { state, frames } = this.#options;
    const { stage, viewport } = state.camera;
    const video = state.shared.value?.video;
    if (!stage.value || !viewport.value || !video) return;
    const { ratio } = stage.value;
    const fit = fitScale(stage.value, video);
    const fitting = imageWidth(video.width * fit, ratio, video.width);
    const zoomed = zoomedWidth(fitting, viewport.value.scale * ratio, video.width);
    frames.setWidth(state.playing.value ? Math.min(zoomed, Math.max(fitting, SMOOTH)) : zoomed);
  }

  /** As a text, which is equal where the pairs are. */
  #skeleton = computed(() => JSON.stringify(this.#options.state.shared.value?.skeleton));

  #repaintOnChange(): void {
    const { state, frames, overlays } = this.#options;
    frames.shown.value;
    overlays.version.value;
    state.pending.value;
    state.moved.value;
    state.boxes.value;
    state.strokes.value;
    state.hovered.value;
    state.selected.value;
    state.hidden.value;
    state.solo.value;
    state.veiled.value;
    state.peeking.value;
    state.look.opacity.value;
    state.look.outline.value;
    state.camera.viewport.value;
    state.instance.value;
    state.region.value;
    state.mode.value;
    state.keypoints.pending.value;
    state.keypoints.hovered.value;
    state.keypoints.selected.value;
    state.crosshair.value;
    state.brushSize.value;
    this.#skeleton.value;
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
    const stage = state.camera.stage.peek();
    const viewport = state.camera.viewport.peek();
    if (!shown || !video || !this.#context || !stage || !viewport) return;
    const layer = overlays.get(shown.index);
    const scene = sceneOf(state, shown.index, layer);
    const opacity = state.look.outline.peek() ? 0 : state.look.opacity.peek();
    const keypoints = keypointSceneOf(state, shown.index, layer);
    const { image } = shown;
    const how = { viewport, opacity, pixelRatio: stage.ratio };
    const at = state.crosshair.peek();
    const radius = state.brushing.peek() ? state.brushSize.peek() / 2 : 0;
    const isOnPoint = (scene.selected ?? keypoints.selected) !== null;
    const crosshair = at && { ...at, radius, isOnPoint };
    draw(this.#context, { image, video, keypoints, crosshair, ...how, ...scene });
    this.#options.painted({
      frame: shown.index,
      revision: layer?.revision ?? null,
      masks: scene.masks.length,
      edited: scene.masks.filter(({ source }) => source === "edit").length,
      strokes: scene.paintings.flatMap(({ strokes }) => strokes).length,
      points: scene.markers.length,
      boxes: scene.boxes.length,
      selected: scene.selected,
      keypoints: keypoints.marks.length,
      keypoint: keypoints.selected,
      viewport,
      imageWidth: image.width,
      crosshair,
    });
  }
}

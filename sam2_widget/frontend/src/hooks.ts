// The root's data attributes: what a view shows and does, for tests and for styles.
import type { ReadonlySignal } from "@preact/signals-core";
import type { Kernel } from "./connection.ts";
import type { ViewState } from "./state.ts";
import type { Painted } from "./viewer.ts";

/** What is on the canvas. */
export function tellPainted(root: HTMLElement, painted: Painted): void {
  const { frame, revision, masks, edited, strokes, points, boxes, selected } = painted;
  root.dataset.frame = String(frame);
  root.dataset.overlay = revision === null ? "" : String(revision);
  root.dataset.masks = String(masks);
  root.dataset.edited = String(edited);
  root.dataset.strokes = String(strokes);
  root.dataset.points = String(points);
  root.dataset.boxes = String(boxes);
  root.dataset.keypoints = String(painted.keypoints);
  root.dataset.keypoint = painted.keypoint ?? "";
  const { x, y, scale } = painted.viewport;
  root.dataset.viewport = `${x} ${y} ${scale}`;
  root.dataset.imageWidth = String(painted.imageWidth);
  root.dataset.selected = selected === null ? "" : String(selected);
  const { crosshair } = painted;
  root.dataset.crosshair = crosshair ? `${Math.floor(crosshair.x)},${Math.floor(crosshair.y)}` : "";
}

/** What goes on beside it. */
export function tellState(
  root: HTMLElement,
  state: ViewState,
  kernel: ReadonlySignal<Kernel>,
): void {
  const shared = state.shared.value;
  root.dataset.pending = String(state.edits.value);
  root.dataset.mode = state.mode.value;
  root.dataset.zoom = String(state.camera.percent.value ?? "");
  root.dataset.fit = String(state.camera.zoom.value === null);
  root.dataset.solo = String(state.solo.value);
  root.dataset.veiled = String(state.veiled.value || state.peeking.value);
  root.dataset.playing = String(state.playing.value);
  root.dataset.kernel = kernel.value;
  // Once alive, a view keeps what it shows; one that never was leaves its place to the picture.
  root.dataset.alive = String(shared !== null || kernel.value === "ok");
  root.dataset.job = shared?.job ? "running" : "idle";
  root.dataset.model = shared?.model.status ?? "";
  root.dataset.ready = String(shared?.video.ready ?? 0);
  root.dataset.saved = String(shared?.saved ?? true);
}

/** Milliseconds from the last click to the paint of its answer. */
export class ClickTimer {
  #root: HTMLElement;
  #last = 0;

  constructor(root: HTMLElement) {
    this.#root = root;
  }

  start(time: number): void {
    this.#last = time;
    delete this.#root.dataset.clickMs;
  }

  stop(time: number): void {
    if (time === this.#last) this.#root.dataset.clickMs = (performance.now() - time).toFixed(1);
  }
}

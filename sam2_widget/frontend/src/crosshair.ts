// A cursor on the picture for the keyboard: arrow keys move it, Enter does there what a click would.
import { computed, effect, type ReadonlySignal, untracked } from "@preact/signals-core";
import type { BrushOptions } from "./brush.ts";
import { CornerBox } from "./crosshairbox.ts";
import { placeText } from "./describe.ts";
import { closer } from "./dom.ts";
import { clamp, nearest, type Position, type Size, toVideo } from "./geometry.ts";
import type { KeypointActs } from "./keypointer.ts";
import { newKeypoint, putKeypoint } from "./keypointplace.ts";
import { type Keypoint, type KeypointView, refOf } from "./keypoints.ts";
import type { Layer } from "./mask.ts";
import type { PointItem } from "./messages.ts";
import { shorten } from "./names.ts";
import { type PointerActs, REACH, type Seen } from "./pointer.ts";
import type { ViewState } from "./state.ts";

export interface CrosshairOptions {
  canvas: HTMLCanvasElement;
  state: ViewState;
  acts: PointerActs & BrushOptions["acts"];
  keypoints: { view: KeypointView; acts: KeypointActs };
  /** Number of the frame on screen. */
  frame: ReadonlySignal<number | null>;
  /** What is known to be on it. */
  layer: ReadonlySignal<Layer | undefined>;
  seen(): Seen | null;
}

/** A step is this part of the longer side of the picture; with Shift it is one pixel. */
const STEPS = 80;
/** Held down, a key moves faster after so many repeats. */
const FASTER: readonly (readonly [number, number])[] = [
  [24, 4],
  [8, 2],
];
/** Nearer than this (pixels of the video) two points lie on one spot. */
const SAME_SPOT = 1;

const TAKEN = "There is such a point already: Delete removes it.";
const NO_KEYPOINT = "No keypoint is here: go to the one that is occluded, or visible again.";

export class Crosshair {
  /** Where it is, what is there, in words; empty while it is off. */
  readonly text: ReadonlySignal<string>;
  readonly close: () => void;
  #options: CrosshairOptions;
  #last: Position | null = null;
  #mouse: { clientX: number; clientY: number } | null = null;
  #repeats = 0;
  #box: CornerBox;

  constructor(options: CrosshairOptions, signal: AbortSignal) {
    this.#options = options;
    this.#box = new CornerBox(options.state);
    const { canvas, state, layer } = options;
    const follow = ({ clientX, clientY }: PointerEvent): void => {
      this.#mouse = { clientX, clientY };
    };
    canvas.addEventListener("pointermove", follow, { signal });
    canvas.addEventListener("pointerleave", () => (this.#mouse = null), { signal });
    this.text = computed(() => {
      const at = state.crosshair.value;
      return at ? placeText(state, at, layer.value, this.#targetText(at)) : "";
    });
    this.close = closer([
      effect(() => this.#keepInside()),
      effect(() => this.#leave()),
      effect(() => this.#grasp()),
    ]);
  }

  get isOn(): boolean {
    return this.#options.state.crosshair.peek() !== null;
  }

  /** Begins at the selected point, the mouse, where it was last, or amid the picture. */
  toggle(): boolean {
    const { state } = this.#options;
    const video = state.shared.peek()?.video;
    if (this.isOn) this.#end();
    else if (video) {
      const start = this.#selected() ?? this.#underMouse(video) ?? this.#last;
      const middle = { x: video.width / 2, y: video.height / 2 };
      this.#put(centre(start ?? middle, video));
    } else state.message.value = state.obstacle.peek() ?? "";
    return true;
  }

  /** Gives up the box under way, or else the crosshair; false when there is neither. */
  cancel(): boolean {
    if (this.#box.drop()) return true;
    if (!this.isOn) return false;
    this.#end();
    return true;
  }

  /** @param dx, dy -1, 0 or 1 */
  move(dx: number, dy: number, fine: boolean, isRepeat: boolean): void {
    const { state } = this.#options;
    const at = state.crosshair.peek();
    const video = state.shared.peek()?.video;
    if (!at || !video) return;
    this.#repeats = isRepeat ? this.#repeats + 1 : 0;
    const pace = FASTER.find(([repeats]) => this.#repeats >= repeats)?.[1] ?? 1;
    const step = pace * (fine ? 1 : stepOf(video));
    this.#put(centre({ x: at.x + dx * step, y: at.y + dy * step }, video));
    const shown = this.#options.frame.peek();
    if (shown !== null) this.#box.stretch(shown, state.crosshair.peek() ?? at);
  }

  /** What a click there would do; `other` is what it does with the right button. */
  act(other: boolean): void {
    const { state } = this.#options;
    const at = state.crosshair.peek();
    const obstacle = state.obstacle.peek();
    if (!at) return;
    if (obstacle !== null) state.message.value = obstacle;
    else if (state.mode.peek() === "keypoint") this.#keypoint(at, other);
    else if (state.brushing.peek()) this.#dab(at, other);
    else if (state.tool.peek() === "box" && !other) this.#setCorner(at);
    else this.#point(at, other ? 0 : 1);
  }

  /** Goes there; a picture that is zoomed follows. */
  #put(at: Position): void {
    const { camera, crosshair } = this.#options.state;
    crosshair.value = at;
    camera.reveal(at);
  }

  #end(): void {
    this.#box.drop();
    this.#last = this.#options.state.crosshair.peek();
    this.#options.state.crosshair.value = null;
  }

  #point(at: Position, label: number): void {
    const { state, acts, seen } = this.#options;
    const here = seen();
    if (!here) return;
    const twin = nearest(here.points, at, SAME_SPOT);
    if (twin?.label === label) {
      state.message.value = TAKEN;
      return;
    }
    state.selected.value = null;
    acts.addPoint(here.frame, at, label, performance.now());
  }

  #keypoint(at: Position, swapsVisible: boolean): void {
    const { state, keypoints } = this.#options;
    const { view, acts } = keypoints;
    const here = view.here.peek();
    if (!here) return;
    if (swapsVisible) {
      const hit = this.#keypointAt(at);
      if (hit) acts.setVisible(hit, !hit.visible);
      else state.message.value = NO_KEYPOINT;
      return;
    }
    acts.hold(here.frame);
    const made = newKeypoint(here, at, view.name.peek());
    const { pending } = state.keypoints;
    pending.value = [...pending.peek(), made.start];
    putKeypoint({ state, view, acts }, made.start, made);
  }

  /** A stroke that stays on one spot. */
  #dab(at: Position, other: boolean): void {
    const { state, acts, frame } = this.#options;
    const shown = frame.peek();
    if (shown === null) return;
    acts.hold(shown);
    const erase = (state.tool.peek() === "eraser") !== other;
    const radius = state.brushSize.peek() / 2;
    const stroke = { ...state.place(shown), line: [at], radius, erase, drawing: false };
    state.strokes.value = [...state.strokes.peek(), stroke];
    acts.paint(stroke);
  }

  #setCorner(at: Position): void {
    const { acts, frame } = this.#options;
    const [shown, box] = [frame.peek(), this.#box.set(at)];
    if (shown === null || !box) return;
    acts.hold(shown);
    acts.setBox(box);
  }

  /** On another frame or scope, or with another tool, no box is under way. */
  #leave(): void {
    const { state, frame } = this.#options;
    frame.value;
    state.instance.value;
    state.region.value;
    state.tool.value;
    state.mode.value;
    untracked(() => this.#box.drop());
  }

  /** Selects what it comes to, and lets go of what it leaves. */
  #grasp(): void {
    const { state, layer, keypoints } = this.#options;
    const at = state.crosshair.value;
    layer.value;
    keypoints.view.here.value;
    state.mode.value;
    state.tool.value;
    state.shifting.value;
    if (!at) return;
    // The mouse's parts deselect at these changes too: after them.
    queueMicrotask(() => {
      if (state.crosshair.peek() !== at) return;
      if (state.mode.peek() === "keypoint") {
        const hit = this.#keypointAt(at);
        state.keypoints.selected.value = hit ? refOf(hit) : null;
      } else {
        // While points may get other numbers none is selected, as with the mouse.
        const hit = state.shifting.peek() > 0 ? null : this.#pointAt(at);
        const frame = this.#options.frame.peek();
        const ref = hit && frame !== null ? { ...state.place(frame), index: hit.index } : null;
        if (ref?.index !== state.selected.peek()?.index) state.selected.value = ref;
      }
    });
  }

  /** Another video may be smaller. */
  #keepInside(): void {
    const { state } = this.#options;
    const video = state.shared.value?.video;
    const at = state.crosshair.peek();
    if (video && at && (at.x >= video.width || at.y >= video.height))
      state.crosshair.value = centre(at, video);
  }

  #targetText(at: Position): string | null {
    const { state, layer, keypoints } = this.#options;
    layer.value;
    keypoints.view.here.value;
    if (state.mode.value === "keypoint") {
      const hit = this.#keypointAt(at);
      return hit && `keypoint “${shorten(hit.name, 40)}”${hit.visible ? "" : ", occluded"}`;
    }
    const hit = this.#pointAt(at);
    return hit && `a ${hit.label === 1 ? "positive" : "negative"} point`;
  }

  #pointAt(at: Position): PointItem | null {
    const { state, seen } = this.#options;
    const here = state.brushing.peek() ? null : seen();
    return here && nearest(here.points, at, this.#reach(here.video));
  }

  #keypointAt(at: Position): Keypoint | null {
    const here = this.#options.keypoints.view.here.peek();
    const video = this.#options.state.shared.peek()?.video;
    return here && video ? nearest(here.keypoints, at, this.#reach(video)) : null;
  }

  /** In pixels of the video. */
  #reach(video: Size): number {
    const { canvas, state } = this.#options;
    return (REACH * video.width) / Math.max(1, state.camera.box(canvas).width);
  }

  #selected(): Position | null {
    const { state, keypoints, seen } = this.#options;
    if (state.mode.peek() === "keypoint") {
      const name = state.keypoints.selected.peek()?.name;
      return keypoints.view.here.peek()?.keypoints.find((other) => other.name === name) ?? null;
    }
    const index = state.selected.peek()?.index;
    return seen()?.points.find((point) => point.index === index) ?? null;
  }

  #underMouse(video: Size): Position | null {
    if (!this.#mouse) return null;
    const { clientX, clientY } = this.#mouse;
    const { canvas, state } = this.#options;
    return toVideo(clientX, clientY, state.camera.box(canvas), video);
  }
}

/** How far an arrow key goes, in pixels of the video. */
export function stepOf({ width, height }: Size): number {
  return Math.max(1, Math.round(Math.max(width, height) / STEPS));
}

/** The middle of the pixel of a place, or of the nearest pixel of the frame. */
function centre({ x, y }: Position, { width, height }: Size): Position {
  return {
    x: clamp(Math.floor(x), 0, width - 1) + 0.5,
    y: clamp(Math.floor(y), 0, height - 1) + 0.5,
  };
}

// What a mouse, a pen or a finger does on the picture in keypoint mode: adds, moves, selects and hides.

import { effect, type ReadonlySignal } from "@preact/signals-core";
import { listenIn } from "./canvasevents.ts";
import {
  type Box,
  nearest,
  type Position,
  positionIn,
  type Size,
  toVideo,
  toVideoInside,
} from "./geometry.ts";
import { newKeypoint, putKeypoint } from "./keypointplace.ts";
import { type Here, isSameKeypoint, type Keypoint, type KeypointView, refOf } from "./keypoints.ts";
import { DRAG, REACH, REACH_OF_A_FINGER, swap, TAP } from "./pointer.ts";
import type { ViewState } from "./state.ts";

/** What comes of it. Keypoints that are added or moved are in `state.keypoints.pending` already. */
export interface KeypointActs {
  /** @param name null where Python shall find one */
  add(keypoint: Keypoint, name: string | null): void;
  /** @param again the frame has this name already: its keypoint goes where the user clicked */
  move(keypoint: Keypoint, again: boolean): void;
  setVisible(keypoint: Keypoint, visible: boolean): void;
  remove(keypoint: Keypoint): void;
  /** Something lasts on this frame: it must stay in view. */
  hold(frame: number): void;
}

export interface KeypointerOptions {
  canvas: HTMLCanvasElement;
  state: ViewState;
  view: KeypointView;
  acts: KeypointActs;
  video: ReadonlySignal<Size | null>;
}

const SECONDARY_HINT = "Right-click a keypoint to say that it is occluded, or visible again.";

interface Gesture {
  kind: "hold" | "add" | "again";
  id: number;
  from: { clientX: number; clientY: number };
  /** Where it began in the video. */
  grip: Position;
  video: Size;
  touch: boolean;
  /** The keypoint at the beginning of it. */
  start: Keypoint;
  /** For a new one: what the user calls it. */
  name: string | null;
  /** It went further than a click may. */
  far: boolean;
  /** What is shown meanwhile. */
  shown: Keypoint | null;
}

export class Keypointer {
  #options: KeypointerOptions;
  #gesture: Gesture | null = null;
  readonly close: () => void;

  constructor(options: KeypointerOptions, signal: AbortSignal) {
    this.#options = options;
    const on = listenIn("keypoint", options.state, options.canvas, signal);
    on("pointerdown", (event) => this.#press(event));
    on("pointermove", (event) => this.#move(event));
    on("pointerup", (event) => this.#lift(event));
    on("pointercancel", () => this.cancel());
    on("pointerleave", () => this.#hover(null));
    on("touchstart", (event) => this.#keepFromScrolling(event));
    this.close = effect(() => this.#leave());
  }

  /** Gives up what is being dragged; false when nothing is. */
  cancel(): boolean {
    const gesture = this.#gesture;
    this.#end();
    if (!gesture) return false;
    this.#show(gesture, null);
    return true;
  }

  /** On another frame, of another instance or in another mode nothing is selected or dragged. */
  #leave(): void {
    const { state, view } = this.#options;
    state.instance.value;
    state.mode.value;
    view.here.value?.frame;
    const { selected, hovered } = state.keypoints;
    const here = view.here.peek();
    const isElsewhere = (ref: { frame: number; instance: number } | null): boolean =>
      ref !== null && (ref.frame !== here?.frame || ref.instance !== here?.instance);
    const off = state.mode.peek() !== "keypoint";
    if (this.#gesture && (off || isElsewhere(this.#gesture.start))) this.cancel();
    if (off || isElsewhere(selected.peek())) selected.value = null;
    if (off || isElsewhere(hovered.peek())) hovered.value = null;
  }

  /** A finger that drags a keypoint moves nothing else. */
  #keepFromScrolling(event: TouchEvent): void {
    if (this.#gesture?.kind === "hold") event.preventDefault();
  }

  #press(event: PointerEvent): void {
    if (this.#gesture) {
      this.cancel();
      return;
    }
    const { state, view, acts } = this.#options;
    const [here, video] = [view.here.peek(), this.#options.video.peek()];
    const at = here && video && this.#place(event, video);
    if (!at || (event.button !== 0 && event.button !== 2)) return;
    const obstacle = state.obstacle.peek();
    const hit = this.#hit(event, here, video, at);
    if (obstacle) state.message.value = obstacle;
    else if (!isPlain(event)) this.#swapVisible(hit);
    else if (hit || !event.altKey) {
      acts.hold(here.frame);
      this.#begin(
        event,
        video,
        hit ? { kind: "hold", start: hit, name: null } : newKeypoint(here, at, view.name.peek()),
      );
    }
  }

  #swapVisible(hit: Keypoint | null): void {
    const { state, acts } = this.#options;
    if (hit) acts.setVisible(hit, !hit.visible);
    else state.message.value = SECONDARY_HINT;
  }

  #begin(event: PointerEvent, video: Size, what: Pick<Gesture, "kind" | "start" | "name">): void {
    const { canvas } = this.#options;
    const { pointerId: id, clientX, clientY } = event;
    const touch = event.pointerType === "touch";
    const from = { clientX, clientY };
    const grip = positionIn(clientX, clientY, this.#box, video);
    this.#gesture = { ...what, id, from, grip, video, touch, far: false, shown: null };
    // A finger that began beside a keypoint may be about to scroll.
    if (touch && what.kind !== "hold") return;
    canvas.setPointerCapture(id);
    canvas.dataset.grip = "move";
    if (what.kind !== "hold") this.#show(this.#gesture, what.start);
  }

  #move(event: PointerEvent): void {
    const gesture = this.#gesture;
    if (!gesture) this.#hover(event);
    else if (event.pointerId === gesture.id) this.#drag(gesture, event);
  }

  #drag(gesture: Gesture, event: PointerEvent): void {
    const { from, grip, touch, start, video } = gesture;
    const [dx, dy] = [event.clientX - from.clientX, event.clientY - from.clientY];
    gesture.far ||= Math.hypot(dx, dy) >= (touch ? TAP : DRAG);
    if (!gesture.far || (touch && gesture.kind !== "hold")) return;
    // It keeps the place under the hand at which it was taken hold of.
    const box = this.#box;
    const scale = box.width / video.width;
    const x = event.clientX + (start.x - grip.x) * scale;
    const y = event.clientY + (start.y - grip.y) * scale;
    this.#show(gesture, { ...start, ...toVideoInside(x, y, box, video) });
  }

  #show(gesture: Gesture, shown: Keypoint | null): void {
    const { pending } = this.#options.state.keypoints;
    if (shown || gesture.shown) pending.value = swap(pending.peek(), gesture.shown, shown);
    gesture.shown = shown;
  }

  #lift(event: PointerEvent): void {
    const gesture = this.#gesture;
    if (!gesture || event.pointerId !== gesture.id) return;
    this.#drag(gesture, event);
    this.#end();
    if (gesture.kind === "hold") this.#letGo(gesture, event);
    else if (!gesture.touch || !gesture.far) this.#put(gesture);
    this.#hover(event);
  }

  #letGo({ start, shown }: Gesture, event: PointerEvent): void {
    const { acts } = this.#options;
    if (shown) acts.move(shown, false);
    else if (event.altKey) {
      acts.remove(start);
      return;
    }
    this.#select(start);
  }

  #put(gesture: Gesture): void {
    const keypoint = gesture.shown ?? gesture.start;
    this.#show(gesture, keypoint);
    putKeypoint(this.#options, keypoint, gesture);
  }

  #select(keypoint: Keypoint): void {
    this.#options.state.keypoints.selected.value = refOf(keypoint);
    this.#options.state.message.value = "";
  }

  #end(): void {
    this.#gesture = null;
    delete this.#options.canvas.dataset.grip;
  }

  #hover(event: PointerEvent | null): void {
    const { canvas, state, view } = this.#options;
    const [here, video] = [view.here.peek(), this.#options.video.peek()];
    const at = event && event.pointerType !== "touch" && video && this.#place(event, video);
    const hit = at && here ? this.#hit(event, here, video, at) : null;
    canvas.toggleAttribute("data-over", hit !== null);
    const { hovered } = state.keypoints;
    if (hit ? isSameKeypoint(hit, hovered.peek()) : hovered.peek() === null) return;
    hovered.value = hit && refOf(hit);
  }

  /** Where the picture is on the page. */
  get #box(): Box {
    const { canvas, state } = this.#options;
    return state.camera.box(canvas);
  }

  #place({ clientX, clientY }: PointerEvent, video: Size): Position | null {
    return toVideo(clientX, clientY, this.#box, video);
  }

  #hit(event: PointerEvent, here: Here, video: Size, at: Position): Keypoint | null {
    const reach = event.pointerType === "touch" ? REACH_OF_A_FINGER : REACH;
    return nearest(here.keypoints, at, (reach * video.width) / this.#box.width);
  }
}

/** Other clicks say whether a keypoint is visible. */
function isPlain({ button, shiftKey, ctrlKey, metaKey }: PointerEvent): boolean {
  return button === 0 && !shiftKey && !ctrlKey && !metaKey;
}

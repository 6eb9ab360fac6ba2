// What a mouse, a pen or a finger does on the picture in segment mode: adds points, moves and selects them, draws boxes.

import { effect, type ReadonlySignal } from "@preact/signals-core";
import { listenIn } from "./canvasevents.ts";
import { closer } from "./dom.ts";
import {
  type Box,
  nearest,
  type Position,
  positionIn,
  rectBetween,
  type Size,
  toVideo,
  toVideoEdge,
  toVideoInside,
} from "./geometry.ts";
import type { PointItem } from "./messages.ts";
import type { MovedPoint, PendingBox, PointRef, ViewState } from "./state.ts";

/** What the user sees at this moment. */
export interface Seen {
  frame: number;
  video: Size;
  /** The points that can be taken hold of. */
  points: readonly PointItem[];
}

/** What comes of it. */
export interface PointerActs {
  /** A click on the frame that the user sees; `time` is when, by `performance.now`. */
  addPoint(frame: number, at: Position, label: number, time: number): void;
  movePoint(to: MovedPoint): void;
  removePoint(point: PointRef): void;
  setBox(box: PendingBox): void;
  /** Something lasts on this frame: it must stay in view. */
  hold(frame: number): void;
}

export interface PointerOptions {
  canvas: HTMLCanvasElement;
  state: ViewState;
  acts: PointerActs;
  /** Number of the frame on screen. */
  frame: ReadonlySignal<number | null>;
  seen(): Seen | null;
}

/** A mouse that moves this far (CSS pixels) drags; less is a click. */
export const DRAG = 4;
/** Fingers that move further than this scroll the page, or drag. */
export const TAP = 10;
/** From how far (CSS pixels) a point is taken hold of. */
export const REACH = 10;
export const REACH_OF_A_FINGER = 18;

interface Gesture {
  kind: "tap" | "move" | "box";
  id: number;
  from: { clientX: number; clientY: number };
  /** Where it began in the video, and the same with two decimals. */
  grip: Position;
  at: Position;
  seen: Seen;
  label: number;
  touch: boolean;
  hit: PointItem | null;
  /** Points may have got other numbers since. */
  renumbered: boolean;
  /** It went further than a click may. */
  far: boolean;
  moved: MovedPoint | null;
  box: PendingBox | null;
}

export class Pointer {
  #options: PointerOptions;
  #gesture: Gesture | null = null;
  readonly close: () => void;

  constructor(options: PointerOptions, signal: AbortSignal) {
    this.#options = options;
    const on = listenIn("segment", options.state, options.canvas, signal);
    on("pointerdown", (event) => this.#press(event));
    on("pointermove", (event) => this.#move(event));
    on("pointerup", (event) => this.#lift(event));
    on("pointercancel", () => this.cancel());
    on("pointerleave", () => this.#hover(null));
    on("touchstart", (event) => this.#keepFromScrolling(event));
    this.close = closer([
      effect(() => this.#leave()),
      effect(() => this.#renumber()),
      effect(() => this.#changeTool()),
    ]);
  }

  /** Gives up what is being dragged; false when nothing is. */
  cancel(): boolean {
    const gesture = this.#gesture;
    this.#end();
    if (!gesture) return false;
    this.#show(gesture, null);
    return gesture.kind !== "tap";
  }

  /** On another frame or scope, or in another mode, nothing is selected or dragged. */
  #leave(): void {
    const { state, frame } = this.#options;
    frame.value;
    state.instance.value;
    state.region.value;
    state.mode.value;
    this.cancel();
    this.#deselect();
  }

  /** When points get other numbers, what goes by one ends; a box that is being drawn does not. */
  #renumber(): void {
    this.#options.state.shifting.value;
    if (this.#gesture?.kind === "move") this.cancel();
    else if (this.#gesture) this.#gesture.renumbered = true;
    this.#deselect();
  }

  #deselect(): void {
    const { state } = this.#options;
    state.selected.value = null;
    state.hovered.value = null;
  }

  #changeTool(): void {
    const { canvas, state } = this.#options;
    canvas.dataset.tool = state.mode.value === "keypoint" ? "keypoint" : state.tool.value;
    this.cancel();
  }

  /** A finger that drags a point or a box moves nothing else. */
  #keepFromScrolling(event: TouchEvent): void {
    if (this.#gesture && this.#gesture.kind !== "tap") event.preventDefault();
  }

  #press(event: PointerEvent): void {
    if (this.#options.state.brushing.peek()) return;
    if (this.#gesture) {
      this.cancel();
      return;
    }
    const label = labelOf(event);
    const seen = this.#options.seen();
    const at = seen && this.#place(event, seen);
    if (label === null || !at) return;
    const time = performance.now();
    const touch = event.pointerType === "touch";
    const hit = isPlain(event) ? this.#hit(event, seen, at) : null;
    const renumbered = this.#options.state.shifting.peek() > 0;
    const kind = this.#drawsBox(event) ? "box" : hit ? "move" : "tap";
    if (kind === "move" && renumbered) return;
    if (kind === "tap" && !touch) this.#add(seen.frame, at, label, time);
    else this.#begin({ kind, at, seen, label, touch, hit, renumbered }, event);
  }

  #begin(
    start: Pick<Gesture, "kind" | "at" | "seen" | "label" | "touch" | "hit" | "renumbered">,
    event: PointerEvent,
  ): void {
    const { canvas, acts } = this.#options;
    const from = { clientX: event.clientX, clientY: event.clientY };
    const grip = positionIn(from.clientX, from.clientY, this.#box, start.seen.video);
    if (start.kind !== "tap") {
      acts.hold(start.seen.frame);
      canvas.setPointerCapture(event.pointerId);
      canvas.dataset.grip = start.kind;
    }
    const id = event.pointerId;
    this.#gesture = { ...start, id, from, grip, far: false, moved: null, box: null };
  }

  #move(event: PointerEvent): void {
    const gesture = this.#gesture;
    if (!gesture) this.#hover(event);
    else if (event.pointerId === gesture.id) this.#drag(gesture, event);
  }

  #drag(gesture: Gesture, event: PointerEvent): void {
    const { from, touch, kind } = gesture;
    const distance = Math.hypot(event.clientX - from.clientX, event.clientY - from.clientY);
    gesture.far ||= distance >= (touch ? TAP : DRAG);
    if (gesture.far && kind !== "tap") this.#show(gesture, event);
  }

  /** Shows where the drag has come to, or that it is given up. */
  #show(gesture: Gesture, event: PointerEvent | null): void {
    const { state } = this.#options;
    const { moved, box } = gesture;
    gesture.moved = event && gesture.kind === "move" ? this.#movedTo(gesture, event) : null;
    gesture.box = event && gesture.kind === "box" ? this.#boxTo(gesture, event) : null;
    if (moved || gesture.moved) state.moved.value = swap(state.moved.peek(), moved, gesture.moved);
    if (box || gesture.box) state.boxes.value = swap(state.boxes.peek(), box, gesture.box);
  }

  #movedTo({ hit, seen, grip }: Gesture, event: PointerEvent): MovedPoint | null {
    if (!hit) return null;
    // The point keeps the place under the hand at which it was taken hold of.
    const { frame, video } = seen;
    const box = this.#box;
    const scale = box.width / video.width;
    const x = event.clientX + (hit.x - grip.x) * scale;
    const y = event.clientY + (hit.y - grip.y) * scale;
    return { ...hit, frame, ...toVideoInside(x, y, box, video) };
  }

  #boxTo({ at, seen }: Gesture, event: PointerEvent): PendingBox {
    const to = toVideoEdge(event.clientX, event.clientY, this.#box, seen.video);
    return { ...this.#options.state.place(seen.frame), ...rectBetween(at, to) };
  }

  #lift(event: PointerEvent): void {
    const gesture = this.#gesture;
    if (!gesture || event.pointerId !== gesture.id) return;
    this.#drag(gesture, event);
    this.#end();
    if (!gesture.far) this.#click(gesture, event);
    else if (gesture.moved) this.#options.acts.movePoint(this.#select(gesture.moved));
    else if (gesture.box && hasArea(gesture.box)) this.#options.acts.setBox(gesture.box);
    else this.#show(gesture, null);
    this.#hover(event);
  }

  /** A press that stayed where it was; a plain one over a point adds none. */
  #click({ hit, renumbered, seen, at, label }: Gesture, event: PointerEvent): void {
    if (!hit) this.#add(seen.frame, at, label, performance.now());
    else if (renumbered) return;
    else if (event.altKey) this.#options.acts.removePoint({ ...hit, frame: seen.frame });
    else this.#select({ ...hit, frame: seen.frame });
  }

  #select<P extends PointRef>(point: P): P {
    const { frame, instance, region, index } = point;
    this.#options.state.selected.value = { frame, instance, region, index };
    this.#options.state.message.value = "";
    return point;
  }

  #add(frame: number, at: Position, label: number, time: number): void {
    this.#options.state.selected.value = null;
    this.#options.acts.addPoint(frame, at, label, time);
  }

  #end(): void {
    this.#gesture = null;
    delete this.#options.canvas.dataset.grip;
  }

  #hover(event: PointerEvent | null): void {
    const { canvas, state } = this.#options;
    const looks = event?.pointerType !== "touch" && !state.brushing.peek();
    const seen = event && looks ? this.#options.seen() : null;
    const at = event && seen && this.#place(event, seen);
    const hit = at && !this.#drawsBox(event) ? this.#hit(event, seen, at) : null;
    canvas.toggleAttribute("data-over", hit !== null);
    const { hovered } = state;
    if (hit?.index === hovered.peek()?.index) return;
    hovered.value = hit && seen ? { ...hit, frame: seen.frame } : null;
  }

  #drawsBox({ ctrlKey, metaKey }: PointerEvent): boolean {
    return ctrlKey || metaKey || this.#options.state.tool.peek() === "box";
  }

  /** Where the picture is on the page. */
  get #box(): Box {
    const { canvas, state } = this.#options;
    return state.camera.box(canvas);
  }

  #place({ clientX, clientY }: PointerEvent, { video }: Seen): Position | null {
    return toVideo(clientX, clientY, this.#box, video);
  }

  #hit(event: PointerEvent, { points, video }: Seen, at: Position): PointItem | null {
    const reach = event.pointerType === "touch" ? REACH_OF_A_FINGER : REACH;
    return nearest(points, at, (reach * video.width) / this.#box.width);
  }
}

/** Other clicks add points, also on top of one. */
function isPlain({ button, shiftKey, ctrlKey, metaKey }: PointerEvent): boolean {
  return button === 0 && !shiftKey && !ctrlKey && !metaKey;
}

/** What a click with this button and these keys adds; null for buttons that are not ours. */
function labelOf({ button, shiftKey, ctrlKey }: PointerEvent): number | null {
  if (button === 2) return 0;
  if (button !== 0) return null;
  return shiftKey || ctrlKey ? 0 : 1;
}

function hasArea({ x0, y0, x1, y1 }: PendingBox): boolean {
  return x1 - x0 >= 1 && y1 - y0 >= 1;
}

/** A list with an item in the place of another. */
export function swap<T>(list: readonly T[], old: T | null, next: T | null): T[] {
  const others = list.filter((item) => item !== old);
  return next ? [...others, next] : others;
}

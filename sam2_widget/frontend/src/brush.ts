// What a mouse, a pen or a finger does with the brush and the eraser: each press makes one stroke.
import { effect, type ReadonlySignal, untracked } from "@preact/signals-core";
import { closer } from "./dom.ts";
import { type Position, type Size, toVideoAnywhere } from "./geometry.ts";
import { extend } from "./line.ts";
import type { PendingStroke, Tool, ViewState } from "./state.ts";

export interface BrushOptions {
  canvas: HTMLCanvasElement;
  state: ViewState;
  /** Number of the frame on screen. */
  frame: ReadonlySignal<number | null>;
  acts: {
    /** A stroke is complete. It is in `state.strokes` already. */
    paint(stroke: PendingStroke): void;
    /** Something lasts on this frame: it must stay in view. */
    hold(frame: number): void;
  };
}

/** Points nearer to each other than this (CSS pixels) are not told apart. */
const SPACING = 0.3;

export class Brush {
  #options: BrushOptions;
  #stroke: PendingStroke | null = null;
  #pointer = 0;
  readonly close: () => void;

  constructor(options: BrushOptions, signal: AbortSignal) {
    this.#options = options;
    const on = <K extends keyof HTMLElementEventMap>(
      name: K,
      act: (event: HTMLElementEventMap[K]) => void,
    ): void => options.canvas.addEventListener(name, act, { signal });
    on("pointerdown", (event) => this.#press(event));
    on("pointermove", (event) => this.#move(event));
    on("pointerup", (event) => this.#lift(event));
    on("pointercancel", () => this.cancel());
    this.close = closer([effect(() => this.#leave())]);
  }

  /** Gives up the stroke under way; false when there is none. */
  cancel(): boolean {
    const stroke = this.#end();
    if (!stroke) return false;
    const { strokes } = this.#options.state;
    strokes.value = strokes.peek().filter((other) => other !== stroke);
    return true;
  }

  /** On another frame or scope, or with another tool, what was drawn so far counts. */
  #leave(): void {
    const { state, frame } = this.#options;
    frame.value;
    state.instance.value;
    state.region.value;
    state.tool.value;
    state.mode.value;
    untracked(() => this.#finish());
  }

  #press(event: PointerEvent): void {
    // A second finger is no stroke: it zooms.
    if (this.cancel()) return;
    const { canvas, state, acts, frame } = this.#options;
    const erase = erases(event, state.tool.peek());
    const shown = frame.peek();
    const video = state.shared.peek()?.video;
    if (!state.brushing.peek() || erase === null || shown === null || !video) return;
    const obstacle = state.obstacle.peek();
    if (obstacle !== null) {
      state.message.value = obstacle;
      return;
    }
    acts.hold(shown);
    canvas.setPointerCapture(event.pointerId);
    this.#pointer = event.pointerId;
    const radius = state.brushSize.peek() / 2;
    const line = [this.#place(event, video)];
    this.#stroke = { ...state.place(shown), line, radius, erase, drawing: true };
    state.strokes.value = [...state.strokes.peek(), this.#stroke];
  }

  #move(event: PointerEvent): void {
    if (!this.#stroke || event.pointerId !== this.#pointer) return;
    // Between two frames of the screen the pointer was at several places; not every browser tells.
    const events = event.getCoalescedEvents?.() ?? [];
    this.#extend(events.length > 0 ? events : [event], SPACING);
  }

  #lift(event: PointerEvent): void {
    if (!this.#stroke || event.pointerId !== this.#pointer) return;
    this.#extend([event], 0);
    this.#finish();
  }

  #extend(events: readonly PointerEvent[], spacing: number): void {
    const { canvas, state } = this.#options;
    const video = state.shared.peek()?.video;
    if (!this.#stroke || !video) return;
    const unit = video.width / state.camera.box(canvas).width;
    for (const event of events) {
      extend(this.#stroke.line, this.#place(event, video), spacing * unit);
    }
    state.strokes.value = [...state.strokes.peek()];
  }

  #finish(): void {
    const stroke = this.#end();
    if (!stroke) return;
    const { state, acts } = this.#options;
    const done = { ...stroke, drawing: false };
    state.strokes.value = state.strokes.peek().map((other) => (other === stroke ? done : other));
    acts.paint(done);
  }

  #end(): PendingStroke | null {
    const stroke = this.#stroke;
    this.#stroke = null;
    return stroke;
  }

  #place({ clientX, clientY }: PointerEvent, video: Size): Position {
    const { canvas, state } = this.#options;
    return toVideoAnywhere(clientX, clientY, state.camera.box(canvas), video);
  }
}

/** Whether a press with this button and these keys takes away; null for buttons that are not ours. */
function erases({ button, ctrlKey, shiftKey }: PointerEvent, tool: Tool): boolean | null {
  // The far end of a pen, the right button, and what a Mac with one button has for it.
  if (button === 5 || button === 2 || (button === 0 && ctrlKey)) return true;
  if (button !== 0) return null;
  return (tool === "eraser") !== shiftKey;
}

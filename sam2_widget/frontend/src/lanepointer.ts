// What a mouse, a pen or a finger does on the lanes: scrubs, shows what is under it, zooms and moves.
import type { Signal } from "@preact/signals-core";
import { frameAtX, isWhole, moved, reaching, type Span, zoomed } from "./span.ts";

/** What is under the pointer, in CSS pixels of the canvas. */
export interface LaneHover {
  x: number;
  y: number;
}

export interface LanePointerOptions {
  canvas: HTMLCanvasElement;
  /** null shows all frames. */
  span: Signal<Span | null>;
  present(): Span;
  frames(): number;
  hover: Signal<LaneHover | null>;
  seek(frame: number): void;
}

/** Pixels that a turn of the wheel by one line or page is. */
const WHEEL_UNITS = [1, 16, 400];
const ZOOM_SPEED = 0.0025;

export function listenToLanes(options: LanePointerOptions, signal: AbortSignal): void {
  const { canvas, span, present, frames, hover, seek } = options;
  let dragging: number | null = null;

  const scrub = (x: number): void => {
    const frame = frameAtX(x, canvas.clientWidth, present(), frames());
    if (span.peek()) span.value = reaching(present(), frame, frames());
    seek(frame);
  };
  const place = ({ clientX, clientY }: MouseEvent): LaneHover => {
    const { left, top } = canvas.getBoundingClientRect();
    return { x: clientX - left, y: clientY - top };
  };
  const down = (event: PointerEvent): void => {
    if (event.button !== 0 || dragging !== null) return;
    dragging = event.pointerId;
    canvas.setPointerCapture(event.pointerId);
    scrub(place(event).x);
  };
  const move = (event: PointerEvent): void => {
    hover.value = place(event);
    if (event.pointerId === dragging) scrub(hover.peek()?.x ?? 0);
  };
  const up = ({ pointerId, pointerType }: PointerEvent): void => {
    if (pointerId === dragging) dragging = null;
    if (pointerType === "touch") hover.value = null;
  };
  const wheel = (event: WheelEvent): void => {
    const unit = WHEEL_UNITS[event.deltaMode] ?? 1;
    // With Shift some browsers turn the wheel sideways themselves.
    const isSideways = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
    const width = Math.max(1, canvas.clientWidth);
    let next: Span;
    if (event.ctrlKey || event.metaKey) {
      const factor = Math.exp(event.deltaY * unit * ZOOM_SPEED);
      next = zoomed(present(), factor, place(event).x / width, frames());
    } else if (isSideways && span.peek()) {
      const turned = (event.deltaX || event.deltaY) * unit;
      next = moved(present(), (turned / width) * present().length, frames());
    } else return;
    event.preventDefault();
    event.stopPropagation();
    span.value = isWhole(next, frames()) ? null : next;
  };
  const heard = { signal };
  canvas.addEventListener("pointerdown", down, heard);
  canvas.addEventListener("pointermove", move, heard);
  canvas.addEventListener("pointerup", up, heard);
  canvas.addEventListener("pointercancel", up, heard);
  canvas.addEventListener("pointerleave", () => (hover.value = null), heard);
  canvas.addEventListener("wheel", wheel, { signal, passive: false });
  canvas.addEventListener("dblclick", () => (span.value = null), heard);
}

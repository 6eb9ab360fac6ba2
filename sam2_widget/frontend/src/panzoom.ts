// Moves and enlarges the picture: wheel, two fingers, middle button, and Space with the left one.
import type { Position } from "./geometry.ts";
import type { ViewState } from "./state.ts";

export interface PanZoomOptions {
  /** Round the canvas: it hears of presses first, and keeps its own from tools. */
  node: HTMLElement;
  canvas: HTMLCanvasElement;
  state: ViewState;
  /** Gives up what a tool drags: a second finger came. */
  drop(): void;
}

/** Wheels turn in notches of about 100; a pinch on a trackpad comes as a wheel of small steps. */
const NOTCH = 100;
const SMALLEST_NOTCH = 40;
const FACTOR_OF_A_NOTCH = 1.25;
/** CSS pixels of a line and of a page, where a wheel counts in those. */
const UNITS = [1, 40, 800];

interface Pan {
  id: number;
  at: Position;
}

export class PanZoom {
  #options: PanZoomOptions;
  #pan: Pan | null = null;
  #fingers = new Map<number, Position>();
  /** Two fingers were down, and not all are up yet. */
  #pinching = false;

  constructor(options: PanZoomOptions, signal: AbortSignal) {
    this.#options = options;
    const { node } = options;
    const on = <K extends keyof HTMLElementEventMap>(
      name: K,
      act: (event: HTMLElementEventMap[K]) => void,
    ): void => node.addEventListener(name, act, { signal, capture: true, passive: false });
    on("wheel", (event) => this.#turn(event));
    on("pointerdown", (event) => this.#press(event));
    on("pointermove", (event) => this.#move(event));
    on("pointerup", (event) => this.#lift(event));
    on("pointercancel", (event) => this.#lift(event));
    on("pointerleave", (event) => this.#leave(event));
    on("touchstart", (event) => this.#keepFromPage(event));
    on("touchmove", (event) => this.#keepFromPage(event));
    // The middle button would paste on some systems, and open links in others.
    on("auxclick", (event) => event.button === 1 && event.preventDefault());
  }

  /** With Ctrl or Cmd the wheel is ours, without it scrolls the page. */
  #turn(event: WheelEvent): void {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    const by = event.deltaY * (UNITS[event.deltaMode] ?? 1);
    const factor =
      Math.abs(by) >= SMALLEST_NOTCH
        ? FACTOR_OF_A_NOTCH ** -Math.min(3, Math.max(-3, by / NOTCH))
        : Math.exp(-by / NOTCH);
    this.#options.state.camera.zoomBy(factor, this.#place(event));
  }

  #press(event: PointerEvent): void {
    const { canvas, state, drop } = this.#options;
    if (event.target !== canvas) return;
    if (event.pointerType === "touch") {
      this.#fingers.set(event.pointerId, this.#place(event));
      if (this.#fingers.size === 2) {
        this.#pinching = true;
        drop();
      }
      if (this.#pinching) event.stopPropagation();
      return;
    }
    const withHand = event.button === 0 && state.camera.hand.peek();
    if (this.#pan || (event.button !== 1 && !withHand)) return;
    event.preventDefault();
    event.stopPropagation();
    this.#pan = { id: event.pointerId, at: this.#place(event) };
    state.camera.handUsed = true;
    canvas.setPointerCapture(event.pointerId);
    canvas.dataset.grip = "picture";
  }

  #move(event: PointerEvent): void {
    const { canvas, state } = this.#options;
    const at = this.#place(event);
    if (event.pointerType !== "touch") {
      state.camera.pointer = event.target === canvas ? at : null;
      canvas.toggleAttribute("data-outside", !this.#isInside(event));
    }
    if (this.#pinching) this.#pinch(event, at);
    else if (this.#pan?.id === event.pointerId) {
      state.camera.panBy({ x: at.x - this.#pan.at.x, y: at.y - this.#pan.at.y });
      this.#pan.at = at;
      event.stopPropagation();
    } else if (this.#fingers.has(event.pointerId)) this.#fingers.set(event.pointerId, at);
  }

  /** What is between the fingers stays between them. */
  #pinch(event: PointerEvent, at: Position): void {
    event.stopPropagation();
    const before = this.#fingers.get(event.pointerId);
    if (!before) return;
    this.#fingers.set(event.pointerId, at);
    const other = [...this.#fingers].find(([id]) => id !== event.pointerId)?.[1];
    if (!other) return;
    const [from, to] = [between(before, other), between(at, other)];
    const { camera } = this.#options.state;
    camera.zoomBy(distance(at, other) / Math.max(1, distance(before, other)), from);
    camera.panBy({ x: to.x - from.x, y: to.y - from.y });
  }

  #lift(event: PointerEvent): void {
    this.#fingers.delete(event.pointerId);
    if (this.#pinching) event.stopPropagation();
    if (this.#fingers.size === 0) this.#pinching = false;
    if (this.#pan?.id !== event.pointerId) return;
    event.stopPropagation();
    this.#pan = null;
    delete this.#options.canvas.dataset.grip;
  }

  #leave(event: PointerEvent): void {
    if (event.target === this.#options.canvas) this.#options.state.camera.pointer = null;
  }

  /** Two fingers do not scroll or enlarge the page. */
  #keepFromPage(event: TouchEvent): void {
    if (event.touches.length > 1) event.preventDefault();
  }

  /** Whether a place of the page is on the picture, and not beside it. */
  #isInside({ clientX, clientY }: MouseEvent): boolean {
    const { canvas, state } = this.#options;
    const { left, top, width, height } = state.camera.box(canvas);
    return clientX >= left && clientY >= top && clientX < left + width && clientY < top + height;
  }

  #place({ clientX, clientY }: MouseEvent): Position {
    const { left, top } = this.#options.canvas.getBoundingClientRect();
    return { x: clientX - left, y: clientY - top };
  }
}

function between(a: Position, b: Position): Position {
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
}

function distance(a: Position, b: Position): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}

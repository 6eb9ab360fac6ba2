// A circle as large as the brush: under the pointer, or amid the picture while the size is chosen.
import { batch, effect, type Signal, signal } from "@preact/signals-core";
import { h, type Part } from "./dom.ts";
import type { Position } from "./geometry.ts";
import type { ViewState } from "./state.ts";

/** Smaller than this (CSS pixels), the circle alone would be lost: the crosshair stays. */
const FINE = 6;
/** From this diameter on there is room for a sign in the middle. */
const ROOMY = 24;

export function createBrushCursor(
  canvas: HTMLCanvasElement,
  state: ViewState,
  closing: AbortSignal,
): Part {
  const node = h("div", { class: "s2w-brush-cursor", "aria-hidden": "true" });
  const hover: Signal<Position | null> = signal(null);
  const shift = signal(false);

  const follow = ({ clientX, clientY, shiftKey }: PointerEvent): void => {
    const box = canvas.getBoundingClientRect();
    batch(() => {
      hover.value = { x: clientX - box.left, y: clientY - box.top };
      shift.value = shiftKey;
    });
  };
  const leave = (): void => {
    hover.value = null;
  };
  const options = { signal: closing };
  canvas.addEventListener("pointermove", follow, options);
  canvas.addEventListener("pointerdown", follow, options);
  canvas.addEventListener("pointerleave", leave, options);
  canvas.addEventListener("pointercancel", leave, options);
  for (const name of ["keydown", "keyup"] as const) {
    document.addEventListener(name, ({ shiftKey }) => (shift.value = shiftKey), options);
  }

  const close = effect(() => {
    const video = state.shared.value?.video;
    const at = hover.value ?? (state.sizing.value ? middleOf(canvas) : null);
    node.hidden = !state.brushing.value || !video || at === null || state.camera.hand.value;
    if (!state.brushing.value || !video) {
      delete canvas.dataset.brush;
      return;
    }
    const size = state.brushSize.value * (state.camera.viewport.value?.scale ?? 0);
    const sign = isErasing(state, shift.value) ? "minus" : "plus";
    canvas.dataset.brush = size < FINE ? "fine" : "wide";
    node.dataset.sign = size < ROOMY ? "" : sign;
    node.style.width = `${size}px`;
    node.style.translate = `calc(${at?.x ?? 0}px - 50%) calc(${at?.y ?? 0}px - 50%)`;
  });
  return { node, close };
}

function middleOf({ clientWidth, clientHeight }: HTMLElement): Position {
  return { x: clientWidth / 2, y: clientHeight / 2 };
}

/** What the stroke under way does, or the next one would. */
function isErasing(state: ViewState, shift: boolean): boolean {
  const stroke = state.strokes.value.find(({ drawing }) => drawing);
  return stroke ? stroke.erase : (state.tool.value === "eraser") !== shift;
}

// The size of the brush, beside what the status says of it; there is none with other tools.
import { effect } from "@preact/signals-core";
import { nextSize, shareOf, sizeAt } from "./brushsize.ts";
import { h, type Part, setText } from "./dom.ts";
import { keyOf } from "./shortcuts.ts";
import type { ViewState } from "./state.ts";

const STEPS = 100;
const KEYS: Record<string, 1 | -1> = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 };

export function createSizePicker(state: ViewState, signal: AbortSignal): Part {
  const slider = h("input", {
    class: "s2w-size-slider",
    type: "range",
    min: 0,
    max: STEPS,
    "aria-label": "Brush size",
    title: `Brush size: ${keyOf("smaller")} makes it smaller, ${keyOf("larger")} larger`,
  });
  const text = h("span", { class: "s2w-size-text" });
  const node = h("div", { class: "s2w-size" }, "Size", slider, text);

  slider.addEventListener(
    "input",
    () => {
      const video = state.shared.peek()?.video;
      if (video) state.chosenSize.value = sizeAt(Number(slider.value) / STEPS, video);
    },
    { signal },
  );
  // These keys would go to other frames.
  slider.addEventListener(
    "keydown",
    (event) => {
      const direction = KEYS[event.key];
      if (!direction) return;
      event.preventDefault();
      event.stopPropagation();
      stepSize(state, direction);
    },
    { signal },
  );
  slider.addEventListener("focus", () => (state.sizing.value = true), { signal });
  slider.addEventListener("blur", () => (state.sizing.value = false), { signal });
  // After the mouse the keys belong to the picture again.
  slider.addEventListener(
    "pointerup",
    () => node.closest<HTMLElement>(".s2w-root")?.focus({ preventScroll: true }),
    { signal },
  );

  const close = effect(() => {
    const video = state.shared.value?.video;
    node.hidden = !state.brushing.value || !video;
    if (!video) return;
    const size = state.brushSize.value;
    slider.value = String(Math.round(STEPS * shareOf(size, video)));
    slider.setAttribute("aria-valuetext", `${size} pixels`);
    setText(text, `${size} px`);
  });
  return { node, close };
}

/** Makes the brush one step larger or smaller; false when no brush is in hand. */
export function stepSize(state: ViewState, direction: 1 | -1): boolean {
  const video = state.shared.peek()?.video;
  if (!state.brushing.peek() || !video) return false;
  state.chosenSize.value = nextSize(state.brushSize.peek(), direction, video);
  return true;
}

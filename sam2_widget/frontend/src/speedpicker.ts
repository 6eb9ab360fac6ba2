// How fast the video is played: the field for it, and its steps.
import { effect } from "@preact/signals-core";
import { h, type Part, setTitle } from "./dom.ts";
import { keyOf } from "./shortcuts.ts";
import type { ViewState } from "./state.ts";

/** Multiples of the video's own speed, within what `look.py` allows. */
export const SPEEDS = [0.25, 0.5, 1, 1.5, 2, 4] as const;

export function createSpeedPicker(state: ViewState, signal: AbortSignal): Part {
  const { speed } = state.look;
  const node = h("select", { class: "s2w-field s2w-speed", "data-action": "speed" });
  setTitle(node, `Speed: ${keyOf("slower")} is slower, ${keyOf("faster")} faster`, "Speed");
  let byMouse = false;
  node.addEventListener("pointerdown", () => (byMouse = true), { signal });
  node.addEventListener("keydown", () => (byMouse = false), { signal });
  node.addEventListener(
    "change",
    () => {
      speed.value = Number(node.value);
      // After the mouse the keys belong to the picture again.
      if (byMouse) node.closest<HTMLElement>(".s2w-root")?.focus({ preventScroll: true });
    },
    { signal },
  );
  const close = effect(() => {
    const choices = [...new Set([...SPEEDS, speed.value])].sort((a, b) => a - b);
    if (node.options.length !== choices.length || node.value !== String(speed.value)) {
      node.replaceChildren(...choices.map((value) => h("option", { value }, speedText(value))));
    }
    node.value = String(speed.value);
  });
  return { node, close };
}

/** Goes to the next slower or faster speed; false when there is none. */
export function stepSpeed(state: ViewState, direction: 1 | -1): boolean {
  const { speed } = state.look;
  const present = speed.peek();
  const next =
    direction > 0
      ? SPEEDS.find((value) => value > present)
      : [...SPEEDS].reverse().find((value) => value < present);
  if (next === undefined) return false;
  speed.value = next;
  return true;
}

/** "0.5x". */
export function speedText(speed: number): string {
  return `${Number(speed.toFixed(2))}×`;
}

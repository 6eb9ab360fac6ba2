// The lower edge of the picture, which is dragged, or moved with keys, to make it higher or lower.
import { effect } from "@preact/signals-core";
import { h, type Part } from "./dom.ts";
import { clamp } from "./geometry.ts";
import type { ViewState } from "./state.ts";

/** CSS pixels; Python takes no more. */
export const HEIGHTS = [120, 4000] as const;
const STEP = 16;
const LARGE_STEP = 64;
const KEYS: Record<string, number> = { ArrowUp: -1, ArrowDown: 1 };

const TITLE = "Drag to make the picture higher or lower; double-click fits it to the page";

/** @param stage what has the height */
export function createSizeHandle(state: ViewState, stage: HTMLElement, signal: AbortSignal): Part {
  const node = h("div", {
    class: "s2w-size-handle",
    role: "separator",
    tabindex: 0,
    "aria-orientation": "horizontal",
    "aria-label": "Height of the picture",
    "aria-valuemin": HEIGHTS[0],
    "aria-valuemax": HEIGHTS[1],
    title: TITLE,
  });
  const { height } = state.look;
  const present = (): number => Math.round(stage.getBoundingClientRect().height);
  const set = (wanted: number): void => {
    height.value = clamp(Math.round(wanted), ...HEIGHTS);
  };
  const fit = (): void => {
    height.value = null;
  };
  let grip: { id: number; from: number; height: number } | null = null;
  const release = (): void => {
    grip = null;
    delete node.dataset.grip;
  };
  const on = <K extends keyof HTMLElementEventMap>(
    name: K,
    act: (event: HTMLElementEventMap[K]) => void,
  ): void => node.addEventListener(name, act, { signal });
  on("pointerdown", (event) => {
    if (event.button !== 0) return;
    node.setPointerCapture(event.pointerId);
    node.dataset.grip = "height";
    grip = { id: event.pointerId, from: event.clientY, height: present() };
  });
  on("pointermove", (event) => {
    if (grip?.id !== event.pointerId || event.clientY === grip.from) return;
    set(grip.height + event.clientY - grip.from);
  });
  on("pointerup", release);
  on("pointercancel", release);
  on("lostpointercapture", release);
  on("dblclick", fit);
  on("keydown", (event) => {
    const direction = KEYS[event.key];
    if (direction) set(present() + direction * (event.shiftKey ? LARGE_STEP : STEP));
    else if (event.key === "Enter") fit();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  const close = effect(() => {
    const { stage: size } = state.camera;
    const now = Math.round(size.value?.height ?? 0);
    node.setAttribute("aria-valuenow", String(clamp(now, ...HEIGHTS)));
    node.setAttribute("aria-valuetext", `${now} pixels${height.value === null ? ", fitted" : ""}`);
  });
  return { node, close };
}

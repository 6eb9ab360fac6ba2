// The bar of the range above the lanes, with a handle for its first and one for its last frame.
import { effect } from "@preact/signals-core";
import { closer, h, type Part, setTitle } from "./dom.ts";
import { clamp } from "./geometry.ts";
import type { Playback } from "./playback.ts";
import { titleOf } from "./shortcuts.ts";
import type { ViewState } from "./state.ts";
import { rangeText, rangeWith } from "./timelineactions.ts";

type Edge = "in" | "out";

const STEPS: Record<string, number> = {
  ArrowLeft: -1,
  ArrowDown: -1,
  ArrowRight: 1,
  ArrowUp: 1,
  Home: -Infinity,
  End: Infinity,
};

/** Dragging shows the frame at the edge, so that one sees where the range begins and ends. */
export function createRangeHandles(
  state: ViewState,
  playback: Playback,
  signal: AbortSignal,
): Part {
  const bar = h("div", { class: "s2w-range-bar" });
  const node = h("div", { class: "s2w-range" }, bar);
  const first = createHandle("in");
  const last = createHandle("out");
  node.append(first, last);

  function createHandle(edge: Edge): HTMLElement {
    const handle = h("div", {
      class: "s2w-range-handle",
      "data-edge": edge,
      role: "slider",
      tabindex: 0,
      "aria-label": edge === "in" ? "Range begins" : "Range ends",
    });
    const set = (frame: number): void => {
      const whole = [0, state.frames.peek() - 1] as const;
      const [start, end] = state.look.range.peek() ?? whole;
      // A handle that is dragged stops at the other one.
      const kept = edge === "in" ? clamp(frame, 0, end) : clamp(frame, start, whole[1]);
      const range = rangeWith(state, edge, kept);
      state.look.range.value = range;
      playback.seek(kept);
      state.message.value = rangeText(range);
    };
    const frameAt = (clientX: number): number => {
      const { left, width } = node.getBoundingClientRect();
      // A handle lies between two frames, and takes the one inside the range.
      const between = Math.round(((clientX - left) / Math.max(1, width)) * state.frames.peek());
      return edge === "in" ? between : between - 1;
    };
    const options = { signal };
    handle.addEventListener(
      "pointerdown",
      (event) => {
        if (event.button !== 0 || state.frames.peek() === 0) return;
        event.preventDefault();
        handle.setPointerCapture(event.pointerId);
      },
      options,
    );
    handle.addEventListener(
      "pointermove",
      ({ pointerId, clientX }) => {
        if (handle.hasPointerCapture(pointerId)) set(frameAt(clientX));
      },
      options,
    );
    handle.addEventListener(
      "keydown",
      (event) => {
        const step = STEPS[event.key];
        if (step === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
        event.preventDefault();
        event.stopPropagation();
        const [start, end] = state.look.range.peek() ?? [0, state.frames.peek() - 1];
        set((edge === "in" ? start : end) + step * (event.shiftKey ? 10 : 1));
      },
      options,
    );
    return handle;
  }

  const show = (): void => {
    const frames = Math.max(1, state.frames.value);
    const range = state.look.range.value;
    const start = clamp(range?.[0] ?? 0, 0, frames - 1);
    const end = clamp(range?.[1] ?? frames - 1, start, frames - 1);
    node.dataset.set = String(range !== null);
    node.style.setProperty("--s2w-in", `${(100 * start) / frames}%`);
    node.style.setProperty("--s2w-out", `${100 - (100 * (end + 1)) / frames}%`);
    for (const [handle, frame, low, high] of [
      [first, start, 0, end],
      [last, end, start, frames - 1],
    ] as const) {
      handle.setAttribute("aria-valuemin", String(low));
      handle.setAttribute("aria-valuemax", String(high));
      handle.setAttribute("aria-valuenow", String(frame));
      handle.setAttribute("aria-valuetext", `Frame ${frame}`);
    }
    setTitle(first, titleOf("range-in", "In: drag, or set it here"), "Range begins");
    setTitle(last, titleOf("range-out", "Out: drag, or set it here"), "Range ends");
  };
  return { node, close: closer([effect(show)]) };
}

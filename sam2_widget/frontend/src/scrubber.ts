// The slider over all frames: the whole video at a glance, by mouse and by keyboard.
import { effect } from "@preact/signals-core";
import { closer, h, type Part } from "./dom.ts";
import type { Playback } from "./playback.ts";
import type { ViewState } from "./state.ts";
import { timeOf } from "./timing.ts";

export function createScrubber(state: ViewState, playback: Playback, signal: AbortSignal): Part {
  const slider = h("input", {
    class: "s2w-slider",
    type: "range",
    min: 0,
    max: 0,
    step: 1,
    "aria-label": "Frame",
  });
  slider.addEventListener("input", () => playback.seek(Number(slider.value)), { signal });
  const stops = [
    effect(() => {
      const last = Math.max(0, state.frames.value - 1);
      slider.max = String(last);
      slider.value = String(state.frame.value);
      slider.disabled = last === 0;
    }),
    // Not of every frame that plays: who listens would hear nothing else.
    effect(() => {
      if (!state.playing.value) slider.setAttribute("aria-valuetext", frameText(state));
    }),
    effect(() => {
      const video = state.shared.value?.video;
      const ready = video && !video.complete ? video.ready / Math.max(1, video.frames) : 1;
      slider.style.setProperty("--s2w-ready", `${(100 * ready).toFixed(1)}%`);
    }),
  ];
  return { node: slider, close: closer(stops) };
}

/** Which frame it is, of how many, and when. */
export function frameText(state: ViewState): string {
  const video = state.shared.value?.video;
  if (!video) return "";
  const frame = state.frame.value;
  const seconds = timeOf({ fps: video.fps || 25, times: state.times.value }, frame);
  return `${frame} / ${Math.max(0, video.frames - 1)} · ${seconds.toFixed(2)} s`;
}

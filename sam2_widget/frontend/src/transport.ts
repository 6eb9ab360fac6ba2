// The row below the picture: previous, play, next, the slider and which frame it is.
import { effect } from "@preact/signals-core";
import { closer, h, type Part, setText } from "./dom.ts";
import { icon } from "./icons.ts";
import type { Playback } from "./playback.ts";
import { type Actions, titleOf } from "./shortcuts.ts";
import type { ViewState } from "./state.ts";
import { timeOf } from "./timing.ts";
import { actionButton, iconOnly } from "./toolbar.ts";

export function createTransport(
  state: ViewState,
  playback: Playback,
  actions: Actions,
  signal: AbortSignal,
): Part {
  const prev = iconOnly(actionButton("prev", "prev", "Previous frame", actions, signal));
  const play = iconOnly(actionButton("play", "play", "Play", actions, signal));
  const next = iconOnly(actionButton("next", "next", "Next frame", actions, signal));
  const slider = h("input", {
    class: "s2w-slider",
    type: "range",
    min: 0,
    max: 0,
    step: 1,
    "aria-label": "Frame",
  });
  slider.addEventListener("input", () => playback.seek(Number(slider.value)), { signal });
  const label = h("span", { class: "s2w-frame-label" });

  const stops = [
    effect(() => {
      const last = Math.max(0, state.frames.value - 1);
      const frame = state.frame.value;
      slider.max = String(last);
      slider.value = String(frame);
      slider.disabled = last === 0;
      prev.disabled = frame <= 0;
      next.disabled = frame >= last;
      play.disabled = last === 0;
    }),
    effect(() => {
      const text = frameText(state);
      setText(label, text);
      slider.setAttribute("aria-valuetext", text);
    }),
    effect(() => {
      const video = state.shared.value?.video;
      const ready = video && !video.complete ? video.ready / Math.max(1, video.frames) : 1;
      slider.style.setProperty("--s2w-ready", `${(100 * ready).toFixed(1)}%`);
    }),
    effect(() => {
      const playing = state.playing.value;
      play.replaceChildren(
        icon(playing ? "pause" : "play"),
        h("span", { class: "s2w-label" }, playing ? "Pause" : "Play"),
      );
      play.title = titleOf("play", playing ? "Pause" : "Play");
    }),
  ];
  const buttons = h("div", { class: "s2w-group s2w-joined" }, prev, play, next);
  const node = h("div", { class: "s2w-transport" }, buttons, slider, label);
  return { node, close: closer(stops) };
}

function frameText(state: ViewState): string {
  const video = state.shared.value?.video;
  if (!video) return "";
  const frame = state.frame.value;
  const seconds = timeOf({ fps: video.fps || 25, times: state.times.value }, frame);
  return `${frame} / ${Math.max(0, video.frames - 1)} · ${seconds.toFixed(2)} s`;
}

// The row below the picture: previous, play, next and which frame it is.
import { effect } from "@preact/signals-core";
import { closer, h, type Part, setText } from "./dom.ts";
import { icon } from "./icons.ts";
import { frameText } from "./scrubber.ts";
import { type Actions, titleOf } from "./shortcuts.ts";
import type { ViewState } from "./state.ts";
import { actionButton, iconOnly } from "./toolbar.ts";

export function createTransport(state: ViewState, actions: Actions, signal: AbortSignal): Part {
  const prev = iconOnly(actionButton("prev", "prev", "Previous frame", actions, signal));
  const play = iconOnly(actionButton("play", "play", "Play", actions, signal));
  const next = iconOnly(actionButton("next", "next", "Next frame", actions, signal));
  const label = h("span", { class: "s2w-frame-label" });

  const stops = [
    effect(() => {
      const last = Math.max(0, state.frames.value - 1);
      const frame = state.frame.value;
      prev.disabled = frame <= 0;
      next.disabled = frame >= last;
      play.disabled = last === 0;
    }),
    effect(() => setText(label, frameText(state))),
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
  const node = h("div", { class: "s2w-transport" }, buttons, label);
  return { node, close: closer(stops) };
}

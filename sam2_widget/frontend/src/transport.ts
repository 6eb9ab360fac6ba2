// The row below the picture: previous, play, next, how it plays, which frame it is, and the help.
import { effect } from "@preact/signals-core";
import { closer, h } from "./dom.ts";
import { createGoToField, type GoToField } from "./gotofield.ts";
import { icon } from "./icons.ts";
import { loopText } from "./playactions.ts";
import type { Playback } from "./playback.ts";
import { type Actions, titleOf } from "./shortcuts.ts";
import { createSpeedPicker } from "./speedpicker.ts";
import type { ViewState } from "./state.ts";
import { actionButton, iconOnly } from "./toolbar.ts";

export function createTransport(
  state: ViewState,
  playback: Playback,
  actions: Actions,
  signal: AbortSignal,
): GoToField {
  const prev = iconOnly(actionButton("prev", "prev", "Previous frame", actions, signal));
  const play = iconOnly(actionButton("play", "play", "Play", actions, signal));
  const next = iconOnly(actionButton("next", "next", "Next frame", actions, signal));
  const loop = iconOnly(actionButton("loop", "loop", "Loop", actions, signal));
  const help = iconOnly(actionButton("help", "help", "Help", actions, signal));
  help.classList.add("s2w-plain");
  const speed = createSpeedPicker(state, signal);
  const goTo = createGoToField(state, (frame) => playback.seek(frame), actions, signal);

  const stops = [
    effect(() => {
      const last = Math.max(0, state.frames.value - 1);
      const frame = state.frame.value;
      prev.disabled = frame <= 0;
      next.disabled = frame >= last;
      play.disabled = last === 0;
    }),
    speed.close,
    goTo.close,
    effect(() => {
      loop.setAttribute("aria-pressed", String(state.look.loop.value));
      loop.title = titleOf("loop", `Play ${loopText(state.look.range.value)} in a loop`);
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
  const node = h("div", { class: "s2w-transport" }, buttons, loop, speed.node, goTo.node, help);
  return { node, open: goTo.open, close: closer(stops) };
}

// How the picture is seen, at the end of the row below it: zoom, what lies on it, full screen.
import { effect, type ReadonlySignal } from "@preact/signals-core";
import { createDisplayMenu } from "./displaymenu.ts";
import { closer, h, type Part, setText } from "./dom.ts";
import type { IconName } from "./icons.ts";
import { type Action, type Actions, titleOf } from "./shortcuts.ts";
import type { ViewState } from "./state.ts";
import { actionButton, iconOnly } from "./toolbar.ts";

export function createViewBar(
  state: ViewState,
  actions: Actions,
  isFullScreen: ReadonlySignal<boolean>,
  signal: AbortSignal,
): Part {
  const button = (action: Action, name: IconName, label: string): HTMLButtonElement =>
    iconOnly(actionButton(action, name, label, actions, signal));
  const out = button("zoom-out", "minus", "Zoom out");
  const inward = button("zoom-in", "plus", "Zoom in");
  const percent = h("button", {
    type: "button",
    class: "s2w-button s2w-zoom",
    "data-action": "fit",
  });
  percent.addEventListener("click", () => actions.fit(), { signal });
  const full = button("full-screen", "full-screen", "Full screen");
  const display = createDisplayMenu(state, actions, signal);
  const stops = [
    display.close,
    effect(() => {
      const value = state.camera.percent.value;
      const isFit = state.camera.zoom.value === null;
      setText(percent, value === null ? "" : `${value} %`);
      percent.dataset.fit = String(isFit);
      percent.title = isFit ? "All of the picture is shown" : titleOf("fit");
      percent.setAttribute("aria-label", `Zoom ${value ?? 0} %: fit the picture`);
    }),
    effect(() => {
      const on = isFullScreen.value;
      full.setAttribute("aria-pressed", String(on));
      full.title = titleOf("full-screen", on ? "Leave full screen" : undefined);
    }),
  ];
  const zoom = h(
    "div",
    { class: "s2w-joined", role: "group", "aria-label": "Zoom" },
    ...[out, percent, inward],
  );
  const node = h(
    "div",
    { class: "s2w-view-bar", role: "group", "aria-label": "View" },
    ...[zoom, display.node, full, display.popup],
  );
  return { node, close: closer(stops) };
}

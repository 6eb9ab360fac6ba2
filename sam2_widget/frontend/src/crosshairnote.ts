// Round the picture while the crosshair is on: says where it is, and gives screen readers' keys to it.
import { effect } from "@preact/signals-core";
import type { Crosshair } from "./crosshair.ts";
import { closer, h, keepFocus, type Part, setText } from "./dom.ts";
import type { ViewState } from "./state.ts";

const LABEL =
  "Crosshair on the picture: arrow keys move it, with Shift by one pixel; " +
  "Enter adds a point, Shift+Enter a negative one; Escape leaves";

export function createCrosshairNote(
  stage: HTMLElement,
  crosshair: Crosshair,
  state: ViewState,
): Part {
  // Read out from elsewhere, when it rests.
  const node = h("div", { class: "s2w-crosshair-note", "aria-hidden": "true" });
  let on: AbortController | null = null;

  const begin = (): void => {
    on = new AbortController();
    // Screen readers keep arrow keys and letters for themselves, but not from an application.
    stage.setAttribute("role", "application");
    stage.setAttribute("aria-label", LABEL);
    stage.tabIndex = 0;
    stage.focus({ preventScroll: true });
    const root = stage.closest<HTMLElement>(".s2w-root");
    const bounce = (event: FocusEvent): void => {
      // A field that gives the focus back to the widget; not somebody who goes on from here.
      const from = event.relatedTarget;
      if (event.target === root && from instanceof Node && from !== stage && root?.contains(from))
        stage.focus({ preventScroll: true });
    };
    root?.addEventListener("focusin", bounce, { signal: on.signal });
  };
  const end = (): void => {
    on?.abort();
    on = null;
    keepFocus(stage);
    for (const name of ["role", "aria-label", "tabindex"]) stage.removeAttribute(name);
  };

  const stops = [
    effect(() => {
      const isOn = state.crosshair.value !== null;
      node.hidden = !isOn;
      if (isOn && !on) begin();
      else if (!isOn && on) end();
    }),
    effect(() => {
      const at = state.crosshair.value;
      const video = state.shared.value?.video;
      if (!at || !video) return;
      setText(node, crosshair.text.value);
      // It makes room for what it tells of.
      node.dataset.side = at.y < video.height / 3 ? "bottom" : "top";
    }),
    () => on?.abort(),
  ];
  return { node, close: closer(stops) };
}

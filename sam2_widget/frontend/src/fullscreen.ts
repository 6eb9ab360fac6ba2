// Full screen: the widget takes the whole display, and its picture what the rows leave.
import { signal as createSignal, type Signal } from "@preact/signals-core";
import type { ViewState } from "./state.ts";

const REFUSED =
  "Full screen is not possible here: the page that shows this notebook does not allow it.";

export interface FullScreen {
  on: Signal<boolean>;
  toggle(): void;
}

export function createFullScreen(
  root: HTMLElement,
  state: ViewState,
  signal: AbortSignal,
): FullScreen {
  const on = createSignal(false);
  document.addEventListener(
    "fullscreenchange",
    () => {
      on.value = root.matches(":fullscreen");
      root.dataset.fullscreen = String(on.peek());
    },
    { signal },
  );
  signal.addEventListener("abort", () => {
    if (on.peek()) void document.exitFullscreen().catch(() => {});
  });
  const refuse = (): void => {
    state.message.value = REFUSED;
  };
  const toggle = (): void => {
    if (on.peek()) void document.exitFullscreen().catch(() => {});
    else if (!root.requestFullscreen) refuse();
    else root.requestFullscreen().catch(refuse);
  };
  root.dataset.fullscreen = "false";
  return { on, toggle };
}

// What keys and buttons do to how the picture is seen.
import { STEP } from "./camera.ts";
import type { Actions } from "./shortcuts.ts";
import type { ViewState } from "./state.ts";

type ViewActions = Pick<
  Actions,
  "zoom-in" | "zoom-out" | "fit" | "actual-size" | "full-screen" | "outline" | "solo" | "peek"
>;

export function createViewActions(state: ViewState, toggleFullScreen: () => void): ViewActions {
  const { camera, look, solo, peeking } = state;
  const done = (act: () => void) => () => {
    act();
    return true;
  };
  return {
    "zoom-in": done(() => camera.zoomBy(STEP)),
    "zoom-out": done(() => camera.zoomBy(1 / STEP)),
    fit: done(() => camera.fit()),
    "actual-size": done(() => camera.showActualSize()),
    "full-screen": done(toggleFullScreen),
    outline: done(() => {
      look.outline.value = !look.outline.peek();
    }),
    solo: done(() => {
      solo.value = !solo.peek();
      state.message.value = solo.peek()
        ? "Only this object is shown; S shows the others again."
        : "";
    }),
    peek: done(() => {
      peeking.value = true;
    }),
  };
}

// What the keys and buttons of keypoint mode do.
import type { KeypointEdits } from "./keypointedits.ts";
import { isSameKeypoint, type Keypoint, type KeypointView } from "./keypoints.ts";
import { type Actions, keyOf } from "./shortcuts.ts";
import type { ViewState } from "./state.ts";

export type KeypointAction = "keypoints" | "name" | "occlude" | "copy-keypoints" | "next-gap";

/** Does something, or tells the user why not. */
export type Unless = (obstacle: string | null, act: () => unknown) => true;

export const NONE_SELECTED = "Click a keypoint to select it.";
export const NONE_BEFORE = "There is no frame before this one.";
const isOff = (): string =>
  `Keypoints are off: ${keyOf("keypoints") || "the button"} turns them on.`;

export function createKeypointActions(
  state: ViewState,
  view: KeypointView,
  edits: KeypointEdits,
  focusName: () => void,
  unless: Unless,
): Pick<Actions, KeypointAction> {
  const off = (): string | null => (state.mode.peek() === "keypoint" ? null : isOff());
  const frame = (): number => view.here.peek()?.frame ?? state.frame.peek();
  return {
    keypoints: () => {
      state.mode.value = state.mode.peek() === "keypoint" ? "segment" : "keypoint";
      state.message.value = "";
      return true;
    },
    name: () => unless(off(), focusName),
    occlude: () => {
      const keypoint = selectedKeypoint(state, view);
      const obstacle = off() ?? state.obstacle.peek() ?? (keypoint ? null : NONE_SELECTED);
      return unless(obstacle, () => keypoint && edits.setVisible(keypoint, !keypoint.visible));
    },
    "copy-keypoints": () =>
      unless(off() ?? copyObstacle(state, frame()), () => edits.copy(frame())),
    "next-gap": () => unless(off(), () => edits.goToGap(state.frame.peek())),
  };
}

/** The keypoint that is selected, if it is still there. */
export function selectedKeypoint(state: ViewState, view: KeypointView): Keypoint | undefined {
  const selected = state.keypoints.selected.value;
  return view.here.value?.keypoints.find((keypoint) => isSameKeypoint(keypoint, selected));
}

/** Why no keypoints can be copied to a frame; null when they can. */
export function copyObstacle(state: ViewState, frame: number): string | null {
  return state.obstacle.value ?? (frame > 0 ? null : NONE_BEFORE);
}

/** Why there are no keypoints to clear; null when there are. */
export function clearKeypointsObstacle(view: KeypointView): string | null {
  const count = view.here.value?.keypoints.length ?? 0;
  return count > 0 ? null : "This instance has no keypoints on this frame.";
}

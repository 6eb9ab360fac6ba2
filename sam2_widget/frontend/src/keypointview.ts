// What is known of the keypoints on the frame that is seen.
import { computed } from "@preact/signals-core";
import type { Frames } from "./frames.ts";
import { type KeypointView, keypointsOn, namesOf, namesTaken, nextName } from "./keypoints.ts";
import type { Overlays } from "./overlays.ts";
import type { ViewState } from "./state.ts";

export function createKeypointView(
  state: ViewState,
  frames: Frames,
  overlays: Overlays,
): KeypointView {
  const { typed, pending, last } = state.keypoints;
  const here = computed(() => {
    overlays.version.value;
    const instance = state.instance.value;
    const frame = frames.shown.value?.index;
    if (frame === undefined) return null;
    const layer = overlays.get(frame);
    const all = keypointsOn(frame, layer, pending.value);
    const keypoints = all.filter((keypoint) => keypoint.instance === instance);
    return { frame, instance, keypoints, known: layer !== undefined };
  });
  const name = computed(() => {
    if (typed.value !== null) return typed.value.trim();
    const seen = here.value;
    const before = last.value;
    const isHere = before?.frame === seen?.frame && before?.instance === seen?.instance;
    const after = isHere ? before?.name : undefined;
    return nextName(namesOf(state.shared.value), namesTaken(seen), after);
  });
  return { here, name };
}

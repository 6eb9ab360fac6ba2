// What there is to see of keypoints on a frame: the marks with their names, and the lines between them.
import type { Position } from "./geometry.ts";
import { isSameKeypoint, type Keypoint, keypointsOn } from "./keypoints.ts";
import type { Layer } from "./mask.ts";
import { shorten } from "./names.ts";
import { scopeKey, type ViewState } from "./state.ts";

/** Characters of a name beside its keypoint. */
const LONGEST = 18;

export interface KeypointMark extends Position {
  /** What stands beside it, empty where that would be too much. */
  label: string;
  visible: boolean;
  /** Can be taken hold of now. */
  current: boolean;
  hovered: boolean;
  selected: boolean;
}

/** A line of the skeleton. */
export interface Bone {
  from: Position;
  to: Position;
  /** Both ends are visible. */
  visible: boolean;
  current: boolean;
}

export interface KeypointScene {
  marks: KeypointMark[];
  bones: Bone[];
  /** Keypoints are what the user works with: they lie on top. */
  onTop: boolean;
  /** Name of the keypoint that is selected on this frame. */
  selected: string | null;
}

export function keypointSceneOf(
  state: ViewState,
  frame: number,
  layer: Layer | undefined,
): KeypointScene {
  const { hovered, selected, pending } = state.keypoints;
  const onTop = state.mode.peek() === "keypoint";
  const isCurrent = ({ instance }: Keypoint): boolean =>
    onTop && instance === state.instance.peek();
  const seen = keypointsOn(frame, layer, pending.peek()).filter(
    (keypoint) =>
      !isVeiled(state, keypoint.instance) &&
      (isCurrent(keypoint) || !isHidden(state, keypoint.instance)),
  );
  const marks = seen.map((keypoint) => ({
    ...keypoint,
    label: onTop ? shorten(keypoint.name, LONGEST) : "",
    current: isCurrent(keypoint),
    hovered: isSameKeypoint(keypoint, hovered.peek()),
    selected: isSameKeypoint(keypoint, selected.peek()),
  }));
  const chosen = seen.find((keypoint) => isSameKeypoint(keypoint, selected.peek()));
  const bones = bonesOf(seen, state.shared.peek()?.skeleton ?? [], isCurrent);
  return { marks, bones, onTop, selected: chosen?.name ?? null };
}

function bonesOf(
  seen: readonly Keypoint[],
  skeleton: readonly (readonly [string, string])[],
  isCurrent: (keypoint: Keypoint) => boolean,
): Bone[] {
  const instances = new Map<number, Map<string, Keypoint>>();
  for (const keypoint of seen) {
    const named = instances.get(keypoint.instance) ?? new Map<string, Keypoint>();
    instances.set(keypoint.instance, named.set(keypoint.name, keypoint));
  }
  return [...instances.values()].flatMap((named) =>
    skeleton.flatMap(([first, second]) => {
      const [from, to] = [named.get(first), named.get(second)];
      if (!from || !to) return [];
      return [{ from, to, visible: from.visible && to.visible, current: isCurrent(from) }];
    }),
  );
}

/** Nothing is seen, or only another instance. */
function isVeiled({ veiled, peeking, solo, instance }: ViewState, of: number): boolean {
  return veiled.peek() || peeking.peek() || (solo.peek() && of !== instance.peek());
}

/** Who hides all there is of an instance does not want to see its keypoints either. */
function isHidden(state: ViewState, instance: number): boolean {
  const scopes = state.shared.peek()?.scopes.filter((scope) => scope.instance === instance) ?? [];
  const hidden = state.hidden.peek();
  if (state.solo.peek()) return false;
  return scopes.length > 0 && scopes.every((scope) => hidden.has(scopeKey(scope)));
}

// A new keypoint, or another place for the one that has its name: by a click or by the keyboard.
import type { Position } from "./geometry.ts";
import {
  freeName,
  type Here,
  type Keypoint,
  type KeypointView,
  namesTaken,
  refOf,
} from "./keypoints.ts";
import type { ViewState } from "./state.ts";

export interface NewKeypoint {
  kind: "add" | "again";
  start: Keypoint;
  /** What the user calls it; null where Python shall find a name. */
  name: string | null;
}

/** @param given what the next keypoint is called, empty for the first free name */
export function newKeypoint(here: Here, at: Position, given: string): NewKeypoint {
  const { frame, instance } = here;
  const name = given || freeName(namesTaken(here));
  const twin = here.keypoints.find((keypoint) => keypoint.name === name);
  const start = { frame, instance, name, visible: twin?.visible ?? true, ...at };
  return { kind: twin ? "again" : "add", start, name: given || null };
}

interface PutOptions {
  state: ViewState;
  view: KeypointView;
  acts: {
    add(keypoint: Keypoint, name: string | null): void;
    move(keypoint: Keypoint, again: boolean): void;
  };
}

/** Asks for it. It is in `state.keypoints.pending` already. */
export function putKeypoint(
  { state, view, acts }: PutOptions,
  keypoint: Keypoint,
  { kind, name }: Pick<NewKeypoint, "name"> & { kind: string },
): void {
  state.keypoints.typed.value = null;
  state.keypoints.last.value = refOf(keypoint);
  // Where Python has not told what is there, its name may turn out to be another.
  if (name !== null || view.here.peek()?.known) {
    state.keypoints.selected.value = refOf(keypoint);
    state.message.value = "";
  }
  if (kind === "again") acts.move(keypoint, true);
  else acts.add(keypoint, name);
}

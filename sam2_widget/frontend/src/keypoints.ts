// Keypoints as a view knows them: what is on a frame, what waits for its answer, and which name is next.
import { type ReadonlySignal, type Signal, signal } from "@preact/signals-core";
import type { Position } from "./geometry.ts";
import type { Layer } from "./mask.ts";
import type { State } from "./messages.ts";

/** A name occurs once on a frame of an instance. */
export interface KeypointRef {
  frame: number;
  instance: number;
  name: string;
}

export interface Keypoint extends KeypointRef, Position {
  /** Else it is occluded. */
  visible: boolean;
}

/** What this view alone knows. */
export class KeypointState {
  /** What the user wants the next keypoint to be called; null where a name is proposed. */
  readonly typed: Signal<string | null> = signal(null);
  /** Keypoints as they are dragged, or will be once their change is answered. */
  readonly pending: Signal<readonly Keypoint[]> = signal([]);
  readonly hovered: Signal<KeypointRef | null> = signal(null);
  readonly selected: Signal<KeypointRef | null> = signal(null);
  /** The one that was placed last: the names after its own come next. */
  readonly last: Signal<KeypointRef | null> = signal(null);
}

/** The keypoints of the instance that is annotated, on the frame that is seen. */
export interface Here {
  frame: number;
  instance: number;
  keypoints: readonly Keypoint[];
  /** Whether Python has told what is on this frame. */
  known: boolean;
}

/** What is known of the frame that is seen. */
export interface KeypointView {
  readonly here: ReadonlySignal<Here | null>;
  /** What the next keypoint is called; empty for the first free of k1, k2, ... */
  readonly name: ReadonlySignal<string>;
}

export function isSameKeypoint(a: KeypointRef, b: KeypointRef | null): boolean {
  return b !== null && a.frame === b.frame && a.instance === b.instance && a.name === b.name;
}

export function refOf({ frame, instance, name }: KeypointRef): KeypointRef {
  return { frame, instance, name };
}

/** What Python told of a frame, each keypoint as it will be once all that waits is answered. */
export function keypointsOn(
  frame: number,
  layer: Layer | undefined,
  pending: readonly Keypoint[],
): Keypoint[] {
  const told = (layer?.keypoints ?? []).map((keypoint) => ({ ...keypoint, frame }));
  const waiting = pending.filter((keypoint) => keypoint.frame === frame);
  const all = new Map([...told, ...waiting].map((keypoint) => [keyOf(keypoint), keypoint]));
  return [...all.values()];
}

function keyOf({ instance, name }: KeypointRef): string {
  return `${instance}/${name}`;
}

/** The names to choose from: those of the skeleton in its order, then the others. */
export function namesOf(shared: Pick<State, "skeleton" | "keypoint_names"> | null): string[] {
  return [...new Set([...(shared?.skeleton.flat() ?? []), ...(shared?.keypoint_names ?? [])])];
}

/** The first name from `last` on that is not taken, `last` itself if it is gone; empty when all are. */
export function nextName(
  names: readonly string[],
  taken: ReadonlySet<string>,
  last: string | undefined,
): string {
  const start = last === undefined ? 0 : Math.max(0, names.indexOf(last));
  const ordered = [...names.slice(start), ...names.slice(0, start)];
  return ordered.find((name) => !taken.has(name)) ?? "";
}

/** What Python calls a keypoint without a name: the first of k1, k2, ... that is not taken. */
export function freeName(taken: ReadonlySet<string>): string {
  for (let number = 1; ; number++) {
    if (!taken.has(`k${number}`)) return `k${number}`;
  }
}

export function namesTaken(here: Here | null): ReadonlySet<string> {
  return new Set(here?.keypoints.map(({ name }) => name));
}

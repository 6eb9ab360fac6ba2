// What each key and button does, or says why it cannot.
import type { ReadonlySignal } from "@preact/signals-core";
import type { Edits } from "./edits.ts";
import type { Frames } from "./frames.ts";
import { createKeypointActions, selectedKeypoint } from "./keypointactions.ts";
import type { KeypointEdits } from "./keypointedits.ts";
import type { KeypointView } from "./keypoints.ts";
import type { Lanes } from "./lanes.ts";
import { createPlayActions, type Openers } from "./playactions.ts";
import type { Playback } from "./playback.ts";
import type { Actions } from "./shortcuts.ts";
import { stepSize } from "./sizepicker.ts";
import type { Tool, ViewState } from "./state.ts";
import { createTimelineActions } from "./timelineactions.ts";
import { createViewActions } from "./viewactions.ts";

export interface ActionOptions {
  state: ViewState;
  playback: Playback;
  frames: Frames;
  edits: Edits;
  keypoints: { view: KeypointView; edits: KeypointEdits; focusName(): void };
  lanes: Lanes;
  /** Why there is nothing to clear on the frame that is seen; null when there is. */
  clearObstacle: ReadonlySignal<string | null>;
  open: Openers;
  /** Brings all to the disk, and has the notebook save too. */
  save(): void;
  /** Gives up what the pointer drags, or the crosshair; false when there is none. */
  dropDrag(): boolean;
  toggleFullScreen(): void;
  /** The keyboard gets a cursor on the picture, or gives it back. */
  toggleCrosshair(): boolean;
}

export function createActions(options: ActionOptions): Actions {
  const { state, playback, frames, edits, keypoints } = options;
  const step = (by: number) => () => {
    playback.seek(state.frame.peek() + by);
    return true;
  };
  const take = (tool: Tool) => () => {
    state.tool.value = tool;
    state.mode.value = "segment";
    return true;
  };
  /** A second time gives back the points. */
  const toggleBrush = (tool: Tool) => () => {
    state.selected.value = null;
    state.message.value = "";
    take(isTaken(state, tool) ? "point" : tool)();
  };
  /** Does it, or says why not. */
  const unless = (obstacle: string | null | undefined, act: () => unknown): true => {
    if (obstacle) state.message.value = obstacle;
    else act();
    return true;
  };
  return {
    prev: step(-1),
    next: step(1),
    back: step(-10),
    forward: step(10),
    first: step(-Infinity),
    last: step(Infinity),
    play: () => {
      playback.toggle();
      return true;
    },
    ...createViewActions(state, options.toggleFullScreen),
    point: take("point"),
    box: () => take(isTaken(state, "box") ? "point" : "box")(),
    brush: () => unless(state.obstacle.peek(), toggleBrush("brush")),
    eraser: () => unless(state.obstacle.peek(), toggleBrush("eraser")),
    smaller: () => stepSize(state, -1),
    larger: () => stepSize(state, 1),
    ...createTimelineActions(state, options.lanes, playback),
    ...createPlayActions(state, options.open),
    ...createKeypointActions(state, keypoints.view, keypoints.edits, keypoints.focusName, unless),
    crosshair: options.toggleCrosshair,
    remove: () => {
      const keypoint = selectedKeypoint(state, keypoints.view);
      if (keypoint) return unless(state.obstacle.peek(), () => keypoints.edits.remove(keypoint));
      const point = state.selected.peek();
      return point ? unless(state.obstacle.peek(), () => edits.removePoint(point)) : false;
    },
    clear: () =>
      unless(options.clearObstacle.peek(), () => {
        const shown = frames.shown.peek();
        if (!shown) return;
        if (state.mode.peek() === "keypoint") void keypoints.edits.clear(shown.index);
        else void edits.clearFrame(shown.index);
      }),
    undo: () => unless(state.obstacle.peek(), () => edits.undo("undo")),
    redo: () => unless(state.obstacle.peek(), () => edits.undo("redo")),
    rename: () => unless(state.obstacle.peek(), () => state.renameCurrent("instance")),
    track: () =>
      unless(state.trackObstacle.peek(), () =>
        edits.track({ scopes: [[state.instance.peek(), state.region.peek()]] }),
      ),
    "track-all": () => unless(state.trackAllObstacle.peek(), () => edits.track({ scopes: null })),
    save: () => {
      options.save();
      return true;
    },
    escape: () => options.dropDrag() || deselect(state) || cancelRun(state, edits),
    cancel: () => cancelRun(state, edits),
  };
}

function isTaken({ mode, tool }: ViewState, which: Tool): boolean {
  return mode.peek() === "segment" && tool.peek() === which;
}

function deselect({ selected, keypoints }: ViewState): boolean {
  if (!selected.peek() && !keypoints.selected.peek()) return false;
  selected.value = null;
  keypoints.selected.value = null;
  return true;
}

function cancelRun(state: ViewState, edits: Edits): boolean {
  if (!state.shared.peek()?.job) return false;
  void edits.cancel();
  return true;
}

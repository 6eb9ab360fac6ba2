// What the keys of the timeline do: in and out, frames with prompts, and suspect frames.
import { PROMPTS } from "./lanecolumns.ts";
import type { Lane, Lanes } from "./lanes.ts";
import type { FrameSpan } from "./look.ts";
import type { Playback } from "./playback.ts";
import type { Action, Actions } from "./shortcuts.ts";
import type { ViewState } from "./state.ts";
import { causeText, neighbour, suspectsOf } from "./suspects.ts";

type TimelineAction = Extract<
  Action,
  | "range-in"
  | "range-out"
  | "range-clear"
  | "prev-prompt"
  | "next-prompt"
  | "prev-suspect"
  | "next-suspect"
>;

export function createTimelineActions(
  state: ViewState,
  lanes: Lanes,
  playback: Playback,
): Pick<Actions, TimelineAction> {
  const say = (text: string): true => {
    state.message.value = text;
    return true;
  };
  const setRange = (edge: "in" | "out") => () => {
    if (state.frames.peek() === 0) return false;
    const range = rangeWith(state, edge, state.frame.peek());
    state.look.range.value = range;
    return say(rangeText(range));
  };
  const toPrompt = (step: 1 | -1) => () => {
    const frames = promptFrames(state, lanes);
    const target = neighbour(frames, state.frame.peek(), step);
    const what =
      state.mode.peek() === "keypoint" ? "keypoints of this instance" : "prompts of this object";
    if (target === undefined)
      return say(`No frame with ${what} ${step === 1 ? "after" : "before"} this one.`);
    playback.seek(target);
    return say("");
  };
  const toSuspect = (step: 1 | -1) => () => {
    const lane = currentLane(state, lanes);
    const target = lane && neighbour(suspectsOf(lane), state.frame.peek(), step);
    if (!lane || target === undefined)
      return say(`No suspect frame ${step === 1 ? "after" : "before"} this one.`);
    playback.seek(target);
    const text = `Frame ${target}: ${causeText(lane, target)}.`;
    state.suspect.value = { frame: target, text };
    return say(text);
  };
  return {
    "range-in": setRange("in"),
    "range-out": setRange("out"),
    "range-clear": () => {
      if (!state.look.range.peek())
        return say("No range is set: I sets its first frame, O its last.");
      state.look.range.value = null;
      return say("The range is the whole video again.");
    },
    "prev-prompt": toPrompt(-1),
    "next-prompt": toPrompt(1),
    "prev-suspect": toSuspect(-1),
    "next-suspect": toSuspect(1),
  };
}

/** The range with one edge at a frame; the other gives way when it would lie on the wrong side. */
export function rangeWith(state: ViewState, edge: "in" | "out", frame: number): FrameSpan {
  const last = Math.max(0, state.frames.peek() - 1);
  const [first, end] = state.look.range.peek() ?? [0, last];
  if (edge === "in") return [frame, end < frame ? last : end];
  return [first > frame ? 0 : first, frame];
}

export function rangeText([first, last]: FrameSpan): string {
  return `In to out: frames ${first} to ${last}. X clears the range.`;
}

/** The lane of the scope that is annotated now. */
export function currentLane(state: ViewState, lanes: Lanes): Lane | undefined {
  return lanes.of({ instance: state.instance.value, region: state.region.value });
}

function promptFrames(state: ViewState, lanes: Lanes): number[] {
  const isKeypoint = state.mode.peek() === "keypoint";
  const counts = lanes.keypoints.find(({ instance }) => instance === state.instance.peek())?.counts;
  const values = isKeypoint ? counts : currentLane(state, lanes)?.flags;
  const bits = isKeypoint ? 0xff : PROMPTS;
  const frames: number[] = [];
  values?.forEach((value, frame) => {
    if (value & bits) frames.push(frame);
  });
  return frames;
}

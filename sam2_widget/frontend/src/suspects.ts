// Where a track is most probably wrong: the frames that N goes to, and why, in words.
import { AREA_CHANGE, CENTROID_JUMP, type Lane, LOW_SCORE, SOURCE, VANISHED } from "./lanes.ts";

/** From this suspicion on, of 255, a frame is suspect. */
export const SUSPECT = 128;

/** A lane is another object whenever anything in it has changed. */
const found = new WeakMap<Lane, readonly number[]>();

/** The frames of a lane that N goes to. */
export function suspectsOf(lane: Lane): readonly number[] {
  const known = found.get(lane) ?? peaks(lane.suspicion);
  found.set(lane, known);
  return known;
}

/** The most suspect frame of each run of suspect frames; of equals the first. */
export function peaks(suspicion: Uint8Array): number[] {
  const all: number[] = [];
  let peak = -1;
  for (let frame = 0; frame <= suspicion.length; frame++) {
    const value = suspicion[frame] ?? 0;
    if (value < SUSPECT) {
      if (peak >= 0) all.push(peak);
      peak = -1;
    } else if (peak < 0 || value > (suspicion[peak] ?? 0)) peak = frame;
  }
  return all;
}

/** The first of ascending frames after this one, or the last before it when `step` is -1. */
export function neighbour(
  frames: readonly number[],
  frame: number,
  step: 1 | -1,
): number | undefined {
  return step === 1
    ? frames.find((other) => other > frame)
    : frames.findLast((other) => other < frame);
}

/** What is suspect about a frame, as a sentence without its end. */
export function causeText(lane: Lane, frame: number): string {
  switch (lane.cause[frame]) {
    case LOW_SCORE:
      return "the model is not sure that the object is there";
    case AREA_CHANGE:
      return areaText(lane, frame);
    case CENTROID_JUMP:
      return "the mask jumped";
    case VANISHED:
      return presenceText(lane, frame);
    default:
      return "the track is doubtful";
  }
}

/** By what part the area changed from one frame to another; null where either is empty or too small to tell. */
export function areaChange({ area }: Lane, from: number, to: number): number | null {
  const before = area[from] ?? 0;
  const after = area[to] ?? 0;
  return before < SMALLEST || after === 0 ? null : (after - before) / before;
}

/** Areas below this, of 255, are too coarse to compare. */
const SMALLEST = 8;

function areaText(lane: Lane, frame: number): string {
  const before = areaChange(lane, frame - 1, frame);
  const after = areaChange(lane, frame, frame + 1);
  // A correction that differs speaks against the frame before it.
  if (before !== null && size(before) >= size(after)) return `the area ${changeText(before)}`;
  return after === null
    ? "the area changed much"
    : `on the next frame the area ${changeText(after)}`;
}

/** Twice as large and half as large are the same much. */
function size(change: number | null): number {
  return change === null ? 0 : Math.abs(Math.log(Math.max(0.01, 1 + change)));
}

function changeText(change: number): string {
  const percent = Math.round(Math.abs(change) * 100);
  if (change < 0)
    return percent >= 45 && percent <= 55 ? "shrank by half" : `shrank by ${percent} %`;
  if (percent >= 90 && percent <= 110) return "doubled";
  return percent > 110
    ? `grew to ${Number((1 + change).toFixed(1))} times its size`
    : `grew by ${percent} %`;
}

function presenceText({ flags, area }: Lane, frame: number): string {
  const isThere = (other: number): boolean => (area[other] ?? 0) > 0;
  if (isThere(frame))
    return isThere(frame + 1) ? "the object came back" : "the object vanishes after it";
  const hadMask = ((flags[frame - 1] ?? 0) & SOURCE) !== 0;
  return hadMask && !isThere(frame - 1) ? "the object comes back after it" : "the object vanished";
}

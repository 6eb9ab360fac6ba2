// Which frames follow one another while playing: round a loop, and not all where they come too fast.
import type { FrameSpan } from "./look.ts";

/** What is played: frames from the first to the last, both included. */
export interface Course {
  first: number;
  last: number;
  loop: boolean;
  /** Only every so many frames are fetched; those that are here are shown all the same. */
  stride: number;
}

/** Frames per second that a display shows, and that are enough to skim through a video. */
const DISPLAYED = 60;
const SKIMMED = 30;

/** A range is played in a loop only: without one playing goes on to the end of the video. */
export function courseOf(
  frames: number,
  fps: number,
  look: { range: FrameSpan | null; speed: number; loop: boolean },
): Course {
  const end = Math.max(0, frames - 1);
  const [first, last] = (look.loop && look.range) || [0, end];
  const stride = Math.ceil((fps * look.speed) / (look.speed > 1 ? SKIMMED : DISPLAYED));
  return {
    first: Math.min(first, end),
    last: Math.min(last, end),
    loop: look.loop,
    stride: Math.max(1, stride),
  };
}

export function isOn({ first, last }: Course, frame: number): boolean {
  return frame >= first && frame <= last;
}

/** The next frames to fetch after this one, at most so many. */
export function framesAfter(course: Course, frame: number, count: number): number[] {
  const { first, last, loop, stride } = course;
  const from = loop && !isOn(course, frame) ? first - 1 : frame;
  const found: number[] = [];
  for (let step = 1; found.length < count; step++) {
    const index = stepped(course, from, step);
    if (step > last - first + 1 || index > last) break;
    if (index === frame) continue;
    const isEnd = !loop && index === last;
    if (isEnd || (index - first) % stride === 0) found.push(index);
  }
  return found;
}

/** The newest frame on the way to the one that is due which can be shown, or the present one. */
export function newestHere(
  course: Course,
  present: number,
  due: number,
  isHere: (frame: number) => boolean,
): number {
  const length = course.last - course.first + 1;
  const steps = course.loop ? (due - present + length) % length : due - present;
  for (let step = steps; step > 0; step--) {
    const index = stepped(course, present, step);
    if (isHere(index)) return index;
  }
  return present;
}

function stepped({ first, last, loop }: Course, frame: number, steps: number): number {
  return loop ? first + ((frame - first + steps) % (last - first + 1)) : frame + steps;
}

// Which frames the lanes show, and where: zooming, moving and following. A frame is as wide as its cell.
import { clamp } from "./geometry.ts";

/** From the left edge of the lanes: `length` frames from `start` on; both may be fractions. */
export interface Span {
  start: number;
  length: number;
}

/** The fewest frames that are shown, unless the video has fewer. */
const FEWEST = 10;

/** Where a followed frame comes to lie, as a part of the span. */
const MARGIN = 0.1;

export function wholeSpan(frames: number): Span {
  return { start: 0, length: Math.max(1, frames) };
}

export function isWhole(span: Span, frames: number): boolean {
  return span.length >= Math.max(1, frames);
}

/** The frame under a place, also beyond the edges, but within the video. */
export function frameAtX(x: number, width: number, span: Span, frames: number): number {
  const frame = Math.floor(span.start + (x / Math.max(1, width)) * span.length);
  return clamp(frame, 0, Math.max(0, frames - 1));
}

/** Where the middle of a frame is, as a part of the width. */
export function placeOf(frame: number, span: Span): number {
  return (frame + 0.5 - span.start) / span.length;
}

/** Shows more or fewer frames; the place `at`, a part of the width, keeps its frame. */
export function zoomed(span: Span, factor: number, at: number, frames: number): Span {
  const length = clamp(span.length * factor, Math.min(FEWEST, frames), frames);
  return fitted({ start: span.start + at * (span.length - length), length }, frames);
}

export function moved(span: Span, by: number, frames: number): Span {
  return fitted({ start: span.start + by, length: span.length }, frames);
}

/** The span that shows a frame: the same if it does already, else as after turning a page. */
export function following(span: Span, frame: number, frames: number): Span {
  const { start, length } = span;
  if (frame >= start && frame + 1 <= start + length) return span;
  const isAfter = frame >= start;
  const margin = isAfter ? MARGIN * length : (1 - MARGIN) * length;
  return fitted({ start: frame - margin, length }, frames);
}

/** The span moved no more than it takes to show a frame: while the pointer drags beyond an edge. */
export function reaching(span: Span, frame: number, frames: number): Span {
  const start = clamp(span.start, frame + 1 - span.length, frame);
  return start === span.start ? span : fitted({ start, length: span.length }, frames);
}

function fitted({ start, length }: Span, frames: number): Span {
  return { start: clamp(start, 0, Math.max(0, frames - length)), length };
}

// Lanes as columns of pixels: however long the video is, there is no more to draw than there are pixels.
import { BOX, DRAWN, type Lane, NEGATIVE, POSITIVE, SOURCE, STALE } from "./lanes.ts";
import type { Span } from "./span.ts";

export const PROMPTS = POSITIVE | NEGATIVE | BOX | DRAWN;

/** Scores below this say that the object is not there; 0 is unknown. */
const PRESENT = 128;

/** Of several frames in one column, the source that is told: the first of these. */
const RANK = [0, 3, 1, 4, 2, 0, 0, 0];

/** One byte for each column. */
export interface Columns {
  /** Source and stale of the frames in a column, as in `Lane.flags`. */
  flags: Uint8Array;
  /** 1 where some of the frames have no mask and others have. */
  partly: Uint8Array;
  /** The largest of the frames in a column. */
  suspicion: Uint8Array;
  /** 1 where the object score of a frame is low. */
  low: Uint8Array;
}

/** What the frames of a span come to in `width` columns. */
export function columnsOf(lane: Lane, span: Span, width: number): Columns {
  const columns: Columns = {
    flags: new Uint8Array(width),
    partly: new Uint8Array(width),
    suspicion: new Uint8Array(width),
    low: new Uint8Array(width),
  };
  const count = lane.flags.length;
  const step = span.length / width;
  for (let column = 0; column < width; column++) {
    const first = Math.floor(span.start + column * step);
    const next = Math.floor(span.start + (column + 1) * step);
    fill(columns, column, lane, first, Math.min(Math.max(next, first + 1), count));
  }
  return columns;
}

function fill(columns: Columns, column: number, lane: Lane, first: number, stop: number): void {
  const { flags, suspicion, score } = lane;
  let source = 0;
  let stale = 0;
  let masks = 0;
  let most = 0;
  let low = 0;
  for (let frame = first; frame < stop; frame++) {
    const flag = flags[frame] ?? 0;
    const own = flag & SOURCE;
    if (own !== 0) {
      masks++;
      stale |= flag & STALE;
      if ((RANK[own] ?? 0) > (RANK[source] ?? 0)) source = own;
    }
    most = Math.max(most, suspicion[frame] ?? 0);
    if (isLow(score[frame] ?? 0)) low = 1;
  }
  columns.flags[column] = source | stale;
  columns.partly[column] = masks > 0 && masks < stop - first ? 1 : 0;
  columns.suspicion[column] = most;
  columns.low[column] = low;
}

export function isLow(score: number): boolean {
  return score > 0 && score < PRESENT;
}

/** Columns next to each other that hold the same: calls `draw` with the first and the one after the last. */
export function eachRun(
  values: Uint8Array,
  draw: (value: number, first: number, stop: number) => void,
): void {
  let first = 0;
  for (let column = 1; column <= values.length; column++) {
    if (column < values.length && values[column] === values[first]) continue;
    draw(values[first] ?? 0, first, column);
    first = column;
  }
}

/** A place for a mark, as a part of the width, and all bits that are marked there. */
export interface Spot {
  at: number;
  bits: number;
}

/** Where frames have some of these bits; those nearer to each other than `gap`, a part of the width, share one. */
export function spotsOf(values: Uint8Array, bits: number, span: Span, gap: number): Spot[] {
  const spots: Spot[] = [];
  const first = Math.max(0, Math.floor(span.start) - 1);
  const stop = Math.min(values.length, Math.ceil(span.start + span.length) + 1);
  let last: Spot | undefined;
  for (let frame = first; frame < stop; frame++) {
    const own = (values[frame] ?? 0) & bits;
    if (own === 0) continue;
    const at = (frame + 0.5 - span.start) / span.length;
    if (last && at - last.at < gap) last.bits |= own;
    else {
      last = { at, bits: own };
      spots.push(last);
    }
  }
  return spots;
}

/** 1 for each column with a frame that has any. */
export function presence(counts: Uint8Array, span: Span, width: number): Uint8Array {
  const columns = new Uint8Array(width);
  const step = span.length / width;
  for (let column = 0; column < width; column++) {
    const first = Math.floor(span.start + column * step);
    const next = Math.floor(span.start + (column + 1) * step);
    const stop = Math.min(Math.max(next, first + 1), counts.length);
    for (let frame = first; frame < stop; frame++) {
      if (counts[frame]) columns[column] = 1;
    }
  }
  return columns;
}

// Draws the lanes of the timeline on a canvas. Nothing here knows where they come from.
import { safeColor } from "./dom.ts";
import { drawPeak, drawPrompts, inside, MARK, paint, polygon, SHADE } from "./drawlanemarks.ts";
import { type Columns, columnsOf, eachRun, PROMPTS, presence, spotsOf } from "./lanecolumns.ts";
import { EDIT, type KeypointLane, type Lane, SOURCE, STALE } from "./lanes.ts";
import type { FrameSpan } from "./look.ts";
import { placeOf, type Span } from "./span.ts";
import { suspectsOf } from "./suspects.ts";

/** One row; heights are in CSS pixels. */
export type LaneRow = { top: number; height: number; current: boolean } & (
  | { kind: "scope"; lane: Lane; color: string }
  | { kind: "keypoints"; lane: KeypointLane }
);

/** Of the theme. */
export interface LaneColors {
  text: string;
  ground: string;
  faint: string;
  /** Behind the lane that is annotated. */
  emphasis: string;
}

export interface LanePicture {
  rows: readonly LaneRow[];
  span: Span;
  /** What is not in it is dimmed. */
  range: FrameSpan | null;
  colors: LaneColors;
  /** Device pixels per CSS pixel. */
  pixelRatio: number;
}

export const SCOPE_HEIGHT = 18;
export const KEYPOINTS_HEIGHT = 14;

/** Inside a row: the band of masks, and below it the strip of suspicion. */
const BAND = { top: 1.5, height: 9 };
const STRIP = { bottom: 16, height: 5 };

const KEYPOINT_COLOR = "#8b3fd9";

/** Suspicion below the first is not drawn; from each on it has this colour, which colour-blind people tell apart. */
const HEAT = [
  [40, "#8d8d8d"],
  [80, "#b89500"],
  [128, "#e07b00"],
  [192, "#c43c00"],
] as const;

/** Everything of the lanes but the playhead, which moves without them. */
export function drawLanes(context: CanvasRenderingContext2D, picture: LanePicture): void {
  const { width, height } = context.canvas;
  const { pixelRatio, rows, range } = picture;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, width, height);
  for (const row of rows) {
    context.setTransform(pixelRatio, 0, 0, pixelRatio, 0, row.top * pixelRatio);
    if (row.current) {
      context.fillStyle = picture.colors.emphasis;
      context.fillRect(0, 0, width / pixelRatio, row.height);
    }
    if (row.kind === "scope") drawScope(context, row.lane, row.color, row.current, picture);
    else drawKeypoints(context, row.lane, row.height / 2, picture);
  }
  context.setTransform(pixelRatio, 0, 0, pixelRatio, 0, 0);
  if (range) dimOutside(context, range, picture);
}

function drawScope(
  context: CanvasRenderingContext2D,
  lane: Lane,
  color: string,
  current: boolean,
  picture: LanePicture,
): void {
  const { pixelRatio, span, colors } = picture;
  const columns = columnsOf(lane, span, context.canvas.width);
  const width = context.canvas.width / pixelRatio;
  context.globalAlpha = current ? 1 : 0.8;
  drawBand(context, columns, safeColor(color), colors.faint, pixelRatio);
  drawStrip(context, columns, colors.text, pixelRatio);
  context.globalAlpha = 1;
  for (const { at, bits } of spotsOf(lane.flags, PROMPTS, span, (2 * MARK) / width)) {
    drawPrompts(context, inside(at, width), BAND.top + BAND.height / 2, bits);
  }
  const suspects = new Uint8Array(lane.suspicion.length);
  for (const frame of suspectsOf(lane)) suspects[frame] = 1;
  for (const { at } of spotsOf(suspects, 1, span, 5 / width)) {
    drawPeak(context, inside(at, width), colors);
  }
}

/** Which frames have masks: full where up to date, hatched where stale, lined where edited by hand, else a thin line. */
function drawBand(
  context: CanvasRenderingContext2D,
  columns: Columns,
  color: string,
  faint: string,
  pixelRatio: number,
): void {
  const { flags, partly } = columns;
  const looks = flags.map((flag, column) => (flag << 1) | (partly[column] ?? 0));
  eachRun(looks, (look, first, stop) => {
    const flag = look >> 1;
    const x = first / pixelRatio;
    const width = (stop - first) / pixelRatio;
    if ((flag & SOURCE) === 0) {
      context.fillStyle = faint;
      context.fillRect(x, BAND.top + BAND.height / 2 - 0.5, width, 1);
      return;
    }
    // Where a pixel holds frames with and without a mask, the band is thinner.
    const height = look & 1 ? BAND.height / 2 : BAND.height;
    const top = BAND.top + (BAND.height - height) / 2;
    context.fillStyle = color;
    if (flag & STALE) hatch(context, { x, top, width, height }, color);
    else context.fillRect(x, top, width, height);
    if ((flag & SOURCE) === EDIT) {
      const middle = top + height / 2;
      context.fillStyle = SHADE;
      context.fillRect(x, middle - 1.5, width, 3);
      context.fillStyle = "#fff";
      context.fillRect(x, middle - 0.75, width, 1.5);
    }
  });
}

interface Bar {
  x: number;
  top: number;
  width: number;
  height: number;
}

function hatch(context: CanvasRenderingContext2D, bar: Bar, color: string): void {
  const { x, top, width, height } = bar;
  const alpha = context.globalAlpha;
  context.globalAlpha = alpha * 0.28;
  context.fillRect(x, top, width, height);
  context.globalAlpha = alpha;
  context.save();
  context.beginPath();
  context.rect(x, top, width, height);
  context.clip();
  context.beginPath();
  // At the same places whatever is drawn, so that nothing crawls.
  for (let at = Math.floor((x - height) / 5) * 5; at < x + width; at += 5) {
    context.moveTo(at, top + height);
    context.lineTo(at + height, top);
  }
  context.strokeStyle = color;
  context.lineWidth = 1.4;
  context.stroke();
  context.restore();
}

/** How doubtful the track is: by height and by colour; a line below where the object score is low. */
function drawStrip(
  context: CanvasRenderingContext2D,
  { suspicion, low }: Columns,
  text: string,
  pixelRatio: number,
): void {
  eachRun(suspicion, (value, first, stop) => {
    const heat = HEAT.findLast(([least]) => value >= least);
    if (!heat) return;
    const height = 1 + ((STRIP.height - 1) * value) / 255;
    context.fillStyle = heat[1];
    context.fillRect(
      first / pixelRatio,
      STRIP.bottom - height,
      (stop - first) / pixelRatio,
      height,
    );
  });
  context.fillStyle = text;
  eachRun(low, (value, first, stop) => {
    if (value) context.fillRect(first / pixelRatio, STRIP.bottom, (stop - first) / pixelRatio, 1);
  });
}

function drawKeypoints(
  context: CanvasRenderingContext2D,
  { counts }: KeypointLane,
  y: number,
  { span, colors, pixelRatio }: LanePicture,
): void {
  const width = context.canvas.width / pixelRatio;
  context.fillStyle = colors.faint;
  context.fillRect(0, y - 0.5, width, 1);
  context.fillStyle = KEYPOINT_COLOR;
  eachRun(presence(counts, span, context.canvas.width), (value, first, stop) => {
    if (value) context.fillRect(first / pixelRatio, y - 1, (stop - first) / pixelRatio, 2);
  });
  for (const { at } of spotsOf(counts, 255, span, 7 / width)) {
    polygon(context, [
      [at * width - 2.5, y - 2.5],
      [at * width + 2.5, y - 2.5],
      [at * width + 2.5, y + 2.5],
      [at * width - 2.5, y + 2.5],
    ]);
    paint(context, KEYPOINT_COLOR, "#fff", 1.5);
  }
}

function dimOutside(
  context: CanvasRenderingContext2D,
  [first, last]: FrameSpan,
  { span, colors, pixelRatio }: LanePicture,
): void {
  const width = context.canvas.width / pixelRatio;
  const height = context.canvas.height / pixelRatio;
  const half = 0.5 / span.length;
  const left = (placeOf(first, span) - half) * width;
  const right = (placeOf(last, span) + half) * width;
  context.globalAlpha = 0.65;
  context.fillStyle = colors.ground;
  if (left > 0) context.fillRect(0, 0, Math.min(left, width), height);
  if (right < width) context.fillRect(Math.max(0, right), 0, width, height);
  context.globalAlpha = 1;
}

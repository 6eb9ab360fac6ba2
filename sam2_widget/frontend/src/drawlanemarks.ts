// Draws the marks on a lane: its prompts, and where N goes to.
import { clamp } from "./geometry.ts";
import { BOX, DRAWN, NEGATIVE, POSITIVE } from "./lanes.ts";

/** About half of a mark's width, in CSS pixels. */
export const MARK = 4;

/** Round what is light. */
export const SHADE = "rgba(0, 0, 0, 0.6)";

const POSITIVE_COLOR = "#0b62d6";
const NEGATIVE_COLOR = "#d01f2e";

/** A small triangle that points at a frame N goes to. */
export function drawPeak(
  context: CanvasRenderingContext2D,
  x: number,
  { text, ground }: { text: string; ground: string },
): void {
  polygon(context, [
    [x - 4, 8],
    [x + 4, 8],
    [x, 13.5],
  ]);
  paint(context, text, ground, 1.5);
}

/** Marks of the first and the last frame are not cut off. */
export function inside(at: number, width: number): number {
  const isSeen = at >= 0 && at <= 1;
  return isSeen ? clamp(at * width, MARK + 1, width - MARK - 1) : at * width;
}

/** As on the picture: a blue disc, a red diamond; a square for a box, a triangle for a drawn mask. */
export function drawPrompts(
  context: CanvasRenderingContext2D,
  x: number,
  y: number,
  bits: number,
): void {
  const kinds = [POSITIVE, NEGATIVE, BOX, DRAWN].filter((bit) => bits & bit);
  const left = x - (kinds.length - 1) * MARK * 0.75;
  kinds.forEach((kind, place) => {
    drawPrompt(context, left + place * MARK * 1.5, y, kind);
  });
}

function drawPrompt(context: CanvasRenderingContext2D, x: number, y: number, kind: number): void {
  if (kind === POSITIVE) {
    context.beginPath();
    context.arc(x, y, MARK - 0.5, 0, 2 * Math.PI);
  } else {
    polygon(
      context,
      (SHAPES[kind] ?? []).map(([dx, dy]) => [x + dx * MARK, y + dy * MARK] as const),
    );
  }
  if (kind === POSITIVE) paint(context, POSITIVE_COLOR, "#fff", 2);
  else if (kind === NEGATIVE) paint(context, NEGATIVE_COLOR, "#fff", 2);
  else paint(context, "#fff", SHADE, 2);
}

const SHAPES: Record<number, readonly (readonly [number, number])[]> = {
  [NEGATIVE]: [
    [0, -1.1],
    [1.1, 0],
    [0, 1.1],
    [-1.1, 0],
  ],
  [BOX]: [
    [-0.75, -0.75],
    [0.75, -0.75],
    [0.75, 0.75],
    [-0.75, 0.75],
  ],
  [DRAWN]: [
    [0, -0.9],
    [1, 0.8],
    [-1, 0.8],
  ],
};

export function polygon(
  context: CanvasRenderingContext2D,
  corners: readonly (readonly [number, number])[],
): void {
  context.beginPath();
  for (const [x, y] of corners) context.lineTo(x, y);
  context.closePath();
}

/** Fills the path, with a line round it that shows it on any ground. */
export function paint(
  context: CanvasRenderingContext2D,
  fill: string,
  line: string,
  lineWidth: number,
): void {
  context.strokeStyle = line;
  context.lineWidth = lineWidth;
  context.lineJoin = "round";
  context.stroke();
  context.fillStyle = fill;
  context.fill();
}

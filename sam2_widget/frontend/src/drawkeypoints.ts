// Draws keypoints, their names and the lines between them on a canvas.
import type { Position } from "./geometry.ts";
import type { KeypointMark, KeypointScene } from "./keypointscene.ts";

/** From pixels of the video to CSS pixels, and from those to the canvas. */
export interface Scale {
  x: number;
  y: number;
  /** Where the picture begins on the canvas, in CSS pixels. */
  left: number;
  top: number;
  pixelRatio: number;
  /** Width of the canvas in CSS pixels. */
  width: number;
}

const PURPLE = "#8b3fd9";
const SHADE = "rgba(0, 0, 0, 0.55)";
const FONT = '600 12px system-ui, -apple-system, "Segoe UI", sans-serif';
/** From the middle of a mark to its side. */
const HALF = 5.5;

export function drawKeypoints(
  context: CanvasRenderingContext2D,
  { marks, bones }: KeypointScene,
  scale: Scale,
): void {
  const ratio = scale.pixelRatio;
  const place = ({ x, y }: Position): [number, number] => [
    scale.left + x * scale.x,
    scale.top + y * scale.y,
  ];
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.lineCap = "round";
  for (const { from, to, visible, current } of bones) {
    context.globalAlpha = current ? 1 : 0.7;
    context.beginPath();
    context.moveTo(...place(from));
    context.lineTo(...place(to));
    const width = current ? 2.5 : 1.75;
    strokeTwice(context, "#fff", width + 2.5, PURPLE, width, visible ? [] : [width, 3 * width]);
  }
  context.lineCap = "butt";
  for (const mark of [...marks].sort((a, b) => rank(a) - rank(b))) {
    const [x, y] = place(mark);
    context.setTransform(ratio, 0, 0, ratio, x * ratio, y * ratio);
    if (mark.label) drawLabel(context, mark, scale.width - x);
    drawMark(context, mark);
  }
  context.globalAlpha = 1;
}

/** What the user works with lies on top. */
function rank({ current, hovered, selected }: KeypointMark): number {
  return Number(current) + Number(selected) + 2 * Number(hovered);
}

/** Visible: a purple square with a white middle. Occluded: the same, hollow and dashed. */
function drawMark(context: CanvasRenderingContext2D, mark: KeypointMark): void {
  const size = (mark.current ? 1 : 0.7) * (mark.hovered ? 1.2 : 1);
  context.scale(size, size);
  context.globalAlpha = mark.current ? 1 : 0.8;
  if (mark.selected) {
    square(context, HALF + 5);
    strokeTwice(context, SHADE, 4, "#fff", 2);
  }
  square(context, HALF);
  if (mark.visible) {
    strokeTwice(context, SHADE, 4.5, "#fff", 3);
    context.fillStyle = PURPLE;
    context.fill();
    dot(context, "#fff");
    return;
  }
  strokeTwice(context, "#fff", 4, PURPLE, 2, [3.5, 2]);
  dot(context, PURPLE);
}

function square(context: CanvasRenderingContext2D, half: number): void {
  context.beginPath();
  context.roundRect(-half, -half, 2 * half, 2 * half, 2);
}

/** The place itself. */
function dot(context: CanvasRenderingContext2D, color: string): void {
  context.beginPath();
  context.arc(0, 0, 1.75, 0, 2 * Math.PI);
  context.fillStyle = color;
  context.fill();
}

/** A line with a rim that shows it on any ground; only the line is dashed by `dash`. */
function strokeTwice(
  context: CanvasRenderingContext2D,
  rim: string,
  rimWidth: number,
  color: string,
  width: number,
  dash: number[] = [],
): void {
  context.strokeStyle = rim;
  context.lineWidth = rimWidth;
  context.stroke();
  context.setLineDash(dash);
  context.strokeStyle = color;
  context.lineWidth = width;
  context.stroke();
  context.setLineDash([]);
}

/** @param room CSS pixels to the right edge: where they do not suffice the name stands at the left */
function drawLabel(context: CanvasRenderingContext2D, mark: KeypointMark, room: number): void {
  context.font = FONT;
  context.textBaseline = "middle";
  context.lineJoin = "round";
  const gap = (mark.current ? HALF : 0.7 * HALF) + 6 + (mark.selected ? 4 : 0);
  const fits = gap + context.measureText(mark.label).width <= room;
  context.textAlign = fits ? "left" : "right";
  const x = fits ? gap : -gap;
  context.globalAlpha = mark.current ? 1 : 0.75;
  context.strokeStyle = "rgba(32, 8, 56, 0.85)";
  context.lineWidth = 3.5;
  context.strokeText(mark.label, x, 0);
  context.fillStyle = "#fff";
  context.fillText(mark.label, x, 0);
}

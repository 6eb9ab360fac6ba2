// Draws a mask with strokes on it just as it will look when they are answered.
import { safeColor } from "./dom.ts";
import { EDGE, INNER_EDGE, pathOf } from "./drawmask.ts";
import type { PendingStroke } from "./state.ts";
import type { Painting } from "./strokes.ts";

/** From pixels of the video to those of the canvas. */
export interface Scale {
  x: number;
  y: number;
  /** Where the picture is on the canvas, in its pixels. */
  left: number;
  top: number;
  width: number;
  height: number;
  /** A CSS pixel in pixels of the video. */
  unit: number;
}

export function drawPainting(
  context: CanvasRenderingContext2D,
  painting: Painting,
  scale: Scale,
  opacity: number,
): void {
  const [area, inside] = scratch(context.canvas);
  if (!area || !inside) return;
  const color = safeColor(painting.color);
  context.setTransform(1, 0, 0, 1, 0, 0);

  fillGrown(area, painting, scale, 0, color);
  context.globalAlpha = opacity;
  context.drawImage(area.canvas, 0, 0);
  context.globalAlpha = 1;

  // An edge is the area less what lies deeper in it: white inside, the scope's colour on top.
  for (const [outer, inner, edge] of [
    [0, -INNER_EDGE, "#ffffff"],
    [EDGE / 2, -EDGE / 2, color],
  ] as const) {
    fillGrown(area, painting, scale, outer, edge);
    fillGrown(inside, painting, scale, inner, edge);
    area.setTransform(1, 0, 0, 1, 0, 0);
    area.globalCompositeOperation = "destination-out";
    area.drawImage(inside.canvas, 0, 0);
    context.drawImage(area.canvas, 0, 0);
  }
}

/** Fills the mask as its strokes make it, larger all round by `grow` CSS pixels; smaller below 0. */
function fillGrown(
  context: CanvasRenderingContext2D,
  { mask, strokes }: Painting,
  scale: Scale,
  grow: number,
  color: string,
): void {
  const by = grow * scale.unit;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, context.canvas.width, context.canvas.height);
  context.globalCompositeOperation = "source-over";
  context.fillStyle = color;
  context.strokeStyle = color;
  context.lineJoin = "round";
  context.lineCap = "round";
  if (mask) {
    const path = pathOf(mask);
    const [x, y] = [scale.left + mask.x * scale.x, scale.top + mask.y * scale.y];
    context.setTransform(scale.x, 0, 0, scale.y, x, y);
    context.fill(path, "evenodd");
    context.globalCompositeOperation = grow < 0 ? "destination-out" : "source-over";
    context.lineWidth = 2 * Math.abs(by);
    if (by !== 0) context.stroke(path);
  }
  context.setTransform(scale.x, 0, 0, scale.y, scale.left, scale.top);
  for (const stroke of strokes) {
    // What is taken away grows when the rest shrinks.
    context.globalCompositeOperation = stroke.erase ? "destination-out" : "source-over";
    const radius = stroke.radius + (stroke.erase ? -by : by);
    if (radius <= 0) continue;
    context.lineWidth = 2 * radius;
    context.stroke(lineOf(stroke));
  }
  if (grow < 0) keepFromBorder(context, scale, -by);
}

/** At the border of the frame a mask has an edge, however far a stroke went on outside. */
function keepFromBorder(context: CanvasRenderingContext2D, scale: Scale, by: number): void {
  const { left, top, width, height } = scale;
  const [x, y] = [by * scale.x, by * scale.y];
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.globalCompositeOperation = "destination-in";
  context.fillRect(left + x, top + y, width - 2 * x, height - 2 * y);
}

function lineOf({ line }: PendingStroke): Path2D {
  const path = new Path2D();
  const [first, ...others] = line;
  if (!first) return path;
  path.moveTo(first.x, first.y);
  for (const { x, y } of others) path.lineTo(x, y);
  // Canvases draw nothing from a point to itself.
  if (others.length === 0) path.lineTo(first.x + 0.001, first.y);
  return path;
}

const sheets: (CanvasRenderingContext2D | null)[] = [];

/** Two canvases of this size to put things together on; there is one pair for all views. */
function scratch({ width, height }: HTMLCanvasElement): (CanvasRenderingContext2D | null)[] {
  for (let i = sheets.length; i < 2; i++) {
    sheets.push(document.createElement("canvas").getContext("2d"));
  }
  for (const sheet of sheets) {
    if (!sheet || (sheet.canvas.width === width && sheet.canvas.height === height)) continue;
    sheet.canvas.width = width;
    sheet.canvas.height = height;
  }
  return sheets;
}

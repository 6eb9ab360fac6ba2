// Draws a mask: filled and outlined in the colour of its scope, with a white line inside when it was edited.
import { safeColor } from "./dom.ts";
import type { Mask } from "./mask.ts";

/** The fill of stale masks, as a share of that of others. */
const STALE = 0.45;
/** Width of the outline, in CSS pixels; half of it lies inside the mask. */
export const EDGE = 1.5;
/** How far (CSS pixels) the white line of an edited mask reaches into it. */
export const INNER_EDGE = 2.25;

/**
 * @param unit a CSS pixel in pixels of the video
 * @param opacity of the fill, 0 to 1
 */
export function drawMask(
  context: CanvasRenderingContext2D,
  mask: Mask,
  unit: number,
  opacity: number,
): void {
  const path = pathOf(mask);
  const color = safeColor(mask.color);
  context.fillStyle = color;
  context.globalAlpha = mask.stale ? STALE * opacity : opacity;
  if (opacity > 0) context.fill(path, "evenodd");
  context.globalAlpha = 1;
  context.lineJoin = "round";
  if (mask.source === "edit") drawInnerEdge(context, path, unit);
  context.strokeStyle = color;
  context.lineWidth = EDGE * unit;
  context.setLineDash(mask.stale ? [5 * unit, 4 * unit] : []);
  context.stroke(path);
  context.setLineDash([]);
}

function drawInnerEdge(context: CanvasRenderingContext2D, path: Path2D, unit: number): void {
  context.save();
  context.clip(path, "evenodd");
  context.strokeStyle = "#ffffff";
  context.lineWidth = 2 * INNER_EDGE * unit;
  context.stroke(path);
  context.restore();
}

/** The outlines of a mask, from its own corner on. */
export function pathOf(mask: Mask): Path2D {
  mask.path ??= makePath(mask);
  return mask.path;
}

function makePath(mask: Mask): Path2D {
  const path = new Path2D();
  for (const loop of mask.loops) {
    path.moveTo(loop[0] as number, loop[1] as number);
    for (let i = 2; i < loop.length; i += 2) path.lineTo(loop[i] as number, loop[i + 1] as number);
    path.closePath();
  }
  return path;
}

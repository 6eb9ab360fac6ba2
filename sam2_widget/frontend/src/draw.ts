// Draws a frame, its masks and its points on a canvas. Nothing here knows where they come from.
import { safeColor } from "./dom.ts";
import { drawCrosshair } from "./drawcrosshair.ts";
import { drawKeypoints } from "./drawkeypoints.ts";
import { drawMask } from "./drawmask.ts";
import { drawPainting, type Scale } from "./drawstrokes.ts";
import type { Position, Rect, Size } from "./geometry.ts";
import type { KeypointScene } from "./keypointscene.ts";
import type { Mask } from "./mask.ts";
import type { Painting } from "./strokes.ts";
import { isCrisp, type Viewport } from "./viewport.ts";

export interface Marker {
  x: number;
  y: number;
  label: number;
  /** Belongs to the scope that is annotated now. */
  current: boolean;
  /** Not answered yet. */
  pending: boolean;
  hovered: boolean;
  selected: boolean;
}

export interface Outline extends Rect {
  color: string;
  current: boolean;
}

export interface Picture {
  image: CanvasImageSource & Size;
  video: Size;
  /** Where it lies on the canvas. */
  viewport: Viewport;
  /** How much of the fill of masks covers the picture, 0 to 1. */
  opacity: number;
  masks: readonly Mask[];
  /** Masks, some of them new, with strokes that are not answered yet. */
  paintings: readonly Painting[];
  boxes: readonly Outline[];
  markers: readonly Marker[];
  keypoints: KeypointScene;
  /** With the radius of the brush, if one is in hand, in pixels of the video. */
  crosshair: (Position & { radius: number; isOnPoint: boolean }) | null;
  /** Device pixels per CSS pixel: lines and markers have the same size on every display. */
  pixelRatio: number;
}

const POSITIVE = "#0b62d6";
const NEGATIVE = "#d01f2e";
/** Seen on light and on dark. */
const RIM = "rgb(128, 128, 128)";

export function draw(context: CanvasRenderingContext2D, picture: Picture): void {
  const { viewport, opacity, keypoints, pixelRatio } = picture;
  const scale = scaleOf(picture);
  drawImage(context, picture, scale);
  context.save();
  // Where the frame ends, all that is drawn in it ends too.
  context.beginPath();
  context.rect(scale.left, scale.top, scale.width, scale.height);
  context.clip();
  for (const mask of picture.masks) {
    const painting = picture.paintings.find((other) => other.mask === mask);
    if (painting) {
      drawPainting(context, painting, scale, opacity);
      continue;
    }
    const [x, y] = [scale.left + mask.x * scale.x, scale.top + mask.y * scale.y];
    context.setTransform(scale.x, 0, 0, scale.y, x, y);
    drawMask(context, mask, scale.unit, opacity);
  }
  for (const painting of picture.paintings) {
    if (!painting.mask) drawPainting(context, painting, scale, opacity);
  }
  context.restore();
  context.setTransform(pixelRatio, 0, 0, pixelRatio, scale.left, scale.top);
  for (const box of picture.boxes) drawBox(context, box, viewport.scale, viewport.scale);
  const width = context.canvas.width / pixelRatio;
  const { x: left, y: top } = viewport;
  const onPage = { x: viewport.scale, y: viewport.scale, left, top, pixelRatio, width };
  if (!keypoints.onTop) drawKeypoints(context, keypoints, onPage);
  const ordered = [...picture.markers].sort((a, b) => rank(a) - rank(b));
  for (const marker of ordered) {
    const [x, y] = [scale.left + marker.x * scale.x, scale.top + marker.y * scale.y];
    context.setTransform(pixelRatio, 0, 0, pixelRatio, x, y);
    drawMarker(context, marker);
  }
  if (keypoints.onTop) drawKeypoints(context, keypoints, onPage);
  const { crosshair } = picture;
  if (crosshair) {
    const [x, y] = [scale.left + crosshair.x * scale.x, scale.top + crosshair.y * scale.y];
    context.setTransform(pixelRatio, 0, 0, pixelRatio, x, y);
    drawCrosshair(context, crosshair.radius * viewport.scale, crosshair.isOnPoint);
  }
}

/** From pixels of the video to those of the canvas. */
function scaleOf({ viewport, video, pixelRatio }: Picture): Scale {
  const scale = viewport.scale * pixelRatio;
  return {
    x: scale,
    y: scale,
    left: viewport.x * pixelRatio,
    top: viewport.y * pixelRatio,
    width: video.width * scale,
    height: video.height * scale,
    unit: 1 / viewport.scale,
  };
}

/** Large pixels are shown as they are; round the picture is a thin line, and then the empty canvas. */
function drawImage(
  context: CanvasRenderingContext2D,
  { image, video, viewport, pixelRatio }: Picture,
  { left, top, width, height }: Scale,
): void {
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, context.canvas.width, context.canvas.height);
  context.imageSmoothingEnabled = !isCrisp(viewport, image.width, video);
  context.imageSmoothingQuality = "high";
  context.lineWidth = 2 * pixelRatio;
  context.strokeStyle = RIM;
  context.strokeRect(left, top, width, height);
  context.drawImage(image, left, top, width, height);
}

/** What the user works with lies on top. */
function rank({ current, hovered, selected }: Marker): number {
  return Number(current) + Number(selected) + 2 * Number(hovered);
}

/** A dashed line in the colour of its scope, with a shade that shows it on any ground. */
function drawBox(
  context: CanvasRenderingContext2D,
  box: Outline,
  scaleX: number,
  scaleY: number,
): void {
  const rect = [
    box.x0 * scaleX,
    box.y0 * scaleY,
    (box.x1 - box.x0) * scaleX,
    (box.y1 - box.y0) * scaleY,
  ] as const;
  context.globalAlpha = box.current ? 1 : 0.6;
  context.lineJoin = "miter";
  context.strokeStyle = "rgba(0, 0, 0, 0.35)";
  context.lineWidth = 3;
  context.setLineDash([6, 4]);
  context.strokeRect(...rect);
  context.strokeStyle = safeColor(box.color);
  context.lineWidth = 1.5;
  context.strokeRect(...rect);
  context.setLineDash([]);
  context.globalAlpha = 1;
}

/** Positive: blue disc with a plus. Negative: red diamond with a minus. Pending: hollow. */
function drawMarker(context: CanvasRenderingContext2D, marker: Marker): void {
  const size = (marker.current ? 1 : 0.65) * (marker.hovered ? 1.2 : 1);
  context.scale(size, size);
  if (marker.selected) drawRing(context);
  context.globalAlpha = marker.current ? 1 : 0.75;
  const color = marker.label === 1 ? POSITIVE : NEGATIVE;
  outline(context, marker.label);
  context.strokeStyle = "rgba(0, 0, 0, 0.55)";
  context.lineWidth = 4.5;
  context.stroke();
  context.strokeStyle = "#fff";
  context.lineWidth = 3;
  context.stroke();
  context.fillStyle = marker.pending ? "#fff" : color;
  context.fill();
  if (marker.pending) {
    context.strokeStyle = color;
    context.lineWidth = 1.5;
    context.stroke();
  }
  sign(context, marker.label, marker.pending ? color : "#fff");
  context.globalAlpha = 1;
}

/** Round the point that Delete removes. */
function drawRing(context: CanvasRenderingContext2D): void {
  context.beginPath();
  context.arc(0, 0, 13, 0, 2 * Math.PI);
  context.strokeStyle = "rgba(0, 0, 0, 0.55)";
  context.lineWidth = 4;
  context.stroke();
  context.strokeStyle = "#fff";
  context.lineWidth = 2;
  context.stroke();
}

function outline(context: CanvasRenderingContext2D, label: number): void {
  context.beginPath();
  if (label === 1) {
    context.arc(0, 0, 7, 0, 2 * Math.PI);
    return;
  }
  for (const [x, y] of [
    [0, -8.5],
    [8.5, 0],
    [0, 8.5],
    [-8.5, 0],
  ] as const)
    context.lineTo(x, y);
  context.closePath();
}

function sign(context: CanvasRenderingContext2D, label: number, color: string): void {
  context.beginPath();
  context.moveTo(-3.5, 0);
  context.lineTo(3.5, 0);
  if (label === 1) {
    context.moveTo(0, -3.5);
    context.lineTo(0, 3.5);
  }
  context.strokeStyle = color;
  context.lineWidth = 1.8;
  context.lineCap = "butt";
  context.stroke();
}

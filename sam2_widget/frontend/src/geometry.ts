// Where things are: page, canvas and video pixels. Video coordinates start at the top-left corner of
// the top-left pixel and lie in [0, width) x [0, height).

export interface Size {
  width: number;
  height: number;
}

export interface Position {
  x: number;
  y: number;
}

/** Edges in pixels of the video. */
export interface Rect {
  x0: number;
  y0: number;
  x1: number;
  y1: number;
}

/** Where something is on the page: mostly the picture, seen or not. */
export type Box = Pick<DOMRect, "left" | "top" | "width" | "height">;

/** The widest a video is shown, in CSS pixels, and how much a small one is enlarged: to this size at least. */
const MAX_WIDTH = 960;
const LARGEST_ZOOM = 4;
const ROOMY = 512;

/** Images are asked for in widths of this step, so that dragging an edge does not fetch them all anew. */
const WIDTH_STEP = 160;

/** The position in the video, inside or not, of a point of the page. */
export function positionIn(clientX: number, clientY: number, box: Box, video: Size): Position {
  return {
    x: ((clientX - box.left) / box.width) * video.width,
    y: ((clientY - box.top) / box.height) * video.height,
  };
}

/** The same, or null outside the frame. */
export function toVideo(clientX: number, clientY: number, box: Box, video: Size): Position | null {
  const { x, y } = positionIn(clientX, clientY, box, video);
  if (!(x >= 0 && y >= 0 && x < video.width && y < video.height)) return null;
  return { x: hundredths(x, video.width), y: hundredths(y, video.height) };
}

/** The same, or the nearest position inside the frame. */
export function toVideoInside(clientX: number, clientY: number, box: Box, video: Size): Position {
  const { x, y } = toVideoEdge(clientX, clientY, box, video);
  return { x: hundredths(x, video.width), y: hundredths(y, video.height) };
}

/** The nearest position in the frame or on its far edges, where boxes may end. */
export function toVideoEdge(clientX: number, clientY: number, box: Box, video: Size): Position {
  const { x, y } = positionIn(clientX, clientY, box, video);
  return {
    x: Math.round(clamp(x, 0, video.width) * 100) / 100,
    y: Math.round(clamp(y, 0, video.height) * 100) / 100,
  };
}

/** The same, wherever it lies. */
export function toVideoAnywhere(clientX: number, clientY: number, box: Box, video: Size): Position {
  const { x, y } = positionIn(clientX, clientY, box, video);
  return { x: Math.round(x * 100) / 100, y: Math.round(y * 100) / 100 };
}

/** The rectangle between two corners, whichever way it was drawn. */
export function rectBetween(a: Position, b: Position): Rect {
  return {
    x0: Math.min(a.x, b.x),
    y0: Math.min(a.y, b.y),
    x1: Math.max(a.x, b.x),
    y1: Math.max(a.y, b.y),
  };
}

/** The item nearest to a position and within `reach` of it; of those on one spot the last. */
export function nearest<T extends Position>(
  items: readonly T[],
  at: Position,
  reach: number,
): T | null {
  let best: T | null = null;
  let least = reach;
  for (const item of items) {
    const distance = Math.hypot(item.x - at.x, item.y - at.y);
    if (distance > least) continue;
    best = item;
    least = distance;
  }
  return best;
}

/** Files hold two decimals; rounding must not reach the edge, which is outside. */
function hundredths(value: number, limit: number): number {
  const rounded = Math.round(value * 100) / 100;
  return rounded < limit ? rounded : limit - 0.01;
}

/** How wide a video is shown at most: large ones are reduced, small ones enlarged. */
export function displayWidth(video: Size): number {
  const zoom = Math.max(LARGEST_ZOOM, ROOMY / Math.max(video.width, video.height));
  return Math.min(MAX_WIDTH, video.width * zoom);
}

/** The image width worth asking for when the picture is `cssWidth` wide. */
export function imageWidth(cssWidth: number, pixelRatio: number, videoWidth: number): number {
  const steps = Math.max(1, Math.ceil((cssWidth * pixelRatio) / WIDTH_STEP));
  return Math.min(steps * WIDTH_STEP, videoWidth);
}

/** The same for a picture that is zoomed in: few different widths on the way to the video's own. */
export function zoomedWidth(fitting: number, scale: number, videoWidth: number): number {
  let width = fitting;
  while (width < videoWidth * scale && width < videoWidth) width *= 2;
  return Math.min(width, videoWidth);
}

export function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}

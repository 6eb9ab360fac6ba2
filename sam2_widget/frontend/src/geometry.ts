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

/** The widest a video is shown, in CSS pixels, and how much a small one is enlarged. */
const MAX_WIDTH = 960;
const LARGEST_ZOOM = 4;

/** Images are asked for in widths of this step, so that dragging an edge does not fetch them all anew. */
const WIDTH_STEP = 160;

/** The position in the video of a point of the page, or null outside the frame. */
export function toVideo(
  clientX: number,
  clientY: number,
  box: { left: number; top: number; width: number; height: number },
  video: Size,
): Position | null {
  const x = ((clientX - box.left) / box.width) * video.width;
  const y = ((clientY - box.top) / box.height) * video.height;
  if (!(x >= 0 && y >= 0 && x < video.width && y < video.height)) return null;
  return { x: hundredths(x, video.width), y: hundredths(y, video.height) };
}

/** Files hold two decimals; rounding must not reach the edge, which is outside. */
function hundredths(value: number, limit: number): number {
  const rounded = Math.round(value * 100) / 100;
  return rounded < limit ? rounded : limit - 0.01;
}

/** How wide a video is shown at most: large ones are reduced, small ones enlarged. */
export function displayWidth(video: Size): number {
  return Math.min(MAX_WIDTH, video.width * LARGEST_ZOOM);
}

/** The image width worth asking for when the canvas is `cssWidth` wide. */
export function imageWidth(cssWidth: number, pixelRatio: number, videoWidth: number): number {
  const steps = Math.max(1, Math.ceil((cssWidth * pixelRatio) / WIDTH_STEP));
  return Math.min(steps * WIDTH_STEP, videoWidth);
}

export function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}

// How the picture lies on the canvas: zoom, place, limits, and the way between the two.
import { type Box, clamp, type Position, type Size } from "./geometry.ts";

/** The canvas in CSS pixels, and device pixels per CSS pixel. */
export interface Stage extends Size {
  ratio: number;
}

/** Where the video's top-left corner is on the canvas, in CSS pixels. */
export interface Viewport extends Position {
  /** CSS pixels per pixel of the video. */
  scale: number;
}

/** What the user chose to see: this place of the video in the middle, at this scale. */
export interface Zoom extends Position {
  scale: number;
}

/** The most CSS pixels that a pixel of the video takes, unless fitting takes more. */
const LARGEST = 32;
const BEYOND_FIT = 4;
/** Differences of scale that nobody sees. */
const SAME = 0.001;
/** A rim narrower than this (CSS pixels) is no rim: the picture covers it. */
const RIM = 1;

/** From this scale on pixels are shown as squares, when the image has them all. */
const CRISP = 3;

/** The scale at which all of the video is seen, as large as possible. */
export function fitScale(stage: Size, video: Size): number {
  const [across, down] = [stage.width / video.width, stage.height / video.height];
  const [least, most] = [Math.min(across, down), Math.max(across, down)];
  const rim = (most - least) * (across > down ? video.width : video.height);
  return rim < RIM ? most : least;
}

/** One pixel of the video on one pixel of the display: nothing is resampled. */
export function actualScale({ ratio }: Stage): number {
  return 1 / ratio;
}

/** The smallest and the largest scale. */
export function scaleLimits(stage: Stage, video: Size): [number, number] {
  const fit = fitScale(stage, video);
  return [Math.min(fit, actualScale(stage)), Math.max(LARGEST, BEYOND_FIT * fit)];
}

/** @param zoom null fits the picture to the canvas */
export function viewportOf(zoom: Zoom | null, stage: Stage, video: Size): Viewport {
  const whole = { scale: fitScale(stage, video), ...middle(video) };
  const { scale, x, y } = keepInView(zoom ?? whole, stage, video);
  // On whole pixels of the display, so that at 1:1 nothing is resampled.
  const snap = (at: number): number => Math.round(at * stage.ratio) / stage.ratio;
  return { scale, x: snap(stage.width / 2 - x * scale), y: snap(stage.height / 2 - y * scale) };
}

/** Zooms so that what is at `at` (CSS pixels on the canvas) stays there, as far as the limits allow. */
export function zoomTo(
  zoom: Zoom | null,
  wanted: number,
  at: Position,
  stage: Stage,
  video: Size,
): Zoom | null {
  const fit = fitScale(stage, video);
  const before = zoom ?? { scale: fit, ...middle(video) };
  const [least, most] = scaleLimits(stage, video);
  let scale = clamp(wanted, least, most);
  // On its way it rests where all of the picture is seen.
  if (isBetween(fit, before.scale, scale)) scale = fit;
  if (isSame(scale, fit)) return null;
  if (isSame(scale, actualScale(stage))) scale = actualScale(stage);
  const fromMiddle = { x: at.x - stage.width / 2, y: at.y - stage.height / 2 };
  const move = 1 / before.scale - 1 / scale;
  const x = before.x + fromMiddle.x * move;
  const y = before.y + fromMiddle.y * move;
  return keepInView({ scale, x, y }, stage, video);
}

/** Moves the picture by CSS pixels; one that is seen whole stays where it is. */
export function panBy(zoom: Zoom | null, by: Position, stage: Stage, video: Size): Zoom | null {
  if (!zoom) return null;
  const { scale, x, y } = zoom;
  return keepInView({ scale, x: x - by.x / scale, y: y - by.y / scale }, stage, video);
}

/** How far (part of the canvas) what is revealed is from its edge. */
const MARGIN = 0.1;

/** Moves the picture so that a place of the video is seen, not quite at the edge. */
export function reveal(zoom: Zoom | null, at: Position, stage: Stage, video: Size): Zoom | null {
  if (!zoom) return null;
  const { scale } = zoom;
  const near = (middle: number, place: number, room: number): number => {
    const half = (0.5 - MARGIN) * (room / scale);
    return clamp(middle, place - half, place + half);
  };
  const x = near(zoom.x, at.x, stage.width);
  const y = near(zoom.y, at.y, stage.height);
  return keepInView({ scale, x, y }, stage, video);
}

/** No part of the canvas is empty while there is picture to fill it; where there is none, it is amid. */
export function keepInView({ scale, x, y }: Zoom, stage: Size, video: Size): Zoom {
  const keep = (at: number, room: number, length: number): number => {
    const half = room / scale / 2;
    return 2 * half >= length ? length / 2 : clamp(at, half, length - half);
  };
  return {
    scale,
    x: keep(x, stage.width, video.width),
    y: keep(y, stage.height, video.height),
  };
}

/** The place on the canvas, in CSS pixels, of a place in the video. */
export function fromVideo({ scale, x, y }: Viewport, at: Position): Position {
  return { x: x + at.x * scale, y: y + at.y * scale };
}

/** Where the whole picture is on the page, seen or not, when its canvas is at `canvas`. */
export function pictureBox({ scale, x, y }: Viewport, canvas: Box, video: Size): Box {
  return {
    left: canvas.left + x,
    top: canvas.top + y,
    width: video.width * scale,
    height: video.height * scale,
  };
}

/** Whether pixels are shown as squares. */
export function isCrisp({ scale }: Viewport, imageWidth: number, video: Size): boolean {
  return scale >= CRISP && imageWidth >= video.width;
}

function isSame(a: number, b: number): boolean {
  return Math.abs(a / b - 1) < SAME;
}

function isBetween(middle: number, a: number, b: number): boolean {
  const [low, high] = [Math.min(a, b), Math.max(a, b)];
  return middle > low * (1 + SAME) && middle < high * (1 - SAME);
}

function middle({ width, height }: Size): Position {
  return { x: width / 2, y: height / 2 };
}

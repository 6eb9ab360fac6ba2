// How large the brush is: its diameter, in whole pixels of the video.
import { clamp, type Size } from "./geometry.ts";

const STEP = 1.2;

/** A radius of 2 % of the shorter side: fine enough for a start. */
export function defaultSize(video: Size): number {
  return Math.max(1, Math.round(0.04 * shorter(video)));
}

/** A radius of a quarter of the shorter side. */
export function largestSize(video: Size): number {
  return Math.max(1, Math.floor(shorter(video) / 2));
}

/** The next size up (1) or down (-1): about a fifth, at least one pixel. */
export function nextSize(size: number, direction: 1 | -1, video: Size): number {
  const wanted =
    direction > 0
      ? Math.max(size + 1, Math.round(size * STEP))
      : Math.min(size - 1, Math.round(size / STEP));
  return clamp(wanted, 1, largestSize(video));
}

/** Where a size lies on a slider from 0 to 1, on which equal ways are equal ratios. */
export function shareOf(size: number, video: Size): number {
  return Math.log(size) / (Math.log(largestSize(video)) || 1);
}

export function sizeAt(share: number, video: Size): number {
  return Math.round(largestSize(video) ** share);
}

function shorter({ width, height }: Size): number {
  return Math.min(width, height);
}

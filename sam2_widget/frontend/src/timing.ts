// Seconds of frames, also where they are not evenly spaced.

/** Seconds of the first frames as they are in the video; all others follow at `fps`. */
export interface Timing {
  fps: number;
  times: Float64Array | null;
}

export function timeOf({ fps, times }: Timing, frame: number): number {
  if (!times || times.length === 0) return frame / fps;
  const known = Math.min(frame, times.length - 1);
  return (times[known] as number) + (frame - known) / fps;
}

/** The last of `count` frames that starts at or before these seconds. */
export function frameAt(timing: Timing, seconds: number, count: number): number {
  let low = 0;
  let high = Math.max(0, count - 1);
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (timeOf(timing, middle) <= seconds + 1e-6) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The seconds of frames as Python sends them: little-endian doubles. */
export function timesOf(buffer: Uint8Array<ArrayBuffer> | undefined): Float64Array | null {
  if (!buffer) return null;
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  return Float64Array.from({ length: buffer.byteLength >> 3 }, (_, i) =>
    view.getFloat64(8 * i, true),
  );
}

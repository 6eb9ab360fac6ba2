// Traces the outlines of a mask along pixel edges, so that they can be filled and stroked at any zoom.

/** Closed polygon: x0, y0, x1, y1, ... in corners of pixels. */
export type Loop = Int32Array;

const STEP_X = [1, 0, -1, 0];
const STEP_Y = [0, 1, 0, -1];

/**
 * Outlines of a mask, holes included; filled by the even-odd rule they give exactly its pixels.
 *
 * Each loop runs with the mask on its right. Pixels that touch only at a corner stay apart.
 *
 * @param packed rows from top to bottom, each padded to a whole byte, most significant bit leftmost
 */
export function trace(packed: Uint8Array, width: number, height: number): Loop[] {
  const stride = width + 2;
  const pixels = unpack(packed, width, height, stride);
  const visited = new Uint8Array(pixels.length);
  const loops: Loop[] = [];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = (y + 1) * stride + x + 1;
      if (pixels[at] && !pixels[at - stride] && !visited[at]) {
        loops.push(follow(pixels, visited, stride, x, y));
      }
    }
  }
  return loops;
}

/** One byte per pixel, with a border of zeros all round. */
function unpack(packed: Uint8Array, width: number, height: number, stride: number): Uint8Array {
  const pixels = new Uint8Array(stride * (height + 2));
  const rowBytes = Math.ceil(width / 8);
  for (let y = 0; y < height; y++) {
    for (let byte = 0; byte < rowBytes; byte++) {
      const bits = packed[y * rowBytes + byte] ?? 0;
      if (bits === 0) continue;
      const x = byte * 8;
      const at = (y + 1) * stride + x + 1;
      const count = Math.min(8, width - x);
      for (let bit = 0; bit < count; bit++) pixels[at + bit] = (bits >> (7 - bit)) & 1;
    }
  }
  return pixels;
}

/** Walks from the top-left corner of pixel (startX, startY), marking the top edges it passes. */
function follow(
  pixels: Uint8Array,
  visited: Uint8Array,
  stride: number,
  startX: number,
  startY: number,
): Loop {
  // Offsets from a corner's lower-right pixel to the two pixels ahead, by direction.
  const aheadRight = [0, -1, -stride - 1, -stride];
  const aheadLeft = [-stride, 0, -1, -stride - 1];
  const corners: number[] = [];
  let x = startX;
  let y = startY;
  let direction = 0;
  do {
    corners.push(x, y);
    let turned = 0;
    while (turned === 0) {
      if (direction === 0) visited[(y + 1) * stride + x + 1] = 1;
      x += STEP_X[direction] as number;
      y += STEP_Y[direction] as number;
      const at = (y + 1) * stride + x + 1;
      if (!pixels[at + (aheadRight[direction] as number)]) turned = 1;
      else if (pixels[at + (aheadLeft[direction] as number)]) turned = 3;
    }
    direction = (direction + turned) % 4;
  } while (x !== startX || y !== startY || direction !== 0);
  return Int32Array.from(corners);
}

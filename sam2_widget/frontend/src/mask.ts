// Decodes the masks of an overlay: deflated, packed bits to outlines in video pixels.
import { type Loop, trace } from "./contour.ts";
import { inflate } from "./inflate.ts";
import type { BoxItem, KeypointItem, MaskItem, Overlay, PointItem } from "./messages.ts";

export interface Mask {
  instance: number;
  region: string;
  color: string;
  /** What made it: click, track, edit or import. */
  source: string;
  stale: boolean;
  /** Name of the model that made it, empty when none did. */
  model: string;
  /** Position of the outlines' origin in the video. */
  x: number;
  y: number;
  loops: Loop[];
  /** Made from the outlines when first drawn. */
  path?: Path2D;
}

/** An overlay that is ready to be drawn. */
export interface Layer {
  frame: number;
  revision: number;
  masks: Mask[];
  points: PointItem[];
  boxes: BoxItem[];
  keypoints: KeypointItem[];
}

export async function decodeOverlay(overlay: Overlay): Promise<Layer> {
  const { frame, revision, points, boxes, keypoints } = overlay;
  const masks = await Promise.all(
    overlay.masks.map((item) => decodeMask(item, overlay.buffers[item.buffer])),
  );
  return { frame, revision, points, boxes, keypoints, masks };
}

async function decodeMask(
  item: MaskItem,
  buffer: Uint8Array<ArrayBuffer> | undefined,
): Promise<Mask> {
  const { instance, region, color, source, stale, model, x, y, width, height } = item;
  const empty = width === 0 || height === 0;
  const packed = empty
    ? new Uint8Array()
    : await inflate(buffer, Math.ceil(width / 8) * height, "a mask");
  const loops = empty ? [] : trace(packed, width, height);
  return { instance, region, color, source, stale, model, x, y, loops };
}

/** What a layer costs to keep, in bytes: its corners, here and in the path made of them. */
export function layerBytes(layer: Layer): number {
  const corners = layer.masks.flatMap((mask) => mask.loops).reduce((sum, l) => sum + l.length, 0);
  return 1000 + corners * 12 + layer.keypoints.length * 200;
}

import { describe, expect, test } from "vitest";
import { zoomedWidth } from "../src/geometry.ts";
import {
  fitScale,
  fromVideo,
  isCrisp,
  panBy,
  pictureBox,
  scaleLimits,
  viewportOf,
  type Zoom,
  zoomTo,
} from "../src/viewport.ts";

const VIDEO = { width: 640, height: 360 };
const STAGE = { width: 960, height: 540, ratio: 1 };
const WIDE = { width: 960, height: 300, ratio: 1 };
const MIDDLE = { x: 480, y: 270 };

/** The place in the video at a place of the canvas. */
function placeAt(zoom: Zoom | null, at: { x: number; y: number }): { x: number; y: number } {
  const { scale, x, y } = viewportOf(zoom, STAGE, VIDEO);
  return { x: (at.x - x) / scale, y: (at.y - y) / scale };
}

describe("a picture that fits", () => {
  test("fills a canvas of its shape", () => {
    expect(viewportOf(null, STAGE, VIDEO)).toEqual({ scale: 1.5, x: 0, y: 0 });
  });

  test("lies in the middle of a canvas of another shape", () => {
    const { scale, x, y } = viewportOf(null, WIDE, VIDEO);
    expect([scale, y]).toEqual([300 / 360, 0]);
    expect(x).toBe(Math.round((960 - 640 * scale) / 2));
  });

  test("covers a rim of less than a pixel, as comes of rounding", () => {
    expect(fitScale({ width: 960, height: 539.6 }, VIDEO)).toBe(1.5);
    expect(fitScale({ width: 959.5, height: 540 }, VIDEO)).toBe(1.5);
    expect(fitScale({ width: 960, height: 538 }, VIDEO)).toBe(538 / 360);
  });
});

describe("zooming", () => {
  test.each([
    [MIDDLE, 6],
    [{ x: 200, y: 100 }, 4],
    [{ x: 900, y: 530 }, 20],
  ])("at %j to %f keeps what is there", (at, scale) => {
    const before = placeAt(null, at);
    const zoom = zoomTo(null, scale, at, STAGE, VIDEO);
    expect(zoom?.scale).toBe(scale);
    const after = placeAt(zoom, at);
    expect(after.x).toBeCloseTo(before.x, 0);
    expect(Math.abs(after.x - before.x)).toBeLessThan(0.6 / scale);
    expect(Math.abs(after.y - before.y)).toBeLessThan(0.6 / scale);
  });

  test("in many steps drifts no further than in one", () => {
    const at = { x: 333, y: 222 };
    const before = placeAt(null, at);
    let zoom: Zoom | null = null;
    for (let step = 1; step <= 40; step++)
      zoom = zoomTo(zoom, 1.5 * 1.07 ** step, at, STAGE, VIDEO);
    expect(Math.abs(placeAt(zoom, at).x - before.x)).toBeLessThan(0.6 / (zoom?.scale ?? 0));
  });

  test("rests at the fit that it comes by, and goes on from there", () => {
    const small = { width: 64, height: 36 };
    const near = zoomTo(null, 1.1 * 15, MIDDLE, STAGE, small);
    expect(near?.scale).toBeCloseTo(16.5);
    expect(zoomTo(near, 10, MIDDLE, STAGE, small)).toBeNull();
    expect(zoomTo(null, 10, MIDDLE, STAGE, small)?.scale).toBe(10);
  });

  test("ends at the smallest and the largest scale", () => {
    expect(scaleLimits(STAGE, VIDEO)).toEqual([1, 32]);
    expect(scaleLimits({ ...STAGE, ratio: 2 }, { width: 3840, height: 2160 })).toEqual([0.25, 32]);
    expect(scaleLimits(STAGE, { width: 16, height: 9 })).toEqual([1, 240]);
    expect(zoomTo(null, 1000, MIDDLE, STAGE, VIDEO)?.scale).toBe(32);
    expect(zoomTo(null, 0.01, MIDDLE, STAGE, VIDEO)?.scale).toBe(1);
  });

  test("out never leaves an edge of the canvas empty that the picture can fill", () => {
    const corner = { x: 0, y: 0 };
    const zoomed = zoomTo(null, 12, { x: 960, y: 540 }, STAGE, VIDEO);
    const less = zoomTo(zoomed, 2, corner, STAGE, VIDEO);
    const { x, y, scale } = viewportOf(less, STAGE, VIDEO);
    expect(x + 640 * scale).toBeGreaterThanOrEqual(960);
    expect(y + 360 * scale).toBeGreaterThanOrEqual(540);
  });
});

describe("panning", () => {
  const zoom = zoomTo(null, 3, MIDDLE, STAGE, VIDEO);

  test("moves the picture with the hand", () => {
    const before = viewportOf(zoom, STAGE, VIDEO);
    const after = viewportOf(panBy(zoom, { x: 40, y: -25 }, STAGE, VIDEO), STAGE, VIDEO);
    expect([after.x - before.x, after.y - before.y]).toEqual([40, -25]);
  });

  test.each([
    [
      { x: 1e6, y: 1e6 },
      { x: 0, y: 0 },
    ],
    [
      { x: -1e6, y: -1e6 },
      { x: 960 - 1920, y: 540 - 1080 },
    ],
  ])("by %j ends at the border", (by, end) => {
    expect(viewportOf(panBy(zoom, by, STAGE, VIDEO), STAGE, VIDEO)).toMatchObject(end);
  });

  test("does nothing to a picture that is seen whole", () => {
    expect(panBy(null, { x: 40, y: 40 }, STAGE, VIDEO)).toBeNull();
  });

  test("stays within the border when the canvas becomes larger", () => {
    const corner = panBy(zoom, { x: 1e6, y: 1e6 }, STAGE, VIDEO);
    const larger = { width: 1600, height: 900, ratio: 1 };
    expect(viewportOf(corner, larger, VIDEO)).toEqual({ scale: 3, x: 0, y: 0 });
  });
});

describe("places", () => {
  test("of the video are found on the canvas, and the picture on the page", () => {
    const viewport = { scale: 4, x: -100, y: 20 };
    expect(fromVideo(viewport, { x: 30, y: 5 })).toEqual({ x: 20, y: 40 });
    const canvas = { left: 10, top: 50, width: 960, height: 540 };
    const box = { left: -90, top: 70, width: 2560, height: 1440 };
    expect(pictureBox(viewport, canvas, VIDEO)).toEqual(box);
  });

  test("begin on a whole pixel of the display", () => {
    const dense = { width: 960, height: 540, ratio: 1.5 };
    const { x, y } = viewportOf({ scale: 3.3, x: 200.1, y: 100.7 }, dense, VIDEO);
    expect([(x * 1.5) % 1, (y * 1.5) % 1].map((rest) => Math.abs(Math.round(rest) - rest))).toEqual(
      [expect.closeTo(0), expect.closeTo(0)],
    );
  });
});

describe("pixels", () => {
  test("are squares from three times on, when all of them are here", () => {
    expect(isCrisp({ scale: 3, x: 0, y: 0 }, 640, VIDEO)).toBe(true);
    expect(isCrisp({ scale: 2.9, x: 0, y: 0 }, 640, VIDEO)).toBe(false);
    expect(isCrisp({ scale: 8, x: 0, y: 0 }, 480, VIDEO)).toBe(false);
  });

  test.each([
    [960, 0.25, 3840, 960],
    [960, 0.3, 3840, 1920],
    [960, 1, 3840, 3840],
    [960, 9, 1920, 1920],
    [640, 9, 640, 640],
  ])("of an image %i wide at scale %f of a video %i wide: %i", (fitting, scale, width, asked) => {
    expect(zoomedWidth(fitting, scale, width)).toBe(asked);
  });
});

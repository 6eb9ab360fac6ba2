import { describe, expect, test } from "vitest";
import {
  displayWidth,
  imageWidth,
  nearest,
  rectBetween,
  toVideo,
  toVideoEdge,
  toVideoInside,
} from "../src/geometry.ts";
import { frameAt, timeOf } from "../src/timing.ts";

const VIDEO = { width: 640, height: 360 };
const BOX = { left: 100, top: 50, width: 320, height: 180 };

describe("positions", () => {
  test("the top-left corner of the canvas is the origin", () => {
    expect(toVideo(100, 50, BOX, VIDEO)).toEqual({ x: 0, y: 0 });
  });

  test("a position is scaled to pixels of the stored frame", () => {
    expect(toVideo(260.25, 140, BOX, VIDEO)).toEqual({ x: 320.5, y: 180 });
  });

  test("has two decimals and stays inside at the far edge", () => {
    const at = toVideo(419.999, 229.999, BOX, VIDEO);
    expect(at).toEqual({ x: 639.99, y: 359.99 });
  });

  test.each([
    [99.9, 100],
    [420, 100],
    [200, 49.9],
    [200, 230],
  ])("(%f, %f) is outside", (x, y) => {
    expect(toVideo(x, y, BOX, VIDEO)).toBeNull();
  });

  test("nothing is inside a canvas that is not laid out", () => {
    expect(toVideo(0, 0, { left: 0, top: 0, width: 0, height: 0 }, VIDEO)).toBeNull();
  });
});

describe("positions that may lie outside", () => {
  test("are brought to the last hundredth inside, or to the edge", () => {
    expect(toVideoInside(0, 1000, BOX, VIDEO)).toEqual({ x: 0, y: 359.99 });
    expect(toVideoEdge(1000, 1000, BOX, VIDEO)).toEqual({ x: 640, y: 360 });
  });

  test("span the same rectangle whichever way it is drawn", () => {
    const rect = { x0: 1, y0: 2, x1: 5, y1: 9 };
    expect(rectBetween({ x: 5, y: 2 }, { x: 1, y: 9 })).toEqual(rect);
    expect(rectBetween({ x: 1, y: 2 }, { x: 5, y: 9 })).toEqual(rect);
  });
});

describe("the nearest item", () => {
  const items = [
    { x: 0, y: 0, name: "a" },
    { x: 10, y: 0, name: "b" },
    { x: 10, y: 0, name: "c" },
  ];

  test.each([
    [{ x: 2, y: 0 }, "a"],
    [{ x: 9, y: 0 }, "c"],
    [{ x: 0, y: 5 }, "a"],
    [{ x: 0, y: 5.1 }, undefined],
  ])("to %j is %s", (at, name) => {
    expect(nearest(items, at, 5)?.name).toBe(name);
  });
});

describe("sizes", () => {
  test.each([
    [1920, 960],
    [640, 960],
    [160, 640],
    [64, 512],
  ])("a video %i wide is shown at most %i wide", (width, shown) => {
    expect(displayWidth({ width, height: 60 })).toBe(shown);
  });

  test.each([
    [400, 1, 1920, 480],
    [400, 2, 1920, 800],
    [401, 2, 640, 640],
    [10, 1, 1920, 160],
  ])("a canvas %i wide at ratio %i of a %i video asks for %i", (css, ratio, video, asked) => {
    expect(imageWidth(css, ratio, video)).toBe(asked);
  });
});

describe("seconds", () => {
  const even = { fps: 25, times: null };
  const uneven = { fps: 10, times: Float64Array.of(0, 0.5, 0.6) };

  test("follow the frame rate where no times are known", () => {
    expect(timeOf(even, 12)).toBeCloseTo(0.48);
    expect(frameAt(even, 0.48, 60)).toBe(12);
    expect(frameAt(even, 0.4799, 60)).toBe(11);
  });

  test("follow the times of a variable frame rate, then the frame rate", () => {
    expect(timeOf(uneven, 1)).toBe(0.5);
    expect(timeOf(uneven, 4)).toBeCloseTo(0.8);
    expect(frameAt(uneven, 0.55, 10)).toBe(1);
  });

  test("end with the last frame", () => {
    expect(frameAt(even, 1000, 60)).toBe(59);
    expect(frameAt(even, 0, 0)).toBe(0);
  });
});

import { describe, expect, test } from "vitest";
import {
  following,
  frameAtX,
  isWhole,
  moved,
  placeOf,
  reaching,
  wholeSpan,
  zoomed,
} from "../src/span.ts";

describe("frames and places", () => {
  test("each frame has a cell, from the first pixel to the last", () => {
    const whole = wholeSpan(60);
    expect([0, 9.9, 10, 599.9].map((x) => frameAtX(x, 600, whole, 60))).toEqual([0, 0, 1, 59]);
    expect(placeOf(0, whole)).toBeCloseTo(0.5 / 60);
  });

  test("beyond the edges lie the frames that are not shown, but none beyond the video", () => {
    const span = { start: 20, length: 10 };
    expect(frameAtX(-50, 100, span, 60)).toBe(15);
    expect(frameAtX(-1000, 100, span, 60)).toBe(0);
    expect(frameAtX(1000, 100, span, 60)).toBe(59);
  });
});

describe("zooming", () => {
  test("keeps the frame that is under the pointer", () => {
    const before = wholeSpan(1000);
    const after = zoomed(before, 0.25, 0.3, 1000);
    expect(after.length).toBe(250);
    expect(frameAtX(30, 100, after, 1000)).toBe(frameAtX(30, 100, before, 1000));
  });

  test("ends at ten frames, and at the whole video", () => {
    expect(zoomed(wholeSpan(1000), 0.0001, 0.5, 1000).length).toBe(10);
    const out = zoomed({ start: 900, length: 50 }, 1000, 0.5, 1000);
    expect(out).toEqual(wholeSpan(1000));
    expect(isWhole(out, 1000)).toBe(true);
  });

  test("of a video of less than ten frames shows them all", () => {
    expect(zoomed(wholeSpan(4), 0.1, 0.5, 4)).toEqual(wholeSpan(4));
  });
});

test("moving ends at the ends of the video", () => {
  expect(moved({ start: 10, length: 20 }, -50, 100)).toEqual({ start: 0, length: 20 });
  expect(moved({ start: 10, length: 20 }, 500, 100)).toEqual({ start: 80, length: 20 });
});

describe("a frame out of sight", () => {
  const span = { start: 100, length: 50 };

  test("turns the page, and one in sight does not", () => {
    expect(following(span, 149, 1000)).toBe(span);
    expect(following(span, 150, 1000)).toEqual({ start: 145, length: 50 });
    expect(following(span, 99, 1000)).toEqual({ start: 54, length: 50 });
    expect(following(span, 999, 1000)).toEqual({ start: 950, length: 50 });
  });

  test("is just reached while the pointer drags", () => {
    expect(reaching(span, 120, 1000)).toBe(span);
    expect(reaching(span, 152, 1000)).toEqual({ start: 103, length: 50 });
    expect(reaching(span, 90, 1000)).toEqual({ start: 90, length: 50 });
  });
});

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { frameNews, isInMask, pictureText, placeText } from "../src/describe.ts";
import type { Layer, Mask } from "../src/mask.ts";
import { Pace } from "../src/pace.ts";
import { ViewState } from "../src/state.ts";
import { goldenAnswer } from "./golden.ts";
import { Page } from "./page.ts";

/** A square from 10 to 20 with a hole from 13 to 15, at (100, 50) of the video. */
const MASK: Mask = {
  ...{ instance: 1, region: "overall", color: "#0072B2", source: "track", stale: true },
  ...{ x: 100, y: 50, model: "nano" },
  loops: [
    Int32Array.from([10, 10, 20, 10, 20, 20, 10, 20]),
    Int32Array.from([13, 13, 13, 15, 15, 15, 15, 13]),
  ],
};
const LAYER: Layer = {
  ...{ frame: 3, revision: 1, masks: [MASK], boxes: [] },
  keypoints: [{ instance: 1, name: "tip", x: 1, y: 1, visible: true }],
  points: [1, 1, 0].map((label, index) => ({
    ...{ instance: 1, region: "overall", index, x: 1, y: 1, label },
  })),
};

function stateWith(region: string): ViewState {
  const state = new ViewState();
  state.shared.value = goldenAnswer("state").content as never;
  state.region.value = region;
  return state;
}

describe("in words", () => {
  test.each([
    [110.5, 60.5, true],
    [119.5, 69.5, true],
    [120.5, 60.5, false],
    [113.5, 63.5, false],
    [115.5, 63.5, true],
    [0.5, 60.5, false],
  ])("the pixel of %d, %d lies in the mask: %s", (x, y, inside) => {
    expect(isInMask(MASK, { x, y })).toBe(inside);
  });

  test("a picture is its frame and what is on it", () => {
    const state = stateWith("overall");
    expect(pictureText(state, 3, LAYER)).toBe(
      "Frame 3 of 59. 1 · overall: an outdated mask, 2 positive points, 1 negative point. 1 keypoint.",
    );
    expect(pictureText(state, 3, undefined)).toBe("Frame 3 of 59.");
    state.hidden.value = new Set(["1/overall"]);
    expect(pictureText(state, 3, LAYER)).toBe("Frame 3 of 59. 1 keypoint.");
  });

  test("a place is on the mask of the object, outside it, or on others", () => {
    const state = stateWith("overall");
    const [on, off] = [
      { x: 110.5, y: 60.5 },
      { x: 10.5, y: 60.5 },
    ];
    expect(placeText(state, on, LAYER, null)).toBe("x 110, y 60, on 1 · overall");
    expect(placeText(state, off, LAYER, "a positive point")).toBe(
      "x 10, y 60, outside 1 · overall, at a positive point",
    );
    expect(placeText(state, off, undefined, null)).toBe("x 10, y 60, no mask of 1 · overall");
    state.instance.value = 4;
    expect(placeText(state, on, LAYER, null)).toBe(
      "x 110, y 60, on 1 · overall, no mask of 4 · overall",
    );
    expect(frameNews(state, 3, LAYER)).toBe("Frame 3, no mask of 4 · overall");
  });
});

describe("progress", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test("is told every five seconds at most, and every tenth", () => {
    const pace = new Pace();
    expect([0, 0.3, 0.5].map((done) => pace.isDue(done))).toEqual([false, false, false]);
    vi.advanceTimersByTime(5000);
    expect([pace.isDue(0.55), pace.isDue(0.6)]).toEqual([true, false]);
    vi.advanceTimersByTime(5000);
    expect([pace.isDue(0.6), pace.isDue(0.66)]).toEqual([false, true]);
    pace.restart();
    expect(pace.isDue(1)).toBe(false);
  });
});

describe("a screen reader", () => {
  let page: Page;
  beforeEach(() => (page = new Page()));
  afterEach(() => page.remove());

  const spoken = (): string =>
    [...page.root.querySelectorAll(":scope > .s2w-spoken > *")].map((e) => e.textContent).join("|");
  const hears = (text: string): Promise<void> => page.until(() => spoken().includes(text));

  test("hears of the frame one stays on, while one is in the widget", async () => {
    await page.start();
    page.root.focus();
    page.model.set("frame_index", 5);
    await page.until(() => page.model.of("frame").some(({ frame }) => frame === 5));
    for (const frame of [5, 6]) {
      page.model.set("frame_index", frame);
      await page.until(() => page.model.of("frame").some((asked) => asked.frame === frame));
      const asked = page.model.of("frame").find((request) => request.frame === frame);
      page.model.answerGolden(asked as never, "frame", { frame });
      await page.until(() => page.root.dataset.frame === String(frame));
    }
    await hears("Frame 6, no mask of 1 · overall");
    expect(spoken()).not.toContain("Frame 5");
  });

  test("hears no hints when one works elsewhere, but what came of tracking", async () => {
    await page.start();
    const job = { text: "Tracking instance 1, overall", done: 1, total: 60, seconds_left: 3 };
    await page.tell({ revision: 43, changed: [], job });
    await hears("Tracking instance 1, overall");
    await page.tell({ revision: 44, changed: [] });
    await hears("Tracking has ended.");
  });

  test("hears where the crosshair rests, and has the picture in words", async () => {
    await page.start();
    page.press("a");
    page.press("ArrowLeft");
    await hears("x 312, y 180, outside 1 · overall");
    expect(page.find("canvas").getAttribute("aria-label")).toContain("Frame 0 of 59. 1 · overall:");
  });
});

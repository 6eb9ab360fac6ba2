import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { stepOf } from "../src/crosshair.ts";
import type { FakeModel } from "./fake_model.ts";
import { Page } from "./page.ts";

let page: Page;
let model: FakeModel;

beforeEach(() => {
  page = new Page();
  ({ model } = page);
});
afterEach(() => page.remove());

const press = (...keys: string[]): void => {
  for (const key of keys) {
    const [name = "", shift] = key.split("+").reverse();
    page.press(name, { shiftKey: shift === "Shift" });
  }
};
const note = (): HTMLElement => page.find(".s2w-crosshair-note");
const said = (): string | null => note().textContent;
const at = (place: string): Promise<void> =>
  page.until(() => page.root.dataset.crosshair === place);

/** A square mask of the present object round the middle, and no prompts. */
const NO_PROMPTS = { masks: [], points: [], boxes: [], keypoints: [] };

describe("the crosshair", () => {
  test("comes with A, amid the picture, and goes with A or Escape", async () => {
    await page.start({}, NO_PROMPTS);
    press("a");
    await at("320,180");
    expect(note().hidden).toBe(false);
    expect(document.activeElement).toBe(page.find(".s2w-stage"));
    expect(page.find(".s2w-stage").getAttribute("role")).toBe("application");
    expect(page.find("[data-action=crosshair]").getAttribute("aria-pressed")).toBe("true");
    press("a");
    await at("");
    expect(note().hidden).toBe(true);
    expect(page.find(".s2w-stage").hasAttribute("role")).toBe(false);
    expect(document.activeElement).toBe(page.root);
    press("a", "Escape");
    await at("");
  });

  test("keeps arrow keys while it is on, by steps or by pixels, and stays in the picture", async () => {
    await page.start({}, NO_PROMPTS);
    press("a", "ArrowRight", "ArrowDown", "Shift+ArrowLeft", "Shift+ArrowUp");
    await at("327,187");
    expect(model.traits.frame_index).toBe(0);
    for (let i = 0; i < 60; i++) press("ArrowLeft", "ArrowUp");
    await at("0,0");
    press("a", "ArrowRight");
    expect(model.traits.frame_index).toBe(1);
    press("a");
    await at("0,0");
  });

  test("moves faster while a key is held", async () => {
    await page.start({}, NO_PROMPTS);
    press("a");
    page.press("ArrowRight");
    for (let i = 0; i < 8; i++) page.press("ArrowRight", { repeat: true });
    await at(`${320 + 8 * 8 + 16},180`);
    page.press("ArrowRight");
    await at(`${320 + 8 * 8 + 16 + 8},180`);
  });

  test("goes by steps that suit the picture", () => {
    expect(stepOf({ width: 64, height: 64 })).toBe(1);
    expect(stepOf({ width: 640, height: 360 })).toBe(8);
    expect(stepOf({ width: 2160, height: 3840 })).toBe(48);
  });

  test.each([
    ["Enter", 1],
    ["Shift+Enter", 0],
  ])("%s adds a point in the middle of its pixel", async (key, label) => {
    await page.start({}, NO_PROMPTS);
    press("a", "Shift+ArrowRight", key);
    const { id, view, ...request } = model.last("add_point");
    const scope = { instance: 1, region: "overall" };
    const place = { x: 321.5, y: 180.5 };
    expect(request).toEqual({ kind: "add_point", frame: 0, ...scope, ...place, label });
  });

  test("adds a point once, however long Enter is held, and none where there is one", async () => {
    const point = { instance: 1, region: "overall", index: 0, x: 320.5, y: 180.5, label: 1 };
    await page.start({}, { ...NO_PROMPTS, points: [point] });
    press("a", "Enter");
    expect(model.of("add_point")).toEqual([]);
    expect(page.status).toContain("Delete removes it");
    press("ArrowLeft", "ArrowLeft", "ArrowLeft", "ArrowLeft", "Enter");
    page.press("Enter", { repeat: true });
    expect(model.of("add_point").length).toBe(1);
  });

  test("selects the point it comes to, which Delete removes, and lets go of it", async () => {
    const point = { instance: 1, region: "overall", index: 0, x: 336, y: 180, label: 0 };
    await page.start({}, { ...NO_PROMPTS, points: [point] });
    press("a", "ArrowRight");
    await page.until(() => page.root.dataset.selected === "0");
    expect(said()).toContain("at a negative point");
    for (let i = 0; i < 4; i++) press("ArrowLeft");
    await page.until(() => page.root.dataset.selected === "");
    press("ArrowRight", "ArrowRight", "ArrowRight");
    await page.until(() => page.root.dataset.selected === "0");
    press("Delete");
    expect(model.last("remove_point")).toMatchObject({ frame: 0, index: 0 });
  });

  test("selects nothing while a point is being removed: the next would get its number", async () => {
    const point = { instance: 1, region: "overall", index: 0, x: 320, y: 180, label: 0 };
    const points = [point, { ...point, index: 1, x: 100 }];
    await page.start({}, { ...NO_PROMPTS, points });
    press("a");
    await page.until(() => page.root.dataset.selected === "0");
    press("Delete");
    await page.until(() => page.root.dataset.selected === "");
    await new Promise((resolve) => setTimeout(resolve));
    press("Delete");
    expect(model.of("remove_point").length).toBe(1);
    const answer = { frame: 0, revision: 43, ...NO_PROMPTS, points: [{ ...point, x: 330 }] };
    model.answerGolden(model.last("remove_point"), "overlay", answer);
    await page.until(() => page.root.dataset.selected === "0");
  });

  test("sets a box by two corners, and Escape gives up the first", async () => {
    await page.start({}, NO_PROMPTS);
    press("b", "a", "Enter", "Enter");
    expect(page.status).toContain("width and height");
    press("ArrowRight");
    await page.until(() => page.root.dataset.boxes === "1");
    press("Escape");
    await page.until(() => page.root.dataset.boxes === "0");
    expect(page.root.dataset.crosshair).toBe("328,180");
    press("Enter", "ArrowLeft", "ArrowUp", "Enter");
    const edges = { x0: 320, y0: 172, x1: 329, y1: 181 };
    expect(model.last("set_box")).toMatchObject({ frame: 0, ...edges });
  });

  test.each([
    ["d", "Enter", false],
    ["d", "Shift+Enter", true],
    ["e", "Enter", true],
  ])("dabs with the brush after %s and %s", async (tool, key, erase) => {
    await page.start({}, NO_PROMPTS);
    press(tool, "a", key);
    expect(model.last("brush")).toMatchObject({ frame: 0, stroke: [[320.5, 180.5]], erase });
  });

  test("places the next keypoint, and says which is occluded", async () => {
    const tip = { instance: 1, name: "tip", x: 336, y: 180, visible: true };
    await page.start(
      { keypoint_names: ["tip", "base"], skeleton: [] },
      { ...NO_PROMPTS, keypoints: [tip] },
    );
    press("k", "a", "Enter");
    const scope = { frame: 0, instance: 1 };
    expect(model.last("add_keypoint")).toMatchObject({
      ...scope,
      name: "base",
      x: 320.5,
      y: 180.5,
    });
    press("Shift+Enter");
    expect(model.last("set_keypoint_visible")).toMatchObject({ name: "base", visible: false });
    press("ArrowRight", "ArrowRight");
    await page.until(() => page.root.dataset.keypoint === "tip");
    press("v");
    expect(model.last("set_keypoint_visible")).toMatchObject({ name: "tip", visible: false });
    for (let i = 0; i < 6; i++) press("ArrowDown");
    press("Shift+Enter");
    expect(page.status).toContain("No keypoint is here");
  });

  test("begins at the selected point, else under the mouse", async () => {
    const point = { instance: 1, region: "overall", index: 0, x: 100, y: 50, label: 1 };
    await page.start({}, { ...NO_PROMPTS, points: [point] });
    page.pointer("move", { clientX: 60, clientY: 40 });
    press("a");
    await at("100,40");
    press("a");
    const place = { clientX: 60, clientY: 45 };
    page.pointer("down", place);
    page.pointer("up", place);
    await page.until(() => page.root.dataset.selected === "0");
    press("a");
    await at("100,50");
  });

  test("changes nothing in a project that is open elsewhere, and says so", async () => {
    await page.start({ read_only: true }, NO_PROMPTS);
    press("a", "Enter");
    expect(model.of("add_point")).toEqual([]);
    expect(page.status).toContain("read-only");
  });

  test("leaves buttons, fields and sliders their keys", async () => {
    await page.start({}, NO_PROMPTS);
    press("a");
    for (const selector of ["[data-action=undo]", ".s2w-instance"]) {
      const event = new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true });
      page.find(selector).dispatchEvent(event);
      expect(event.defaultPrevented).toBe(false);
    }
    const arrow = new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true });
    page.find(".s2w-slider").dispatchEvent(arrow);
    expect(model.traits.frame_index).toBe(1);
    expect(model.of("add_point")).toEqual([]);
    await at("320,180");
  });
});

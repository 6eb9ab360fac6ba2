import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { defaultSize, largestSize, nextSize, shareOf, sizeAt } from "../src/brushsize.ts";
import { decodeOverlay, type Layer } from "../src/mask.ts";
import { type Overlay, parseAnswer } from "../src/messages.ts";
import { OKABE_ITO, paletteColor } from "../src/palette.ts";
import { isEdited, type Scene, sceneOf } from "../src/scene.ts";
import { type PendingStroke, ViewState } from "../src/state.ts";
import type { FakeModel, Sent } from "./fake_model.ts";
import { dataView, goldenAnswer } from "./golden.ts";
import { at, Page } from "./page.ts";

const SCOPE = { instance: 1, region: "overall", color: "#0072B2", prompts: 2, masks: 30, stale: 3 };
const PLACE = { frame: 0, instance: 1, region: "overall" };
const VIDEO = { width: 640, height: 360 };
const POINT = { instance: 1, region: "overall", index: 0, x: 100, y: 80, label: 1 };
const START: [number, number] = [100, 80];
const END: [number, number] = [300, 40];

let page: Page;
let model: FakeModel;

beforeEach(async () => {
  page = new Page();
  model = page.model;
  await page.start({ scopes: [SCOPE] }, { points: [POINT], boxes: [] });
});
afterEach(() => page.remove());

/** The fields of the last stroke that was sent. */
function stroke(): Record<string, unknown> {
  const { id, view, kind, ...fields } = model.last("brush");
  return fields;
}

const strokes = (): Sent[] => model.of("brush");
const data = (): DOMStringMap => page.root.dataset;
const button = (action: string): HTMLButtonElement => page.find(`[data-action=${action}]`);
const slider = (): HTMLInputElement => page.find(".s2w-size-slider");
const circle = (): HTMLElement => page.find(".s2w-brush-cursor");

function edited(changes: Record<string, unknown> = {}): Record<string, unknown> {
  const { content } = goldenAnswer("overlay");
  const masks = (content.masks as object[]).map((mask) => ({ ...mask, source: "edit" }));
  return { frame: 0, revision: 43, points: [], boxes: [], masks, ...changes };
}

describe("a stroke", () => {
  test("is the line that was drawn, in pixels of the video", () => {
    page.press("d");
    page.pointer("down", at(START));
    page.pointer("move", at([200, 100]));
    expect(strokes()).toEqual([]);
    page.pointer("up", at(END));
    expect(stroke()).toEqual({
      ...PLACE,
      radius: 7,
      erase: false,
      stroke: [START, [200, 100], END],
    });
    expect(model.of("add_point")).toEqual([]);
  });

  test("of one click is a dot", () => {
    page.press("d");
    page.drag(START, START);
    expect(stroke().stroke).toEqual([START]);
  });

  test("goes on outside the frame, and is not bent to its edge", () => {
    page.press("d");
    page.drag(START, [-40.5, 900.25]);
    expect(stroke().stroke).toEqual([START, [-40.5, 900.25]]);
  });

  test("has the places between two frames of the screen too", () => {
    page.press("d");
    page.pointer("down", at(START));
    const places: [number, number][] = [
      [120, 90],
      [120.2, 90],
      [140, 90.123],
    ];
    const move = new PointerEvent("pointermove", { pointerId: 1, ...at([140, 90.123]) });
    const between = places.map((place) => new PointerEvent("pointermove", at(place)));
    move.getCoalescedEvents = () => between;
    page.find("canvas").dispatchEvent(move);
    page.pointer("up", at([140, 90.123]));
    expect(stroke().stroke).toEqual([START, [120, 90], [140, 90.12]]);
  });

  test.each<[string, PointerEventInit, boolean]>([
    ["d", {}, false],
    ["d", { shiftKey: true }, true],
    ["d", { button: 2 }, true],
    ["d", { button: 5, pointerType: "pen" }, true],
    ["d", { ctrlKey: true }, true],
    ["e", {}, true],
    ["e", { shiftKey: true }, false],
    ["e", { button: 2 }, true],
  ])("with %s and %j erases: %j", (key, options, erase) => {
    page.press(key);
    page.drag(START, END, options);
    expect(stroke().erase).toBe(erase);
  });

  test("is not made by the middle button, nor with another tool", () => {
    page.press("d");
    page.drag(START, END, { button: 1 });
    page.press("d");
    page.drag(END, START, { button: 2 });
    expect(strokes()).toEqual([]);
    expect(model.of("add_point").length).toBe(1);
  });

  test("starts on a point as anywhere", () => {
    page.press("d");
    page.pointer("move", at(START));
    expect(page.find("canvas").hasAttribute("data-over")).toBe(false);
    page.drag(START, END);
    expect(model.of("move_point")).toEqual([]);
    expect(strokes().length).toBe(1);
  });

  test("is shown while it is drawn and until its own answer, in the order of drawing", async () => {
    page.press("d");
    page.pointer("down", at(START));
    await page.until(() => data().strokes === "1" && data().pending === "0");
    page.pointer("up", at(END));
    page.drag([200, 200], [250, 250]);
    page.drag([20, 20], [25, 25], { shiftKey: true });
    await page.until(() => data().strokes === "3");
    expect(strokes().map(({ erase }) => erase)).toEqual([false, false, true]);
    const [first, second, third] = strokes();
    model.answerGolden(first as never, "overlay", edited());
    await page.until(() => data().strokes === "2");
    expect(data()).toMatchObject({ edited: "1", masks: "1", points: "0", pending: "2" });
    model.answerGolden(second as never, "overlay", edited({ revision: 44 }));
    model.answerGolden(third as never, "overlay", edited({ revision: 45 }));
    await page.until(() => data().strokes === "0" && data().pending === "0");
    expect(data().overlay).toBe("45");
  });

  test("that fails goes, and the user is told", async () => {
    page.press("d");
    page.drag(START, END);
    model.answerGolden(model.last("brush"), "error");
    await page.until(() => data().strokes === "0" && data().pending === "0");
    expect(page.find(".s2w-toasts [role=alert]").textContent).toContain("outside the frame");
  });

  test("is given up by Escape, and only the one under way", async () => {
    page.press("d");
    page.drag(START, END);
    page.pointer("down", at(START));
    page.press("Escape");
    page.pointer("move", at(END));
    page.pointer("up", at(END));
    expect(strokes().length).toBe(1);
    await page.until(() => data().strokes === "1");
    expect(data().job).toBe("idle");
  });

  test("is given up when a second finger comes, which zooms", () => {
    page.press("d");
    page.pointer("down", { ...at(START), pointerType: "touch" });
    page.pointer("down", { ...at(END), pointerType: "touch", pointerId: 2 });
    page.pointer("up", { ...at(END), pointerType: "touch", pointerId: 2 });
    page.pointer("up", { ...at(END), pointerType: "touch" });
    expect(strokes()).toEqual([]);
  });

  test("is not lost when the frame or the object is left before it ends", async () => {
    page.press("d");
    page.pointer("down", at(START));
    page.pointer("move", at(END));
    model.set("instance", 2);
    expect(stroke()).toMatchObject({ ...PLACE, stroke: [START, END] });
    page.pointer("up", at([400, 300]));
    expect(strokes().length).toBe(1);
  });

  test("needs no model: the status does not say that a mask is computed", async () => {
    page.press("d");
    page.drag(START, END);
    expect(data().pending).toBe("1");
    expect(page.status).toBe("Paint what belongs to the object; right button or Shift erases.");
    page.press("d");
    page.drag(END, END);
    expect(page.status).toBe("Computing the mask…");
  });

  test("stops the video on the frame that is seen", () => {
    page.press("d");
    page.press(" ");
    expect(data().playing).toBe("true");
    page.pointer("down", at(START));
    expect(data().playing).toBe("false");
  });

  test("shows a hidden object again", () => {
    const eye = page.find(".s2w-scope .s2w-eye");
    eye.click();
    expect(eye.title).toContain("Show");
    page.press("d");
    page.drag(START, END);
    expect(eye.title).toContain("Hide");
    expect(strokes()).toHaveLength(1);
  });

  test("cannot be drawn in a project that is open elsewhere", async () => {
    page.press("d");
    await page.tell({ revision: 43, scopes: [SCOPE], read_only: true });
    for (const tool of ["brush", "eraser"]) {
      expect(button(tool).disabled).toBe(true);
      expect(button(tool).title).toContain("open elsewhere");
    }
    page.press("d");
    page.drag(START, END);
    expect(page.status).toContain("open elsewhere");
    expect(strokes()).toEqual([]);
  });
});

describe("the brush", () => {
  test.each([
    ["brush", "d"],
    ["eraser", "e"],
  ])("%s is taken and put back by %s and its button", (tool, key) => {
    page.press(key);
    expect(button(tool).getAttribute("aria-pressed")).toBe("true");
    expect(button("point").getAttribute("aria-pressed")).toBe("false");
    page.press(key);
    expect(button("point").getAttribute("aria-pressed")).toBe("true");
    button(tool).click();
    expect(button(tool).getAttribute("aria-pressed")).toBe("true");
  });

  test("shows its size only while it is in hand", () => {
    const size = page.find(".s2w-size");
    expect(size.hidden).toBe(true);
    page.press("]");
    page.press("d");
    expect(size.hidden).toBe(false);
    expect(size.textContent).toBe("Size14 px");
    page.press("e");
    expect(size.hidden).toBe(false);
    page.press("p");
    expect(size.hidden).toBe(true);
  });

  test("gets smaller and larger by keys, also those held down, and stays so", () => {
    page.press("d");
    page.press("]");
    page.press("]", { repeat: true });
    page.drag(START, END);
    expect(stroke().radius).toBe(10);
    page.press("[", { ctrlKey: true, altKey: true });
    page.press("p");
    page.press("e");
    page.drag(START, END);
    expect(stroke().radius).toBe(8.5);
  });

  test("gets its size from the slider, whose arrow keys are its own", () => {
    page.press("d");
    slider().value = "100";
    slider().dispatchEvent(new Event("input"));
    page.drag(START, END);
    expect(stroke().radius).toBe(90);
    slider().dispatchEvent(
      new KeyboardEvent("keydown", { key: "ArrowLeft", bubbles: true, cancelable: true }),
    );
    page.drag(START, END);
    expect(stroke().radius).toBe(75);
    expect(slider().getAttribute("aria-valuetext")).toBe("150 pixels");
    expect(model.traits.frame_index).toBe(0);
  });

  test("is a circle of its own size under the mouse", () => {
    page.pointer("move", at(START));
    expect(circle().hidden).toBe(true);
    page.press("d");
    expect(circle().hidden).toBe(false);
    expect(circle().style.translate).toBe("calc(50px - 50%) calc(40px - 50%)");
    expect(circle().style.width).toBe("7px");
    expect(page.find("canvas").dataset.brush).toBe("wide");
    page.press("[");
    page.press("[");
    expect(page.find("canvas").dataset.brush).toBe("fine");
    page.pointer("leave");
    expect(circle().hidden).toBe(true);
    page.press("p");
    expect(page.find("canvas").dataset.brush).toBeUndefined();
  });

  test("is seen amid the picture while its size is chosen", () => {
    page.press("d");
    expect(circle().hidden).toBe(true);
    slider().focus();
    expect(circle().hidden).toBe(false);
    expect(circle().style.translate).toContain("calc(160px - 50%)");
    slider().dispatchEvent(new PointerEvent("pointerup"));
    expect(document.activeElement).toBe(page.root);
    expect(circle().hidden).toBe(true);
  });

  test("tells by a sign whether it adds or takes away", () => {
    page.press("d");
    slider().value = "100";
    slider().dispatchEvent(new Event("input"));
    page.pointer("move", at(START));
    expect(circle().dataset.sign).toBe("plus");
    document.dispatchEvent(new KeyboardEvent("keydown", { key: "Shift", shiftKey: true }));
    expect(circle().dataset.sign).toBe("minus");
    document.dispatchEvent(new KeyboardEvent("keyup", { key: "Shift" }));
    page.pointer("down", { ...at(START), button: 2 });
    expect(circle().dataset.sign).toBe("minus");
    page.pointer("up", { ...at(START), button: 2 });
    expect(circle().dataset.sign).toBe("plus");
    page.press("e");
    expect(circle().dataset.sign).toBe("minus");
  });
});

describe("sizes", () => {
  test("begin at a few percent of the video and end at a quarter of it to either side", () => {
    expect([defaultSize(VIDEO), largestSize(VIDEO)]).toEqual([14, 180]);
    const large = { width: 2160, height: 3840 };
    expect([defaultSize(large), largestSize(large)]).toEqual([86, 1080]);
    const tiny = { width: 2, height: 1 };
    expect([defaultSize(tiny), largestSize(tiny)]).toEqual([1, 1]);
    expect(nextSize(1, 1, tiny)).toBe(1);
    expect(shareOf(1, tiny)).toBe(0);
  });

  test("change by a fifth, from the smallest to the largest and back", () => {
    const up = [1];
    while (up.at(-1) !== 180) up.push(nextSize(up.at(-1) as number, 1, VIDEO));
    expect(up.slice(0, 9)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 10]);
    expect(up.length).toBeLessThan(30);
    let size = 180;
    for (let i = 0; size > 1 && i < 30; i++) size = nextSize(size, -1, VIDEO);
    expect(size).toBe(1);
    expect(nextSize(1, -1, VIDEO)).toBe(1);
  });

  test("lie on the slider by ratio", () => {
    for (const size of [1, 2, 14, 90, 180]) {
      expect(sizeAt(shareOf(size, VIDEO), VIDEO)).toBe(size);
    }
    expect(sizeAt(0, VIDEO)).toBe(1);
    expect(sizeAt(1, VIDEO)).toBe(180);
  });
});

describe("an edited mask", () => {
  test("is told of until it is tracked", async () => {
    page.press("d");
    page.drag(START, END);
    model.answerGolden(model.last("brush"), "overlay", edited());
    await page.until(() => data().edited === "1");
    page.press("p");
    expect(page.status).toBe("Edited by hand: Track (T) carries it on.");
    expect(page.find(".s2w-facts").textContent).toContain("edited by hand");
    await page.tell({ revision: 44, scopes: [{ ...SCOPE, masks: 60, stale: 0 }], changed: [] });
    expect(page.status).toBe("");
    expect(page.find(".s2w-facts").textContent).toContain("edited by hand");
    model.set("instance", 2);
    expect(page.find(".s2w-facts").textContent).not.toContain("edited by hand");
  });
});

describe("a scene with strokes", () => {
  const STROKE: PendingStroke = {
    ...PLACE,
    line: [{ x: 1, y: 2 }],
    radius: 3,
    erase: false,
    drawing: false,
  };
  let state: ViewState;
  let layer: Layer;

  beforeEach(async () => {
    const { content, buffers } = goldenAnswer("overlay");
    layer = await decodeOverlay(parseAnswer(content, buffers.map(dataView)) as Overlay);
    state = new ViewState();
    state.region.value = "overall";
  });

  const scene = (frame = 0): Scene => sceneOf(state, frame, layer);

  test("paints them on the mask of their scope, in order", () => {
    const [first, second] = [STROKE, { ...STROKE, erase: true }];
    state.strokes.value = [first, { ...STROKE, instance: 2 }, second];
    const [own, other] = scene().paintings;
    expect(own?.mask).toBe(layer.masks[0]);
    expect(own?.strokes).toEqual([first, second]);
    expect(own?.color).toBe("#0072B2");
    expect(other?.mask).toBeNull();
    expect(scene().masks).toEqual(layer.masks);
  });

  test("has none of other frames, nor of hidden scopes", () => {
    state.strokes.value = [STROKE];
    expect(scene(1).paintings).toEqual([]);
    state.hide(["1/overall"], true);
    expect(scene().paintings).toEqual([]);
  });

  test("gives a new scope the colour that Python will give it", () => {
    state.strokes.value = [STROKE];
    expect(sceneOf(state, 0, undefined).paintings).toEqual([
      { mask: null, color: "#009E73", strokes: [STROKE] },
    ]);
  });

  test("knows which masks were edited by hand", () => {
    expect(isEdited(layer, PLACE)).toBe(false);
    for (const mask of layer.masks) mask.source = "edit";
    expect(isEdited(layer, PLACE)).toBe(true);
    expect(isEdited(layer, { instance: 2, region: "overall" })).toBe(false);
    expect(isEdited(undefined, PLACE)).toBe(false);
  });
});

describe("the palette", () => {
  const source = readFileSync(resolve(import.meta.dirname, "../../palette.py"), "utf8");

  test("is that of Python", () => {
    expect([...source.matchAll(/"(#[0-9A-F]{6})"/g)].map(([, color]) => color)).toEqual([
      ...OKABE_ITO,
    ]);
    expect(source).toContain("(place + 3 * (scope.instance - 1))");
  });

  test("differs by region and by instance", () => {
    const regions = ["a", "b"];
    expect(paletteColor(1, "a", regions)).toBe(OKABE_ITO[0]);
    expect(paletteColor(1, "b", regions)).toBe(OKABE_ITO[1]);
    expect(paletteColor(2, "b", regions)).toBe(OKABE_ITO[4]);
    expect(paletteColor(3, "new", regions)).toBe(OKABE_ITO[1]);
  });
});

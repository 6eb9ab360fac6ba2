import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { FakeModel } from "./fake_model.ts";
import { at, Page } from "./page.ts";

const SCOPE = { instance: 1, region: "overall", color: "#0072B2", prompts: 2, masks: 30, stale: 3 };
const PLACE = { frame: 0, instance: 1, region: "overall" };
const FIRST: [number, number] = [100, 80];
const SECOND: [number, number] = [400, 200];
const EMPTY: [number, number] = [300, 40];

let page: Page;
let model: FakeModel;

beforeEach(async () => {
  page = new Page();
  model = page.model;
  await page.start({ scopes: [SCOPE] }, { points: [point(0, FIRST), point(1, SECOND)], boxes: [] });
});
afterEach(() => page.remove());

function point(index: number, [x, y]: [number, number]): Record<string, unknown> {
  return { instance: 1, region: "overall", index, x, y, label: 1 };
}

/** The fields of the last request of this kind. */
function last(kind: string): Record<string, unknown> {
  const { id, view, kind: _, ...fields } = model.last(kind);
  return fields;
}

const data = (): DOMStringMap => page.root.dataset;
const button = (action: string): HTMLButtonElement => page.find(`[data-action=${action}]`);

/** Answers with an overlay of frame 0 that holds these. */
async function answer(kind: string, changes: Record<string, unknown>): Promise<void> {
  model.answerGolden(model.last(kind), "overlay", { frame: 0, revision: 43, ...changes });
  await page.until(() => data().pending === "0");
}

describe("a point", () => {
  test("under the mouse can be taken hold of, elsewhere not", () => {
    page.pointer("move", at(FIRST));
    expect(page.find("canvas").hasAttribute("data-over")).toBe(true);
    page.pointer("move", at(EMPTY));
    expect(page.find("canvas").hasAttribute("data-over")).toBe(false);
  });

  test("that is dragged moves when it is released, and not before", () => {
    page.pointer("down", at(FIRST));
    page.pointer("move", at([200, 100]));
    expect(model.of("move_point")).toEqual([]);
    page.pointer("up", at([204, 120]));
    expect(last("move_point")).toEqual({ ...PLACE, index: 0, x: 204, y: 120 });
    expect(model.of("add_point")).toEqual([]);
  });

  test("keeps the place under the hand, and stays in the frame", () => {
    page.drag([104, 84], [204, 124]);
    expect(last("move_point")).toMatchObject({ x: 200, y: 120 });
    page.drag(SECOND, [-500, 900]);
    expect(last("move_point")).toMatchObject({ index: 1, x: 0, y: 359.99 });
  });

  test("goes back when it could not be moved, and the user is told", async () => {
    page.drag(FIRST, [200, 100]);
    model.answerGolden(model.last("move_point"), "error");
    await page.until(() => data().pending === "0");
    expect(page.find(".s2w-toasts [role=alert]").textContent).toContain("outside the frame");
    page.pointer("move", at(FIRST));
    expect(page.find("canvas").hasAttribute("data-over")).toBe(true);
  });

  test("that is clicked is selected, and no other is added there", async () => {
    page.drag(SECOND, SECOND);
    await page.until(() => data().selected === "1");
    page.drag(FIRST, FIRST);
    await page.until(() => data().selected === "0");
    page.press("Escape");
    await page.until(() => data().selected === "");
    expect(model.of("add_point")).toEqual([]);
  });

  test.each([{ button: 2 }, { shiftKey: true }, { ctrlKey: true }])(
    "can be put on top of another with %j",
    (keys) => {
      page.drag(FIRST, FIRST, keys);
      expect(last("add_point")).toMatchObject({ x: 100, y: 80, label: 0 });
    },
  );

  test.each(["Delete", "Backspace"])("that is selected is removed by %s", async (key) => {
    page.press(key);
    expect(model.of("remove_point")).toEqual([]);
    page.drag(SECOND, SECOND);
    page.press(key);
    expect(last("remove_point")).toEqual({ ...PLACE, index: 1 });
    await answer("remove_point", { points: [point(0, FIRST)] });
    await page.until(() => data().points === "1" && data().selected === "");
  });

  test("is removed by Alt and a click", () => {
    page.drag(FIRST, FIRST, { altKey: true });
    expect(last("remove_point")).toEqual({ ...PLACE, index: 0 });
  });

  test("of another scope is in nobody's way", () => {
    page.find<HTMLInputElement>(".s2w-instance").value = "2";
    page.find(".s2w-instance").dispatchEvent(new Event("change"));
    page.drag(FIRST, FIRST);
    expect(last("add_point")).toMatchObject({ instance: 2, x: 100, y: 80 });
  });

  test("that is being dragged is let go of when its number may change", async () => {
    page.pointer("down", at(SECOND));
    page.pointer("move", at([300, 100]));
    page.press("u");
    page.pointer("up", at([310, 110]));
    expect(model.of("undo").length).toBe(1);
    expect(model.of("move_point")).toEqual([]);
  });

  test("is left alone while another is removed, for its number may change", async () => {
    page.drag(FIRST, FIRST, { altKey: true });
    page.drag(SECOND, [200, 100]);
    expect(model.of("move_point")).toEqual([]);
    expect(model.of("add_point")).toEqual([]);
    await answer("remove_point", { points: [point(0, SECOND)] });
    page.drag(SECOND, [200, 100]);
    expect(last("move_point")).toMatchObject({ index: 0 });
  });

  test("stays where it was when the drag is given up", () => {
    page.pointer("down", at(FIRST));
    page.pointer("move", at([200, 100]));
    page.press("Escape");
    page.pointer("up", at([200, 100]));
    expect(model.of("move_point")).toEqual([]);
  });

  test("is no longer selected on another frame", async () => {
    page.drag(FIRST, FIRST);
    page.press("ArrowRight");
    await page.until(() => model.of("frame").some(({ frame }) => frame === 1));
    const request = model.of("frame").find(({ frame }) => frame === 1);
    model.answerGolden(request as never, "frame", { frame: 1 });
    await page.until(() => data().frame === "1");
    page.press("Delete");
    expect(model.of("remove_point")).toEqual([]);
  });
});

describe("a box", () => {
  const corners = { x0: 200, y0: 40, x1: 300, y1: 120 };

  test.each([{ ctrlKey: true }, { metaKey: true }])("is drawn with %j", async (keys) => {
    page.drag([300, 120], [200, 40], keys);
    expect(last("set_box")).toEqual({ ...PLACE, ...corners });
    await page.until(() => data().boxes === "1");
    await answer("set_box", { points: [], boxes: [{ ...SCOPE, ...corners }] });
    expect(data()).toMatchObject({ boxes: "1", points: "0" });
  });

  test("is drawn with its tool, also from a point, and ends at the edge", async () => {
    page.press("b");
    expect(button("box").getAttribute("aria-pressed")).toBe("true");
    page.drag(FIRST, [1000, 1000]);
    expect(last("set_box")).toEqual({ ...PLACE, x0: 100, y0: 80, x1: 640, y1: 360 });
    expect(model.of("move_point")).toEqual([]);
    page.press("p");
    expect(button("point").getAttribute("aria-pressed")).toBe("true");
  });

  test("that is hardly a drag is a click", () => {
    page.drag(EMPTY, [304, 42], { ctrlKey: true });
    expect(last("add_point")).toMatchObject({ x: 300, y: 40, label: 0 });
    page.drag([200, 40], [202, 40], { metaKey: true });
    expect(last("add_point")).toMatchObject({ x: 200, label: 1 });
    expect(model.of("set_box")).toEqual([]);
  });

  test("without an area is none", async () => {
    page.drag(EMPTY, [340, 40], { ctrlKey: true });
    expect(model.of("set_box")).toEqual([]);
    await page.until(() => data().boxes === "0");
  });

  test.each([{ ctrlKey: true }, {}])(
    "goes on being drawn while an earlier edit is answered, with %j",
    async (keys) => {
      if (!keys.ctrlKey) page.press("b");
      page.drag([300, 120], [200, 40], keys);
      const first = model.last("set_box");
      page.pointer("down", { ...at(FIRST), ...keys });
      page.pointer("move", { ...at([150, 120]), ...keys });
      model.answerGolden(first, "overlay", { frame: 0, revision: 43, points: [], boxes: [] });
      await page.until(() => data().pending === "1");
      page.pointer("up", { ...at([160, 140]), ...keys });
      expect(last("set_box")).toEqual({ ...PLACE, x0: 100, y0: 80, x1: 160, y1: 140 });
    },
  );

  test("disappears when it is refused", async () => {
    page.drag([300, 120], [200, 40], { ctrlKey: true });
    model.answerGolden(model.last("set_box"), "error");
    await page.until(() => data().pending === "0" && data().boxes === "0");
  });
});

describe("a frame", () => {
  test("is cleared by button and key", async () => {
    button("clear").click();
    expect(last("clear_frame")).toEqual(PLACE);
    await answer("clear_frame", { masks: [], points: [], boxes: [] });
    expect(page.status).toBe("Cleared frame 0 of 1 · overall. Undo brings it back.");
    expect(button("clear").disabled).toBe(true);
    page.press("c");
    expect(page.status).toBe("This object has nothing on this frame.");
    expect(model.of("clear_frame").length).toBe(1);
  });
});

describe("a scope", () => {
  test("shows what it holds", () => {
    expect(page.find(".s2w-counts").textContent).toBe("2 prompts, 30 masks");
    expect(page.find(".s2w-age").textContent).toBe("3 stale");
  });

  test("is deleted at once, and the status says how it comes back", async () => {
    page.find(".s2w-scope .s2w-bin").click();
    expect(last("delete_scope")).toEqual({ instance: 1, region: "overall" });
    model.answer(model.last("delete_scope"), { kind: "done" });
    await page.until(() => page.status === "Deleted 1 · overall. Undo brings it back.");
    await page.tell({ revision: 43, scopes: [] });
    expect(page.find(".s2w-counts").textContent).toBe("nothing yet");
  });

  test("cannot be deleted in a project that is open elsewhere", async () => {
    await page.tell({ revision: 43, scopes: [SCOPE], read_only: true });
    const bin = page.find<HTMLButtonElement>(".s2w-scope .s2w-bin");
    expect([bin.disabled, bin.title.includes("open elsewhere")]).toEqual([true, true]);
  });
});

describe("a new region", () => {
  const select = (): HTMLSelectElement => page.find(".s2w-region");
  const field = (): HTMLInputElement => page.find(".s2w-new-region");

  function name(text: string, key: string): void {
    select().value = "+";
    select().dispatchEvent(new Event("change"));
    field().value = text;
    field().dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  }

  test("is added by Enter, and selected when Python tells of it", async () => {
    name("tip-2", "Enter");
    expect(last("add_region")).toEqual({ region: "tip-2" });
    expect([field().hidden, select().hidden]).toEqual([true, false]);
    model.answer(model.last("add_region"), { kind: "done" });
    const regions = ["overall", "tip-2"].map((id) => ({ id, name: id }));
    await page.tell({ revision: 43, regions });
    await page.until(() => model.traits.region === "tip-2");
    expect(select().value).toBe("tip-2");
  });

  test("chosen with the mouse leaves the keys to the picture, with the keyboard it keeps them", async () => {
    const regions = ["overall", "shaft"].map((id) => ({ id, name: id }));
    await page.tell({ revision: 43, regions });
    const choose = (region: string, event: Event): void => {
      select().focus();
      select().dispatchEvent(event);
      select().value = region;
      select().dispatchEvent(new Event("change"));
    };
    choose("shaft", new PointerEvent("pointerdown"));
    expect(model.traits.region).toBe("shaft");
    expect(document.activeElement).toBe(page.root);
    choose("overall", new KeyboardEvent("keydown", { key: "ArrowUp" }));
    expect(document.activeElement).toBe(select());
  });

  test("is given up by Escape", () => {
    name("tip-2", "Escape");
    expect(model.of("add_region")).toEqual([]);
    expect([field().hidden, select().value]).toEqual([true, "overall"]);
  });

  test.each([
    ["", "letters"],
    ["-tip", "begins with"],
    ["tip 2", "letters"],
    ["Overall", "There is a region overall already."],
  ])("cannot be called %j", (text, reason) => {
    name(text, "Enter");
    expect(page.status).toContain(reason);
    expect(field().hidden).toBe(false);
    expect(model.of("add_region")).toEqual([]);
  });
});

describe("the track menu", () => {
  const popup = (): HTMLElement => page.find(".s2w-popup");

  function choose(...names: string[]): void {
    if (popup().hidden) button("track-menu").click();
    for (const text of names) {
      const items = [...page.el.querySelectorAll<HTMLElement>(".s2w-item")];
      items.find(({ textContent }) => textContent === text)?.click();
    }
  }

  test.each<[string[], Record<string, unknown>]>([
    [["Whole video"], {}],
    [["From here forward"], { start: 7 }],
    [["From here backward"], { stop: 8 }],
    [["Track again from scratch", "Whole video"], { force: true }],
    [["All objects", "From here forward"], { scopes: null, start: 7 }],
  ])("%j tracks just that", async (names, request) => {
    model.set("frame_index", 7);
    choose(...names);
    expect(last("track")).toEqual({ scopes: [[1, "overall"]], force: false, ...request });
    expect(popup().hidden).toBe(true);
  });

  test("asks for a range whose ends are both included", () => {
    choose("Range…");
    const [from, to] = popup().querySelectorAll<HTMLInputElement>("input");
    if (!from || !to) throw new Error("no fields");
    expect([from.value, to.value]).toEqual(["0", "59"]);
    to.value = "60";
    to.dispatchEvent(new Event("input", { bubbles: true }));
    expect(popup().textContent).toContain("Frames are numbers from 0 to 59.");
    from.value = "10";
    to.value = "9";
    to.dispatchEvent(new Event("input", { bubbles: true }));
    expect(popup().textContent).toContain("The first frame comes after the last.");
    to.value = "10";
    to.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
    expect(last("track")).toMatchObject({ start: 10, stop: 11 });
  });

  test("is walked through with keys, and left by Escape", () => {
    const active = (): string | null | undefined => document.activeElement?.textContent;
    const key = (name: string): void => {
      const init = { key: name, bubbles: true, cancelable: true };
      document.activeElement?.dispatchEvent(new KeyboardEvent("keydown", init));
    };
    choose();
    expect(active()).toBe("Whole video");
    key("ArrowDown");
    expect(active()).toBe("From here forward");
    key("End");
    key("ArrowDown");
    expect(active()).toBe("This object");
    key("ArrowUp");
    expect(active()).toBe("Track again from scratch");
    key("Escape");
    expect(popup().hidden).toBe(true);
    expect(document.activeElement).toBe(button("track-menu"));
  });

  test("closes when the user presses elsewhere", () => {
    choose();
    page.pointer("down");
    expect(popup().hidden).toBe(true);
  });

  test("offers all objects where this one has nothing to track", async () => {
    model.set("instance", 5);
    choose("From here forward");
    expect(last("track")).toMatchObject({ scopes: null });
  });
});

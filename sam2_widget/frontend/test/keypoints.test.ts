import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { freeName, keypointsOn, namesOf, nextName } from "../src/keypoints.ts";
import { keypointSceneOf } from "../src/keypointscene.ts";
import type { Layer } from "../src/mask.ts";
import { ViewState } from "../src/state.ts";
import type { FakeModel } from "./fake_model.ts";
import { at, Page } from "./page.ts";

const TIP: [number, number] = [100, 80];
const WRIST: [number, number] = [400, 200];
const EMPTY: [number, number] = [300, 40];
const HERE = { frame: 0, instance: 1 };

let page: Page;
let model: FakeModel;

beforeEach(async () => {
  page = new Page();
  model = page.model;
  model.traits.mode = "keypoint";
  page.reopen();
  model.sent = model.sent.filter(({ view }) => view === page.root.dataset.view);
  await page.start(
    { keypoint_names: ["tip", "wrist", "base"], skeleton: [["tip", "wrist"]] },
    { points: [], boxes: [], keypoints: [item("tip", TIP), item("wrist", WRIST, false)] },
  );
  await page.until(() => data().keypoints === "2");
});
afterEach(() => page.remove());

function item(name: string, [x, y]: [number, number], visible = true): Record<string, unknown> {
  return { instance: 1, name, x, y, visible };
}

/** The fields of the last request of this kind. */
function last(kind: string): Record<string, unknown> {
  const { id, view, kind: _, ...fields } = model.last(kind);
  return fields;
}

const data = (): DOMStringMap => page.root.dataset;
const button = (action: string): HTMLButtonElement => page.find(`[data-action=${action}]`);
const field = (): HTMLInputElement => page.find(".s2w-keypoint-name");

function type(text: string): void {
  field().focus();
  field().value = text;
  field().dispatchEvent(new Event("input", { bubbles: true }));
}

/** Answers with an overlay of frame 0 that holds these. */
async function answer(kind: string, ...keypoints: Record<string, unknown>[]): Promise<void> {
  const changes = { frame: 0, revision: 43, points: [], boxes: [], keypoints };
  model.answerGolden(model.last(kind), "overlay", changes);
  await page.until(() => data().pending === "0");
}

describe("the mode", () => {
  test("is turned on and off by K and by its button, and told to Python", () => {
    const row = page.find(".s2w-keypoint-bar");
    expect([row.hidden, button("keypoints").getAttribute("aria-pressed")]).toEqual([false, "true"]);
    expect(button("point").getAttribute("aria-pressed")).toBe("false");
    page.press("k");
    expect([model.traits.mode, data().mode, row.hidden]).toEqual(["segment", "segment", true]);
    button("keypoints").click();
    expect([model.traits.mode, row.hidden]).toEqual(["keypoint", false]);
    page.press("p");
    expect(model.traits.mode).toBe("segment");
    expect(button("point").getAttribute("aria-pressed")).toBe("true");
  });

  test("leaves hidden masks hidden", async () => {
    model.set("hidden", [[1, "overall"]]);
    page.drag(EMPTY, EMPTY);
    await answer("add_keypoint", item("base", EMPTY));
    page.drag(EMPTY, EMPTY);
    expect(model.traits.hidden).toEqual([[1, "overall"]]);
  });

  test("changes when Python says so", () => {
    model.set("mode", "segment");
    expect(data().mode).toBe("segment");
    page.drag(TIP, TIP);
    expect(last("add_point")).toMatchObject({ x: 100, y: 80 });
    expect(model.of("move_keypoint")).toEqual([]);
    model.set("mode", "keypoint");
    page.drag(EMPTY, EMPTY);
    expect(model.of("add_point").length).toBe(1);
    expect(model.of("add_keypoint").length).toBe(1);
  });

  test.each(["v", "C", "g", "l"])("says how it is turned on where %s needs it", (key) => {
    model.set("mode", "segment");
    page.press(key, { shiftKey: key === "C" });
    expect(page.status).toBe("Keypoints are off: K turns them on.");
  });
});

describe("a click", () => {
  test("adds a keypoint of the name in the field, and shows it before the answer", async () => {
    type("  elbow ");
    page.drag(EMPTY, EMPTY);
    expect(last("add_keypoint")).toEqual({ ...HERE, x: 300, y: 40, name: "elbow" });
    await page.until(() => data().keypoints === "3" && data().keypoint === "elbow");
    expect(data().pending).toBe("1");
    await answer("add_keypoint", item("elbow", EMPTY), item("tip", TIP), item("wrist", WRIST));
    expect([data().keypoints, data().keypoint]).toEqual(["3", "elbow"]);
  });

  test("takes the next name of the list that the frame does not have", async () => {
    expect(field().value).toBe("base");
    page.drag(EMPTY, EMPTY);
    expect(last("add_keypoint")).toMatchObject({ name: "base" });
    expect(field().value).toBe("");
    expect(field().placeholder).toBe("k1");
  });

  test("takes the names after the one that was placed last", () => {
    type("wrist");
    page.drag(EMPTY, EMPTY);
    expect(field().value).toBe("base");
  });

  test("without a name leaves it to Python", async () => {
    type("");
    page.drag(EMPTY, EMPTY);
    expect(last("add_keypoint")).toEqual({ ...HERE, x: 300, y: 40, name: null });
    await page.until(() => data().keypoint === "k1");
  });

  test("with a name that the frame has moves its keypoint, and says so", async () => {
    type("wrist");
    page.drag(EMPTY, EMPTY);
    expect(last("move_keypoint")).toEqual({ ...HERE, name: "wrist", x: 300, y: 40 });
    expect(model.of("add_keypoint")).toEqual([]);
    await page.until(() => data().keypoints === "2" && data().keypoint === "wrist");
    await answer("move_keypoint", item("tip", TIP), item("wrist", EMPTY, false));
    expect(page.status).toBe("Moved “wrist”: a frame has every name once.");
  });

  test("may be a drag, at whose end the keypoint is", () => {
    page.drag(EMPTY, [320, 60]);
    expect(last("add_keypoint")).toMatchObject({ x: 320, y: 60 });
  });

  test("goes to the instance that is annotated, past those of others", () => {
    model.set("instance", 2);
    page.drag(TIP, TIP);
    expect(last("add_keypoint")).toMatchObject({ instance: 2, x: 100, y: 80, name: "tip" });
  });

  test("is given up by Escape before its end", async () => {
    page.pointer("down", at(EMPTY));
    await page.until(() => data().keypoints === "3");
    page.press("Escape");
    await page.until(() => data().keypoints === "2");
    page.pointer("up", at(EMPTY));
    expect(model.of("add_keypoint")).toEqual([]);
  });

  test("that fails leaves nothing behind, and the user is told", async () => {
    page.drag(EMPTY, EMPTY);
    model.answerGolden(model.last("add_keypoint"), "error");
    await page.until(() => data().pending === "0" && data().keypoints === "2");
    expect(page.find(".s2w-toasts [role=alert]").textContent).toContain("outside the frame");
  });

  test("in a project that is open elsewhere adds nothing and says why", async () => {
    await page.tell({ revision: 43, read_only: true });
    page.drag(EMPTY, EMPTY);
    expect(model.of("add_keypoint")).toEqual([]);
    expect(page.status).toContain("open elsewhere");
  });
});

describe("a keypoint", () => {
  test("under the mouse can be taken hold of, and keeps its place under the hand", async () => {
    page.pointer("move", at(TIP));
    expect(page.find("canvas").hasAttribute("data-over")).toBe(true);
    page.drag([104, 84], [204, 124]);
    expect(last("move_keypoint")).toEqual({ ...HERE, name: "tip", x: 200, y: 120 });
    await page.until(() => data().keypoint === "tip");
    page.drag([200, 120], [-500, 900]);
    expect(last("move_keypoint")).toEqual({ ...HERE, name: "tip", x: 0, y: 359.99 });
  });

  test("that is clicked is selected, and removed by Delete", async () => {
    page.press("Delete");
    page.drag(WRIST, WRIST);
    await page.until(() => data().keypoint === "wrist");
    expect(page.status).toContain("wrist: drag to move it");
    page.press("Escape");
    await page.until(() => data().keypoint === "");
    page.press("Delete");
    expect([...model.of("remove_keypoint"), ...model.of("add_keypoint")]).toEqual([]);
    page.drag(WRIST, WRIST);
    page.press("Delete");
    expect(last("remove_keypoint")).toEqual({ ...HERE, name: "wrist" });
    await answer("remove_keypoint", item("tip", TIP));
    expect(page.status).toBe("Removed “wrist”. Undo brings it back.");
    await page.until(() => data().keypoints === "1" && data().keypoint === "");
    expect(button("remove-keypoint").disabled).toBe(true);
  });

  test("is removed by Alt and a click, which adds none beside it", () => {
    page.drag(TIP, TIP, { altKey: true });
    expect(last("remove_keypoint")).toEqual({ ...HERE, name: "tip" });
    page.drag(EMPTY, EMPTY, { altKey: true });
    expect(model.of("add_keypoint")).toEqual([]);
  });

  test.each<[string, () => void]>([
    ["a right click", () => page.drag(TIP, TIP, { button: 2 })],
    ["Shift and a click", () => page.drag(TIP, TIP, { shiftKey: true })],
    ["V", () => selectThen(() => page.press("v"))],
    ["its button", () => selectThen(() => button("occlude").click())],
  ])("is said to be occluded by %s", async (_, act) => {
    act();
    expect(last("set_keypoint_visible")).toEqual({ ...HERE, name: "tip", visible: false });
    await answer("set_keypoint_visible", item("tip", TIP, false));
    expect(page.status).toBe("“tip” is occluded on this frame.");
  });

  function selectThen(act: () => void): void {
    page.drag(TIP, TIP);
    act();
  }

  test("that is occluded is so on its button, before and after the answer", async () => {
    expect(button("occlude").title).toBe("Click a keypoint to select it.");
    page.drag(WRIST, WRIST);
    const pressed = (): string | null => button("occlude").getAttribute("aria-pressed");
    expect(pressed()).toBe("true");
    page.press("v");
    expect(last("set_keypoint_visible")).toMatchObject({ name: "wrist", visible: true });
    expect(pressed()).toBe("false");
    await answer("set_keypoint_visible", item("wrist", WRIST, true));
    expect(pressed()).toBe("false");
  });

  test("is not added by a right click beside it", () => {
    page.drag(EMPTY, EMPTY, { button: 2 });
    expect([...model.of("add_keypoint"), ...model.of("set_keypoint_visible")]).toEqual([]);
    expect(page.status).toContain("Right-click a keypoint");
  });

  test("is not selected any more on another frame or of another instance", async () => {
    page.drag(TIP, TIP);
    await page.until(() => data().keypoint === "tip");
    model.set("instance", 2);
    await page.until(() => data().keypoint === "");
    model.set("instance", 1);
    page.press("Delete");
    expect(model.of("remove_keypoint")).toEqual([]);
  });

  test("can be dragged on by a finger, which scrolls elsewhere", () => {
    const finger = { pointerType: "touch" };
    page.drag(EMPTY, [340, 140], finger);
    expect(model.of("add_keypoint")).toEqual([]);
    page.drag(EMPTY, EMPTY, finger);
    expect(last("add_keypoint")).toMatchObject({ x: 300, y: 40 });
    page.drag([110, 90], [210, 130], finger);
    expect(last("move_keypoint")).toMatchObject({ name: "tip", x: 200, y: 120 });
  });
});

describe("a frame", () => {
  test("is cleared of the instance's keypoints by C, as long as it has any", async () => {
    expect(button("clear").title).toBe("Clear the keypoints of this frame (C)");
    page.press("c");
    expect(last("clear_keypoints")).toEqual(HERE);
    expect(model.of("clear_frame")).toEqual([]);
    await answer("clear_keypoints");
    expect(page.status).toBe(
      "Cleared the keypoints of instance 1 on frame 0. Undo brings them back.",
    );
    expect(button("clear").disabled).toBe(true);
  });

  test("takes a copy of the keypoints before it, where there is a frame before", async () => {
    expect(button("copy-keypoints").disabled).toBe(true);
    page.press("C", { shiftKey: true });
    expect(page.status).toBe("There is no frame before this one.");
    await goTo(1);
    expect(button("copy-keypoints").disabled).toBe(false);
    page.press("C", { shiftKey: true });
    expect(last("copy_keypoints")).toEqual({ frame: 1, instance: 1 });
  });

  test("without keypoints is gone to, where there is one", async () => {
    page.press("g");
    expect(last("next_gap")).toEqual(HERE);
    model.answerGolden(model.last("next_gap"), "overlay", { frame: 7 });
    await page.until(() => model.traits.frame_index === 7);
    model.set("frame_index", 0);
    button("next-gap").click();
    model.answerGolden(model.last("next_gap"), "overlay", { frame: 0 });
    await page.until(() => page.status === "All later frames have keypoints of instance 1.");
    expect(model.traits.frame_index).toBe(0);
  });

  async function goTo(frame: number): Promise<void> {
    model.set("frame_index", frame);
    await page.until(() => model.of("frame").some((request) => request.frame === frame));
    const request = model.of("frame").find((sent) => sent.frame === frame);
    model.answerGolden(request as never, "frame", { frame });
    await page.until(() => data().frame === String(frame));
  }
});

describe("undo", () => {
  const undone = (step: Record<string, unknown>): void => {
    page.press("u");
    model.answerGolden(model.last("undo"), "overlay", { frame: 3, revision: 50, step });
  };

  test("of a keypoint goes to its frame and instance, in keypoint mode and the same region", async () => {
    model.set("mode", "segment");
    undone({ text: "Undone: keypoint tip", frame: 3, instance: 2, region: "" });
    await page.until(() => model.traits.frame_index === 3);
    expect(model.traits).toMatchObject({ instance: 2, region: "overall", mode: "keypoint" });
  });

  test("of anything else leaves keypoint mode", async () => {
    undone({ text: "Undone: positive point", frame: 3, instance: 1, region: "shaft" });
    await page.until(() => model.traits.frame_index === 3);
    expect(model.traits).toMatchObject({ region: "shaft", mode: "segment" });
  });
});

describe("the name field", () => {
  test("is reached by L, keeps keys to itself, and is left by Enter", () => {
    page.press("l");
    expect(document.activeElement).toBe(field());
    const before = model.sent.length;
    for (const key of ["u", "t", "k", "c", "v", "Delete", " "]) {
      const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true });
      field().dispatchEvent(event);
      expect(event.defaultPrevented).toBe(false);
    }
    expect([model.sent.length, data().mode, data().playing]).toEqual([before, "keypoint", "false"]);
    const enter = { key: "Enter", bubbles: true };
    field().dispatchEvent(new KeyboardEvent("keydown", { ...enter, isComposing: true }));
    expect(document.activeElement).toBe(field());
    field().dispatchEvent(new KeyboardEvent("keydown", enter));
    expect(document.activeElement).toBe(page.root);
  });

  test("forgets what was typed with Escape, and proposes a name again", () => {
    type("elbow");
    field().dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
    expect(field().value).toBe("base");
  });

  test("has a menu of the names used so far, hostile ones as plain text", async () => {
    const hostile = `<img src=x onerror="alert(1)">${"é".repeat(250)}`;
    await page.tell({ revision: 43, keypoint_names: ["tip", hostile], skeleton: [] });
    const menu = page.find(".s2w-names");
    expect(menu.hidden).toBe(true);
    button("name-menu").click();
    const items = [...menu.querySelectorAll("button")];
    expect(items.map(({ textContent }) => textContent)).toEqual(["tipon this frame", hostile]);
    expect(menu.querySelector("img")).toBe(null);
    expect(document.activeElement).toBe(items[0]);
    items[1]?.click();
    expect([menu.hidden, field().value]).toEqual([true, hostile]);
    page.drag(EMPTY, EMPTY);
    expect(last("add_keypoint")).toMatchObject({ name: hostile });
  });

  test("has no menu where no names were used", async () => {
    await page.tell({ revision: 43, keypoint_names: [], skeleton: [] });
    expect(button("name-menu").disabled).toBe(true);
  });
});

describe("names", () => {
  test("are those of the skeleton first, each once", () => {
    const skeleton: [string, string][] = [
      ["wrist", "tip"],
      ["tip", "base"],
    ];
    expect(namesOf({ skeleton, keypoint_names: ["base", "k1"] })).toEqual([
      "wrist",
      "tip",
      "base",
      "k1",
    ]);
  });

  test.each<[string[], string | undefined, string]>([
    [[], undefined, "a"],
    [["a"], undefined, "b"],
    [["a"], "a", "b"],
    [["b"], "b", "c"],
    [["c"], "c", "a"],
    [["a", "c"], "c", "b"],
    [["a", "b", "c"], "c", ""],
    [["x"], "x", "a"],
    [["a"], "b", "b"],
  ])("with %j taken and %s last the next is %s", (taken, before, next) => {
    expect(nextName(["a", "b", "c"], new Set(taken), before)).toBe(next);
  });

  test("are numbered where nobody gives one", () => {
    expect(freeName(new Set())).toBe("k1");
    expect(freeName(new Set(["k1", "k3"]))).toBe("k2");
  });
});

describe("the scene", () => {
  const layer = (...keypoints: Layer["keypoints"]): Layer => ({
    ...{ frame: 0, revision: 1, masks: [], points: [], boxes: [], keypoints },
  });
  const keypoint = (name: string, x: number, instance = 1, visible = true) => ({
    ...{ instance, name, x, y: 5, visible },
  });

  function stateWith(mode: "segment" | "keypoint", skeleton: [string, string][]): ViewState {
    const state = new ViewState();
    state.mode.value = mode;
    state.shared.value = { skeleton, scopes: [] } as never;
    return state;
  }

  test("cuts long names in labels between characters", () => {
    const { marks } = keypointSceneOf(
      stateWith("keypoint", []),
      0,
      layer(keypoint("🦴".repeat(300), 1)),
    );
    expect(marks[0]?.label).toBe(`${"🦴".repeat(17)}…`);
  });

  test("shows what waits in the place of what was told", () => {
    const pending = [{ frame: 0, ...keypoint("a", 50) }];
    const all = keypointsOn(0, layer(keypoint("a", 1), keypoint("b", 2)), pending);
    expect(all.map(({ name, x }) => [name, x])).toEqual([
      ["a", 50],
      ["b", 2],
    ]);
    expect(keypointsOn(1, undefined, pending)).toEqual([]);
  });

  test("has lines between the pairs that are there, dashed where an end is occluded", () => {
    const state = stateWith("keypoint", [
      ["a", "b"],
      ["b", "c"],
      ["c", "d"],
    ]);
    const seen = layer(
      ...[keypoint("a", 1), keypoint("b", 2), keypoint("c", 3, 1, false)],
      ...[keypoint("a", 11, 2), keypoint("c", 13, 2)],
    );
    const { bones } = keypointSceneOf(state, 0, seen);
    expect(bones.map(({ from, to, visible }) => [from.x, to.x, visible])).toEqual([
      [1, 2, true],
      [2, 3, false],
    ]);
  });

  test("has names in keypoint mode alone, where the instance's own can be taken hold of", () => {
    const seen = layer(keypoint("a", 1), keypoint("b", 2, 2));
    const marks = (mode: "segment" | "keypoint") =>
      keypointSceneOf(stateWith(mode, []), 0, seen).marks.map(({ label, current }) => [
        ...[label, current],
      ]);
    expect(marks("keypoint")).toEqual([
      ["a", true],
      ["b", false],
    ]);
    expect(marks("segment")).toEqual([
      ["", false],
      ["", false],
    ]);
  });

  test("leaves out instances of which all is hidden, but for the one that is worked on", () => {
    const state = stateWith("keypoint", []);
    const scopes = [1, 2].map((instance) => ({ instance, region: "overall" }));
    state.shared.value = { skeleton: [], scopes } as never;
    state.hidden.value = new Set(["1/overall", "2/overall"]);
    const seen = layer(keypoint("a", 1), keypoint("b", 2, 2), keypoint("c", 3, 3));
    const names = () => keypointSceneOf(state, 0, seen).marks.map(({ label }) => label);
    expect(names()).toEqual(["a", "c"]);
    state.hidden.value = new Set(["1/overall"]);
    expect(names()).toEqual(["a", "b", "c"]);
  });
});

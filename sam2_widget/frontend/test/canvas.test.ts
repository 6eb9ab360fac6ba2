import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { FakeModel } from "./fake_model.ts";
import { at, CANVAS, Page } from "./page.ts";

const SCOPE = { instance: 1, region: "overall", color: "#0072B2", prompts: 2, masks: 30, stale: 3 };
const OTHER = { ...SCOPE, instance: 2, color: "#E69F00" };
const POINT = { instance: 1, region: "overall", index: 0, x: 100, y: 80, label: 1 };

let page: Page;
let model: FakeModel;

beforeEach(async () => {
  page = new Page();
  model = page.model;
  await page.start({ scopes: [SCOPE, OTHER] }, { points: [POINT], boxes: [] });
});
afterEach(() => page.remove());

const data = (): DOMStringMap => page.root.dataset;
const canvas = (): HTMLElement => page.find("canvas");
const viewport = (): number[] => (data().viewport ?? "").split(" ").map(Number);
const button = (action: string): HTMLButtonElement => page.find(`[data-action=${action}]`);

function wheel(deltaY: number, options: WheelEventInit = {}): WheelEvent {
  // In the middle of the canvas, and the video.
  const place = { clientX: 170, clientY: 110 };
  const event = new WheelEvent("wheel", {
    deltaY,
    bubbles: true,
    cancelable: true,
    ...place,
    ...options,
  });
  // The simulated browser drops what belongs to mice.
  const { ctrlKey = false, metaKey = false } = options;
  for (const [name, value] of Object.entries({ ...place, ctrlKey, metaKey, ...options }))
    Object.defineProperty(event, name, { value });
  canvas().dispatchEvent(event);
  return event;
}

async function zoomedTo(percent: number): Promise<void> {
  await page.until(() => data().zoom === String(percent) && viewport()[2] === percent / 100);
}

/** Presses the key for 1:1, which is twice the size, and waits until it is painted. */
async function zoomIn(): Promise<void> {
  page.press("1");
  await zoomedTo(100);
}

describe("the wheel", () => {
  test("alone belongs to the page", () => {
    expect(wheel(-100).defaultPrevented).toBe(false);
    expect(data().fit).toBe("true");
  });

  test("with Ctrl or Cmd zooms at the pointer, and the page stays", () => {
    expect(wheel(-100, { ctrlKey: true }).defaultPrevented).toBe(true);
    expect(data()).toMatchObject({ fit: "false", zoom: "63" });
    wheel(-100, { metaKey: true });
    expect(data().zoom).toBe("78");
    wheel(200, { ctrlKey: true });
    expect(data()).toMatchObject({ fit: "true", zoom: "50" });
  });

  test("of small steps is a pinch on a trackpad", () => {
    wheel(-10, { ctrlKey: true });
    expect(data().zoom).toBe(String(Math.round(50 * Math.exp(0.1))));
  });
});

describe("keys", () => {
  test("zoom in and out, fit, and show one pixel on one", async () => {
    page.press("+");
    page.press("=");
    await zoomedTo(100);
    page.press("-");
    expect(data().zoom).toBe("71");
    page.press("f");
    expect(data()).toMatchObject({ fit: "true", zoom: "50" });
    page.press("1");
    expect(data().zoom).toBe("100");
  });

  test("zoom where the mouse is, else in the middle", async () => {
    page.pointer("move", at([0, 0]));
    await zoomIn();
    expect(viewport()).toEqual([0, 0, 1]);
    page.press("f");
    await zoomedTo(50);
    page.pointer("leave");
    await zoomIn();
    expect(viewport()).toEqual([-160, -90, 1]);
  });

  test("that zoom the page stay the browser's", () => {
    page.press("+", { ctrlKey: true });
    page.press("-", { metaKey: true });
    expect(data().fit).toBe("true");
  });
});

describe("on a picture that is zoomed", () => {
  test("a click is a point at the place that is seen there", async () => {
    await zoomIn();
    page.pointer("down", { clientX: CANVAS.left + 7, clientY: CANVAS.top + 9.25 });
    expect(model.last("add_point")).toMatchObject({ x: 167, y: 99.25 });
  });

  test("a point is taken hold of within ten pixels of the page, and keeps its place under the hand", async () => {
    page.pointer("move", at([100, 80]));
    await zoomIn();
    const { left, top } = CANVAS;
    // At twice the size it is still where it was: under the mouse.
    const place = { clientX: left + 50 + 6, clientY: top + 40 };
    page.pointer("down", place);
    page.pointer("move", { ...place, clientX: place.clientX + 31 });
    page.pointer("up", { ...place, clientX: place.clientX + 31 });
    expect(model.last("move_point")).toMatchObject({ index: 0, x: 131, y: 80 });
    expect(model.of("add_point")).toEqual([]);
  });

  test("a stroke is the line that was drawn", async () => {
    await zoomIn();
    page.press("d");
    const { left, top } = CANVAS;
    page.pointer("down", { clientX: left, clientY: top });
    page.pointer("move", { clientX: left + 10, clientY: top + 5 });
    page.pointer("up", { clientX: left + 10, clientY: top + 5 });
    expect(model.last("brush")).toMatchObject({
      stroke: [
        [160, 90],
        [170, 95],
      ],
    });
  });

  test("images are asked for as large as they are seen", async () => {
    expect(model.of("frame").at(-1)).toMatchObject({ max_width: 320 });
    await zoomIn();
    await page.until(() => model.of("frame").at(-1)?.max_width === 640);
  });
});

describe("the picture is moved", () => {
  const grab = (options: PointerEventInit, by = { x: 30, y: -20 }): void => {
    const [clientX, clientY] = [170, 110];
    page.pointer("down", { ...options, clientX, clientY });
    page.pointer("move", { ...options, clientX: clientX + by.x, clientY: clientY + by.y });
    page.pointer("up", { ...options, clientX: clientX + by.x, clientY: clientY + by.y });
  };

  test("with the middle button", async () => {
    await zoomIn();
    grab({ button: 1 });
    await page.until(() => viewport()[0] === -130);
    expect(viewport()).toEqual([-130, -110, 1]);
    expect(model.of("add_point")).toEqual([]);
  });

  test("with Space and the left button, which neither adds a point nor plays", async () => {
    await zoomIn();
    page.hold(" ");
    expect(canvas().hasAttribute("data-hand")).toBe(true);
    grab({});
    page.letGo(" ");
    await page.until(() => viewport()[0] === -130);
    expect(canvas().hasAttribute("data-hand")).toBe(false);
    expect(model.of("add_point")).toEqual([]);
    expect(data().playing).toBe("false");
  });

  test("by two fingers, which also enlarge it", async () => {
    const finger = (pointerId: number, clientX: number): PointerEventInit => ({
      pointerType: "touch",
      pointerId,
      clientX,
      clientY: 110,
    });
    page.pointer("down", finger(1, 150));
    page.pointer("down", finger(2, 190));
    page.pointer("move", finger(2, 230));
    page.pointer("up", finger(1, 150));
    page.pointer("up", finger(2, 230));
    // The place between them went from 170 to 190 on the page.
    await page.until(() => data().zoom === "100" && viewport()[0] === -140);
    expect(model.of("add_point")).toEqual([]);
    page.pointer("down", { pointerType: "touch" });
    page.pointer("up", { pointerType: "touch" });
    expect(model.of("add_point").length).toBe(1);
  });
});

describe("Space", () => {
  test("plays when it is let go, and is not the page's", () => {
    const event = page.hold(" ");
    expect([event.defaultPrevented, data().playing]).toEqual([true, "false"]);
    page.letGo(" ");
    expect(data().playing).toBe("true");
  });

  test("does nothing when the window is left meanwhile", () => {
    page.hold(" ");
    window.dispatchEvent(new Event("blur"));
    page.letGo(" ");
    expect(data().playing).toBe("false");
  });
});

describe("H", () => {
  test("hides all while it is held", async () => {
    page.hold("h");
    await page.until(() => data().masks === "0" && data().points === "0");
    page.press("x");
    expect(data().veiled).toBe("true");
    page.letGo("h");
    await page.until(() => data().masks === "1" && data().points === "1");
  });

  test.each<[string, () => void]>([
    ["window", () => window.dispatchEvent(new Event("blur"))],
    ["focus", () => page.root.dispatchEvent(new FocusEvent("focusout", { bubbles: true }))],
    ["page", () => document.dispatchEvent(new Event("visibilitychange"))],
  ])("ends with the %s", (_, lose) => {
    page.hold("h");
    expect(data().veiled).toBe("true");
    lose();
    expect(data().veiled).toBe("false");
  });
});

describe("what is shown", () => {
  test("is outlined or filled with W, and Python is told", async () => {
    page.press("w");
    expect(model.traits.look).toMatchObject({ outline: true, opacity: 0.45 });
    button("display").click();
    page.find("[data-show=outline]").click();
    await page.until(() => model.traits.look.outline === false);
  });

  test("is filled as the slider says, by mouse and by keys", async () => {
    button("display").click();
    const slider = page.find<HTMLInputElement>(".s2w-fill input");
    slider.value = "80";
    slider.dispatchEvent(new Event("input"));
    const frame = model.traits.frame_index;
    slider.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
    await page.until(() => model.traits.look.opacity === 0.85);
    expect(model.traits.frame_index).toBe(frame);
  });

  test("is only this scope with S, which the list says, and nothing is hidden by it", async () => {
    model.set("instance", 2);
    page.press("s");
    await page.until(() => data().masks === "0");
    const rows = [...page.el.querySelectorAll<HTMLElement>(".s2w-scope")];
    expect(rows.map((row) => row.dataset.solo)).toEqual(["off", "on"]);
    expect(model.traits.hidden).toEqual([]);
    model.set("instance", 1);
    await page.until(() => data().masks === "1");
    page.find(".s2w-scope[data-solo=on] .s2w-solo").click();
    expect(data().solo).toBe("false");
  });

  test("is nothing by choice, and the button says that something is missing", async () => {
    button("display").click();
    page.find("[data-show=peek]").click();
    await page.until(() => data().masks === "0");
    expect(button("display").dataset.changed).toBe("true");
    page.press("h");
    expect(data().veiled).toBe("true");
  });
});

describe("the height", () => {
  const handle = (): HTMLElement => page.find("[role=separator].s2w-size-handle");
  const key = (name: string, options: KeyboardEventInit = {}): boolean =>
    handle().dispatchEvent(
      new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true, ...options }),
    );
  const height = (): unknown => model.traits.look.height;

  test("is dragged, in CSS pixels, and given back by a double click", async () => {
    const drag = (type: string, clientY: number): void => {
      handle().dispatchEvent(new PointerEvent(`pointer${type}`, { pointerId: 1, clientY }));
    };
    drag("down", 200);
    drag("move", 320);
    drag("up", 320);
    drag("move", 500);
    await page.until(() => height() === CANVAS.height + 120);
    handle().dispatchEvent(new MouseEvent("dblclick"));
    await page.until(() => height() === null);
  });

  test("is moved with keys, which go nowhere else", async () => {
    const frame = model.traits.frame_index;
    expect(key("ArrowDown")).toBe(false);
    await page.until(() => height() === CANVAS.height + 16);
    expect(key("ArrowUp", { shiftKey: true })).toBe(false);
    await page.until(() => height() === 120);
    expect(key("Enter")).toBe(false);
    await page.until(() => height() === null);
    expect(model.traits.frame_index).toBe(frame);
    expect(handle().getAttribute("aria-valuenow")).toBe(String(CANVAS.height));
  });
});

describe("full screen", () => {
  test("that the page refuses is said", async () => {
    page.root.requestFullscreen = vi.fn().mockRejectedValue(new TypeError("no"));
    page.press("F", { shiftKey: true });
    await page.until(() => page.status?.includes("does not allow it") ?? false);
    expect(data().fullscreen).toBe("false");
  });

  test("is told by the page, and left by the same key", () => {
    page.root.requestFullscreen = vi.fn().mockResolvedValue(undefined);
    document.exitFullscreen = vi.fn().mockResolvedValue(undefined);
    page.press("F", { shiftKey: true });
    const matches = vi.spyOn(page.root, "matches").mockReturnValue(true);
    document.dispatchEvent(new Event("fullscreenchange"));
    matches.mockRestore();
    expect(data().fullscreen).toBe("true");
    expect(button("full-screen").title).toContain("Leave full screen");
    page.press("F", { shiftKey: true });
    expect(document.exitFullscreen).toHaveBeenCalled();
  });
});

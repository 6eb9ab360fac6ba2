import { deflateSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CLICK, POSITIVE, TRACK } from "../src/lanes.ts";
import type { FakeModel } from "./fake_model.ts";
import { CANVAS, Page } from "./page.ts";

const FRAMES = 60;
const SCOPE = { instance: 1, region: "overall", color: "#0072B2", prompts: 2, masks: 60, stale: 0 };
const OTHER = { ...SCOPE, region: "b", color: "#E69F00" };
const REGIONS = [
  { id: "overall", name: "overall" },
  { id: "b", name: "Handle" },
];

let page: Page;
let model: FakeModel;

/** One scope tracked on all frames, with prompts on 0 and 20, and suspect on 30 and 41. */
function planes(): Uint8Array {
  const bytes = new Uint8Array(5 * FRAMES);
  bytes.fill(TRACK, 0, FRAMES);
  for (const frame of [0, 20]) bytes[frame] = CLICK | POSITIVE;
  for (const [frame, area] of [
    [30, 100],
    [41, 100],
  ] as const) {
    bytes[FRAMES + frame] = 200;
    bytes[2 * FRAMES + frame] = 2;
    bytes[4 * FRAMES + frame] = area;
  }
  bytes[4 * FRAMES + 29] = 200;
  bytes[4 * FRAMES + 40] = 50;
  return bytes;
}

function deflated(bytes: Uint8Array): DataView {
  return new DataView(new Uint8Array(deflateSync(bytes)).buffer);
}

async function tellLanes(scopes: (typeof SCOPE)[] = [OTHER, SCOPE], keypoints = 1): Promise<void> {
  await page.until(() => model.of("lanes").length > 0);
  const counts = new Uint8Array(FRAMES);
  counts[5] = 2;
  const buffers = [...scopes.map(planes), counts].map(deflated);
  const content = {
    kind: "lanes",
    revision: 42,
    length: FRAMES,
    ranges: [[0, FRAMES]],
    scopes: scopes.map(({ instance, region }, buffer) => ({ instance, region, buffer })),
    keypoints: keypoints ? [{ instance: 1, buffer: scopes.length }] : [],
  };
  model.answer(model.last("lanes"), content, buffers);
  const rows = scopes.length + keypoints;
  await page.until(() => timeline().dataset.lanes === String(rows));
}

const timeline = (): HTMLElement => page.find(".s2w-timeline");
const canvas = (): HTMLCanvasElement => page.find(".s2w-lane-canvas");
const labels = (): HTMLButtonElement[] => [
  ...page.el.querySelectorAll<HTMLButtonElement>(".s2w-lane-label"),
];
const frame = (): number => model.traits.frame_index;
const xOf = (index: number): number => CANVAS.left + ((index + 0.5) * CANVAS.width) / FRAMES;

function point(type: string, x: number, options: PointerEventInit = {}): void {
  const init = { pointerId: 1, button: 0, clientX: x, clientY: CANVAS.top + 5, bubbles: true };
  canvas().dispatchEvent(new PointerEvent(`pointer${type}`, { ...init, ...options }));
}

/** The simulated browser's wheel knows no keys and no place. */
function wheel(deltaY: number, keys: { ctrlKey?: boolean; shiftKey?: boolean } = {}): WheelEvent {
  const event = new WheelEvent("wheel", { bubbles: true, cancelable: true, deltaY });
  const known = { clientX: xOf(30), clientY: CANVAS.top, ctrlKey: false, shiftKey: false, ...keys };
  for (const [name, value] of Object.entries(known)) Object.defineProperty(event, name, { value });
  canvas().dispatchEvent(event);
  return event;
}

beforeEach(async () => {
  page = new Page();
  model = page.model;
  await page.start({ scopes: [SCOPE, OTHER], regions: REGIONS });
});
afterEach(() => page.remove());

describe("the timeline", () => {
  test("has a lane for what is annotated now before it holds anything, so that nothing jumps", async () => {
    expect(labels().map(({ textContent }) => textContent)).toEqual(["1 · overall"]);
    const before = canvas().style.height;
    await tellLanes([SCOPE], 0);
    expect(labels().map(({ textContent }) => textContent)).toEqual(["1 · overall"]);
    expect(canvas().style.height).toBe(before);
    model.set("mode", "keypoint");
    await page.until(() => labels().length === 2);
    expect(labels()[1]?.textContent).toBe("1 · keypoints");
  });

  test("names each lane, in the order of the regions; a click on a name goes to the scope or to the keypoints", async () => {
    await tellLanes();
    expect(labels().map(({ textContent }) => textContent)).toEqual([
      "1 · overall",
      "1 · Handle",
      "1 · keypoints",
    ]);
    expect(labels().map(({ tabIndex }) => tabIndex)).toEqual([0, -1, -1]);
    labels()[1]?.click();
    expect(model.traits.region).toBe("b");
    expect(labels().map((label) => label.getAttribute("aria-pressed"))).toEqual([
      "false",
      "true",
      "false",
    ]);
    labels()[2]?.click();
    expect(model.traits.mode).toBe("keypoint");
  });

  test("tells in words what the lanes show", async () => {
    await tellLanes([SCOPE]);
    expect(canvas().getAttribute("aria-label")).toBe(
      "Timeline. 1 · overall: masks on 60 of 60 frames, prompts on 2, 2 suspect. 1 · keypoints.",
    );
  });

  test("has the playhead in the middle of its frame, under the slider's thumb", async () => {
    await tellLanes();
    model.set("frame_index", 29);
    expect(Number.parseFloat(page.find(".s2w-playhead").style.left)).toBeCloseTo((100 * 29.5) / 60);
    const half = page.find(".s2w-ruler").style.getPropertyValue("--s2w-half-frame");
    expect(Number.parseFloat(half)).toBeCloseTo(50 / 60);
  });
});

describe("the pointer on the lanes", () => {
  beforeEach(() => tellLanes());

  test("scrubs by a press and a drag, also beyond the edge", async () => {
    point("down", xOf(12));
    expect(page.find<HTMLInputElement>(".s2w-slider").value).toBe("12");
    point("move", xOf(40));
    point("move", CANVAS.left + CANVAS.width + 500);
    point("up", CANVAS.left + CANVAS.width + 500);
    point("move", xOf(3));
    await page.until(() => frame() === 59);
  });

  test("does not scrub with another button, nor without a press", () => {
    point("move", xOf(12));
    point("down", xOf(12), { button: 2 });
    expect(page.find<HTMLInputElement>(".s2w-slider").value).toBe("0");
  });

  test("is told what is under it, and nothing when it has left", () => {
    point("move", xOf(30));
    expect(page.find(".s2w-lane-tip").textContent).toContain(
      "30 · 1.20 s · 1 · overall: tracked, area −50 %, suspect: the area shrank by half",
    );
    point("leave", 0);
    expect(page.find(".s2w-lane-hover").hidden).toBe(true);
  });

  test("zooms with Ctrl and the wheel, moves with Shift, and shows all on a double click", () => {
    const span = (): number[] => (timeline().dataset.span ?? "").split(" ").map(Number);
    expect(wheel(-100).defaultPrevented).toBe(false);
    expect(wheel(100, { shiftKey: true }).defaultPrevented).toBe(false);
    expect(span()).toEqual([0, 60]);
    expect(wheel(-300, { ctrlKey: true }).defaultPrevented).toBe(true);
    const [start = 0, length = 0] = span();
    expect(length).toBeLessThan(30);
    expect(page.find(".s2w-shown-span").hidden).toBe(false);
    expect(wheel(64, { shiftKey: true }).defaultPrevented).toBe(true);
    expect(span()[0]).toBeGreaterThan(start);
    canvas().dispatchEvent(new MouseEvent("dblclick"));
    expect(span()).toEqual([0, 60]);
  });

  test("finds the frame that was gone to in sight when the lanes are zoomed", () => {
    page.find("[data-action=lanes-in]").click();
    expect(timeline().dataset.span).toBe("0.3 30.0");
    page.press("End");
    expect(timeline().dataset.span).toBe("30.0 30.0");
    page.find("[data-action=lanes-out]").click();
    expect(timeline().dataset.span).toBe("0.0 60.0");
  });
});

describe("keys", () => {
  beforeEach(() => tellLanes());

  test("N and Shift+N go to what is suspect and say why, until one moves on", () => {
    page.press("n");
    expect(page.status).toBe("Frame 30: the area shrank by half.");
    page.press("n");
    expect(page.status).toBe("Frame 41: the area doubled.");
    page.press("n");
    expect(page.status).toBe("No suspect frame after this one.");
    page.press("N", { shiftKey: true });
    expect(page.find<HTMLInputElement>(".s2w-slider").value).toBe("30");
    page.press("ArrowRight");
    expect(page.status).not.toContain("Frame 30");
  });

  test("are answered while a track goes on, too", async () => {
    await page.tell({
      scopes: [SCOPE, OTHER],
      regions: REGIONS,
      job: { text: "Tracking 1 scope", done: 3, total: 60, seconds_left: null },
    });
    expect(page.status).toBe("Tracking 1 scope");
    page.press("n");
    expect(page.status).toBe("Frame 30: the area shrank by half.");
    page.press("ArrowRight");
    expect(page.status).toBe("Tracking 1 scope");
  });

  test("have buttons, which are there when the object has suspect frames", () => {
    const button = page.find<HTMLButtonElement>("[data-action=next-suspect]");
    expect(button.disabled).toBe(false);
    model.set("instance", 7);
    expect(button.disabled).toBe(true);
    expect(button.title).toBe("No frame of this object is suspect.");
  });

  test("PageUp and PageDown go to the frames with prompts, or with keypoints", () => {
    const slider = page.find<HTMLInputElement>(".s2w-slider");
    page.press("PageDown");
    expect(slider.value).toBe("20");
    page.press("PageDown");
    expect(page.status).toBe("No frame with prompts of this object after this one.");
    page.press("PageUp");
    expect(slider.value).toBe("0");
    model.set("mode", "keypoint");
    page.press("PageDown");
    expect(slider.value).toBe("5");
  });
});

describe("in and out", () => {
  const range = (): unknown => model.traits.look.range;
  const handle = (edge: string): HTMLElement => page.find(`[data-edge=${edge}]`);

  test("I and O set them, the other edge gives way, X clears", async () => {
    model.set("frame_index", 20);
    page.press("i");
    expect(page.status).toBe("In to out: frames 20 to 59. X clears the range.");
    await page.until(() => String(range()) === "20,59");
    model.set("frame_index", 10);
    page.press("o");
    await page.until(() => String(range()) === "0,10");
    page.press("x");
    await page.until(() => range() === null);
    page.press("x");
    expect(page.status).toContain("No range is set");
  });

  test("handles are sliders for keys, and stop at each other", async () => {
    page.press("o");
    await page.until(() => String(range()) === "0,0");
    const key = (edge: string, name: string): void => {
      const init = { key: name, bubbles: true, cancelable: true };
      handle(edge).dispatchEvent(new KeyboardEvent("keydown", init));
    };
    key("out", "End");
    key("out", "ArrowLeft");
    await page.until(() => String(range()) === "0,58");
    key("in", "End");
    await page.until(() => String(range()) === "58,58");
    expect(handle("in").getAttribute("aria-valuenow")).toBe("58");
    expect(frame()).toBe(58);
  });

  test("are what Track offers and what its range proposes", async () => {
    model.set("look", { ...model.traits.look, range: [5, 9] });
    page.find("[data-action=track-menu]").click();
    const items = [...page.el.querySelectorAll<HTMLButtonElement>("[role=menuitem]")];
    const item = items.find(({ textContent }) => textContent === "In to out: 5 to 9");
    items.find(({ textContent }) => textContent === "Range…")?.click();
    const fields = [...page.el.querySelectorAll<HTMLInputElement>(".s2w-frame-field")];
    expect(fields.map(({ value }) => value)).toEqual(["5", "9"]);
    item?.click();
    expect(model.last("track")).toMatchObject({ scopes: [[1, "overall"]], start: 5, stop: 10 });
  });

  test("are not offered while there is no range", () => {
    page.find("[data-action=track-menu]").click();
    const items = [...page.el.querySelectorAll<HTMLButtonElement>("[role=menuitem]")];
    expect(items.filter(({ hidden }) => hidden)).toHaveLength(1);
  });
});

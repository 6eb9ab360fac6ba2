import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { frameOf } from "../src/gotofield.ts";
import { speedText } from "../src/speedpicker.ts";
import widget from "../src/widget.ts";
import type { FakeModel } from "./fake_model.ts";
import { Page } from "./page.ts";

let page: Page;
let model: FakeModel;

beforeEach(() => {
  page = new Page();
  model = page.model;
});
afterEach(() => page.remove());

const find: Page["find"] = (selector) => page.find(selector);

function type(field: HTMLInputElement, text: string, key = "Enter"): void {
  field.value = text;
  field.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
}

describe("the text of a frame to go to", () => {
  const even = { fps: 25, times: null };
  const uneven = { fps: 25, times: Float64Array.of(0, 0.1, 2, 2.5) };

  test.each<[string, number]>([
    ["0", 0],
    [" 59 ", 59],
    ["1s", 25],
    ["1.5 s", 37],
    ["0,04s", 1],
    ["0:02", 50],
    ["0:00:01.2", 30],
    ["2.4s", 59],
  ])("%s is frame %d of 60", (text, frame) => {
    expect(frameOf(text, even, 60)).toBe(frame);
  });

  test("as a time is the frame on screen then, however frames are spaced", () => {
    expect(["0:01.9", "2s", "2.4s"].map((text) => frameOf(text, uneven, 4))).toEqual([1, 2, 2]);
  });

  test.each([
    ["60", "There is no frame 60: frames are 0 to 59."],
    ["3s", "The video is 2.40 s long: there is nothing at 3s."],
    ["0:99", "The video is 2.40 s long: there is nothing at 0:99."],
    ["", "Type a frame from 0 to 59, or a time such as 1.5s or 0:01.5."],
    ["-1", "Type a frame from 0 to 59, or a time such as 1.5s or 0:01.5."],
    ["1.5", "Type a frame from 0 to 59, or a time such as 1.5s or 0:01.5."],
    ["half", "Type a frame from 0 to 59, or a time such as 1.5s or 0:01.5."],
  ])("%s is refused with advice", (text, why) => {
    expect(frameOf(text, even, 60)).toBe(why);
  });
});

describe("go to", () => {
  test("goes to the frame that is typed, and gives the keys back", async () => {
    await page.start();
    page.press("j");
    const field = find<HTMLInputElement>(".s2w-go-to");
    expect([field.hidden, field.value, document.activeElement]).toEqual([false, "0", field]);
    type(field, "12");
    expect([model.traits.frame_index, field.hidden]).toEqual([12, true]);
    expect(document.activeElement).toBe(page.root);
  });

  test("moves nothing and says why when there is no such frame", async () => {
    await page.start();
    find(".s2w-frame-label").click();
    const field = find<HTMLInputElement>(".s2w-go-to");
    type(field, "60");
    expect(page.status).toBe("There is no frame 60: frames are 0 to 59.");
    expect([model.traits.frame_index, field.hidden]).toEqual([0, false]);
    expect(field.getAttribute("aria-invalid")).toBe("true");
    type(field, "60", "Escape");
    expect([field.hidden, document.activeElement]).toEqual([true, page.root]);
    expect(page.status).not.toContain("frame 60");
  });
});

describe("speed and loop", () => {
  test("go by keys, step by step, and stop at the slowest and the fastest", async () => {
    await page.start();
    const speeds = ["<", "<", "<", ">", ">", ">", ">", ">", ">"].map((key) => {
      page.press(key, { shiftKey: true });
      return find<HTMLSelectElement>(".s2w-speed").value;
    });
    expect(speeds).toEqual(["0.5", "0.25", "0.25", "0.5", "1", "1.5", "2", "4", "4"]);
  });

  test("go by the field and the button, and are told to Python", async () => {
    await page.start();
    const field = find<HTMLSelectElement>(".s2w-speed");
    field.value = "2";
    field.dispatchEvent(new Event("change"));
    page.press("r");
    await page.until(() => model.traits.look.speed === 2 && model.traits.look.loop);
    expect(page.status).toBe("Plays the whole video in a loop.");
    const loop = find("[data-action=loop]");
    expect(loop.getAttribute("aria-pressed")).toBe("true");
    model.set("look", { ...model.traits.look, range: [3, 9], speed: 3 });
    expect(loop.title).toBe("Play frames 3 to 9 in a loop (R)");
    expect([field.value, field.selectedOptions[0]?.text]).toEqual(["3", "3×"]);
    loop.click();
    expect(loop.getAttribute("aria-pressed")).toBe("false");
  });

  test("a speed is written short", () => {
    expect([0.25, 1, 1.5, 1 / 3].map(speedText)).toEqual(["0.25×", "1×", "1.5×", "0.33×"]);
  });
});

describe("the help", () => {
  const dialog = (): HTMLDialogElement => find<HTMLDialogElement>(".s2w-help");
  const press = (key: string, target: Element = dialog()): KeyboardEvent => {
    const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true });
    target.dispatchEvent(event);
    return event;
  };

  test("lists every key and closes by the keys that mean it", async () => {
    await page.start();
    page.press("?");
    expect(dialog().open).toBe(true);
    expect(dialog().textContent).toContain("UCtrlZUndo");
    expect(dialog().textContent).toContain("Positive point");
    expect(press("Escape").defaultPrevented).toBe(true);
    expect(dialog().open).toBe(false);
    find("[data-action=help]").click();
    press("?");
    expect(dialog().open).toBe(false);
    page.press("?");
    find(".s2w-help-close").click();
    expect(dialog().open).toBe(false);
  });

  test("keeps the focus and all other keys to itself", async () => {
    await page.start();
    page.press("?");
    const body = find(".s2w-help-body");
    expect(document.activeElement).toBe(body);
    press("Tab");
    expect(document.activeElement).toBe(find(".s2w-help-close"));
    press("Tab");
    expect(document.activeElement).toBe(body);
    press("t", body);
    expect(model.of("track")).toEqual([]);
    expect(press(" ", body).defaultPrevented).toBe(false);
    page.letGo(" ");
    expect(page.root.dataset.playing).not.toBe("true");
  });

  test("shows the user's own keys and what they cost others", async () => {
    model.traits.shortcuts = { track: ["U"], clear: [] };
    page.reopen();
    await page.start();
    const sentence = "U is “Track this object through the video” here, and no longer “Undo”.";
    expect(page.status).toBe(sentence);
    page.press("?");
    expect(find(".s2w-help-notes").textContent).toBe(sentence);
    expect(find(".s2w-help-body .s2w-combination[data-own]").textContent).toBe("U");
    expect(dialog().textContent).toContain("no keyClear this frame");
    press("Escape");
    page.press("u");
    expect(model.of("undo")).toEqual([]);
    expect(model.of("track").length).toBe(1);
    expect(find("[data-action=track]").title).toBe("Track this object through the video (U)");
    expect(find("[data-action=clear]").title).toBe("Clear this frame");
  });

  test("has keys that a cell gives later: the view is made anew", () => {
    const el = document.createElement("div");
    const remove = widget.render({ model, el });
    expect(el.querySelector("[data-action=loop]")?.getAttribute("title")).toContain("(R)");
    model.set("shortcuts", { loop: ["Y"] });
    expect(el.querySelectorAll(".s2w-root").length).toBe(1);
    expect(el.querySelector("[data-action=loop]")?.getAttribute("title")).toContain("(Y)");
    remove();
    expect(el.childElementCount).toBe(0);
    model.set("shortcuts", {});
    expect(el.childElementCount).toBe(0);
  });
});

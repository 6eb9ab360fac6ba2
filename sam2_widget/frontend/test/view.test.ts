import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import widget from "../src/widget.ts";
import type { FakeModel } from "./fake_model.ts";
import { Page } from "./page.ts";

const SCOPE = { instance: 1, region: "overall", color: "#0072B2", prompts: 2, masks: 30, stale: 3 };
const HOSTILE = 'Shaft <img src=x onerror="boom()">';

let page: Page;
let model: FakeModel;
let el: HTMLElement;

beforeEach(() => {
  page = new Page();
  ({ model, el } = page);
});
afterEach(() => page.remove());

const root = (): HTMLElement => page.root;
const find: Page["find"] = (selector) => page.find(selector);
const until: Page["until"] = (condition) => page.until(condition);
const tell: Page["tell"] = (changes) => page.tell(changes);
const start: Page["start"] = (changes) => page.start(changes);
const press: Page["press"] = (key, options) => page.press(key, options);
const point = (options: PointerEventInit = {}): void => page.pointer("down", options);

describe("a view", () => {
  test("is what the module gives to Jupyter", () => {
    const other = document.createElement("div");
    const remove = widget.render({ model, el: other });
    expect(other.querySelector(".s2w-root")).not.toBeNull();
    remove();
    expect(other.childElementCount).toBe(0);
  });

  test("is built from hello, a frame and its overlay", async () => {
    await start();
    expect(root().dataset).toMatchObject({
      frame: "0",
      overlay: "42",
      masks: "1",
      points: "1",
      pending: "0",
      job: "idle",
      model: "ready",
      kernel: "ok",
      alive: "true",
      ready: "37",
      saved: "true",
    });
    expect(find(".s2w-frame-label").textContent).toBe("0 / 59 · 0.00 s");
    expect(find(".s2w-facts").textContent).toContain("extracting 37 / 60");
    expect(model.of("frame")[0]).toMatchObject({ frame: 0, max_width: 320 });
  });

  test("shows names as text, whatever they are", async () => {
    const regions = [
      { id: "overall", name: HOSTILE },
      { id: "b", name: "b" },
    ];
    await start({ regions, notices: [{ id: 1, level: "warning", text: HOSTILE }] });
    expect(find<HTMLSelectElement>(".s2w-region").options[0]?.text).toBe(HOSTILE);
    expect(find(".s2w-scope .s2w-scope-text").textContent).toBe(HOSTILE);
    expect(find(".s2w-warning").textContent).toBe(HOSTILE);
    expect(el.querySelector("img")).toBeNull();
  });

  test("takes the first region when the model names none of the video's", async () => {
    model.traits.region = "";
    page.reopen();
    await start();
    expect(model.traits.region).toBe("overall");
  });

  test("keeps a frame from Python within the video", async () => {
    await start();
    model.set("frame_index", 1000);
    expect(find<HTMLInputElement>(".s2w-slider").value).toBe("59");
    expect(model.traits.frame_index).toBe(59);
  });

  test("says that no kernel answers", async () => {
    vi.useFakeTimers();
    page.reopen();
    await vi.advanceTimersByTimeAsync(4100);
    expect(find("[role=alert]").textContent).toContain("run the cell again");
    expect(root().dataset).toMatchObject({ kernel: "lost", alive: "false" });
    vi.useRealTimers();
  });
});

describe("a click", () => {
  test.each<[string, PointerEventInit, number]>([
    ["left", {}, 1],
    ["right", { button: 2 }, 0],
    ["Shift and left", { shiftKey: true }, 0],
  ])("with %s becomes a point in pixels of the video", async (_, options, label) => {
    await start();
    point(options);
    const { id, view, ...request } = model.last("add_point");
    const scope = { instance: 1, region: "overall" };
    expect(request).toEqual({ kind: "add_point", frame: 0, ...scope, x: 320, y: 180, label });
  });

  test("is drawn at once, and again with its answer", async () => {
    await start();
    point();
    expect(root().dataset.pending).toBe("1");
    await until(() => root().dataset.points === "2");
    model.answerGolden(model.last("add_point"), "overlay", { frame: 0, revision: 43 });
    await until(() => root().dataset.pending === "0");
    expect(root().dataset).toMatchObject({ overlay: "43", points: "1" });
    expect(Number(root().dataset.clickMs)).toBeGreaterThan(0);
  });

  test("that fails disappears, and the user is told", async () => {
    await start();
    point();
    model.answerGolden(model.last("add_point"), "error");
    await until(() => root().dataset.pending === "0");
    expect(root().dataset.points).toBe("1");
    expect(find(".s2w-toasts [role=alert]").textContent).toContain("lies outside the frame");
    find(".s2w-toast-close").click();
    expect(el.querySelector(".s2w-toasts [role=alert]")).toBeNull();
  });

  test("outside the frame, with the middle button or before a frame is there does nothing", async () => {
    point();
    await start();
    point({ clientX: 5 });
    point({ button: 1 });
    expect(model.of("add_point")).toEqual([]);
  });

  test("belongs to the frame that is seen, not to the one that is on its way", async () => {
    await start();
    press("ArrowRight");
    expect(model.traits.frame_index).toBe(1);
    point();
    expect(model.last("add_point").frame).toBe(0);
  });

  test("by a finger that scrolls is none", async () => {
    await start();
    const touch = { pointerType: "touch" };
    const lift = (clientY: number): void => {
      page.pointer("up", { clientY, ...touch });
    };
    point(touch);
    lift(150);
    expect(model.of("add_point")).toEqual([]);
    point(touch);
    lift(111);
    expect(model.of("add_point").length).toBe(1);
  });

  test("opens no menu", async () => {
    const event = new MouseEvent("contextmenu", { bubbles: true, cancelable: true });
    find("canvas").dispatchEvent(event);
    expect(event.defaultPrevented).toBe(true);
  });
});

describe("undo", () => {
  test("goes to the frame and the scope it changed, and says what it did", async () => {
    await start();
    press("u");
    const step = { text: "Undid: point on frame 3", frame: 3, instance: 2, region: "shaft" };
    model.answerGolden(model.last("undo"), "overlay", { frame: 3, revision: 43, step });
    await until(() => find(".s2w-status").textContent === step.text);
    expect(model.traits).toMatchObject({ frame_index: 3, instance: 2, region: "shaft" });
    expect(find<HTMLInputElement>(".s2w-instance").value).toBe("2");
  });
});

describe("tracking", () => {
  test("starts with this scope or with all", async () => {
    await start();
    find("[data-action=track]").click();
    expect(model.last("track").scopes).toEqual([[1, "overall"]]);
    find("[data-action=track-all]").click();
    expect(model.last("track").scopes).toBeNull();
  });

  test("is refused with a reason when there is nothing to track", async () => {
    await start({ scopes: [] });
    const button = find<HTMLButtonElement>("[data-action=track]");
    expect([button.disabled, button.title]).toEqual([true, "Click the object on a frame first."]);
    press("t");
    expect(model.of("track")).toEqual([]);
    expect(find(".s2w-status").textContent).toBe(button.title);
  });

  test("is refused where the project is open elsewhere", async () => {
    await start({ read_only: true });
    expect(find("[data-action=track]").title).toContain("open elsewhere");
    expect(find<HTMLButtonElement>("[data-action=undo]").disabled).toBe(true);
  });

  test("shows how far it is, and can be cancelled", async () => {
    await start();
    const job = { text: "Tracking instance 1, overall", done: 12, total: 60, seconds_left: 3.2 };
    await tell({ revision: 43, changed: [], job });
    expect(find(".s2w-progress-text").textContent).toBe("frame 12 of 60, 4 s left");
    expect(find("[role=progressbar]").getAttribute("aria-valuenow")).toBe("12");
    expect(root().dataset.job).toBe("running");
    expect(find(".s2w-status").textContent).toBe(job.text);
    press("Escape");
    expect(model.of("cancel").length).toBe(1);
    expect(find(".s2w-status").textContent).toContain("Cancelling after the frame");
    await tell({ revision: 44, changed: [] });
    expect(find(".s2w-progress").hidden).toBe(true);
    expect(find(".s2w-status").textContent).toContain("cancelled");
    // A run of Python's, later.
    await tell({ revision: 45, changed: [], job });
    expect(find(".s2w-status").textContent).toBe(job.text);
    await tell({ revision: 46, changed: [] });
    expect(find(".s2w-status").textContent).toBe("Tracking has ended.");
  });

  test("renews the overlay on screen when its mask changed, and no other", async () => {
    await start();
    const asked = (): number => model.of("overlay").filter(({ frame }) => frame === 0).length;
    const before = asked();
    await tell({ revision: 43, changed: [[5, 6]] });
    await tell({ revision: 44, changed: [[0, 1]] });
    await until(() => asked() === before + 1);
    model.answerGolden(model.last("overlay"), "overlay", { frame: 0, revision: 44 });
    await until(() => root().dataset.overlay === "44");
  });
});

describe("the pickers", () => {
  test("select by number, by region and in the list", async () => {
    const other = { ...SCOPE, instance: 4, region: "shaft" };
    await start({ scopes: [SCOPE, other] });
    const input = find<HTMLInputElement>(".s2w-instance");
    input.value = "7";
    input.dispatchEvent(new Event("change"));
    expect(model.traits.instance).toBe(7);
    input.value = "-1";
    input.dispatchEvent(new Event("change"));
    expect([model.traits.instance, input.value]).toEqual([7, "7"]);
    el.querySelectorAll<HTMLElement>(".s2w-scope-name")[1]?.click();
    expect(model.traits).toMatchObject({ instance: 4, region: "shaft" });
    expect(find<HTMLSelectElement>(".s2w-region").value).toBe("shaft");
  });

  test("an eye hides a scope and shows it again", async () => {
    await start({ scopes: [SCOPE] });
    find(".s2w-scope .s2w-eye").click();
    await until(() => root().dataset.masks === "0" && root().dataset.points === "0");
    find(".s2w-scope .s2w-eye").click();
    await until(() => root().dataset.masks === "1" && root().dataset.points === "1");
  });
});

describe("the end of a view", () => {
  test("leaves no listener, image or element behind", async () => {
    await start();
    const elements = [root(), find("canvas"), find("[data-action=track]"), find(".s2w-region")];
    page.close();
    page.close();
    expect(model.of("bye").length).toBe(1);
    const sent = model.sent.length;
    const events = ["pointerdown", "mousedown", "keydown", "contextmenu", "click", "change"].map(
      (name) => new MouseEvent(name, { bubbles: true, cancelable: true }),
    );
    for (const element of elements) for (const event of events) element.dispatchEvent(event);
    document.dispatchEvent(new Event("visibilitychange"));
    expect(events.some(({ defaultPrevented }) => defaultPrevented)).toBe(false);
    expect(model.sent.length).toBe(sent);
    expect(model.callbacks).toEqual([]);
    expect(page.images.length).toBeGreaterThan(0);
    expect(page.images.every(({ closed }) => closed)).toBe(true);
    expect(page.resized).toEqual([]);
    expect(el.childElementCount).toBe(0);
  });
});

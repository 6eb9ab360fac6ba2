import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { nameObstacle, shorten } from "../src/names.ts";
import type { FakeModel } from "./fake_model.ts";
import { Page } from "./page.ts";

const HOSTILE = 'Left <img src=x onerror="boom()">';
const REGIONS = ["overall", "shaft"].map((id) => ({ id, name: id }));
const INSTANCES = [
  { id: 1, name: "" },
  { id: 3, name: HOSTILE },
];

let page: Page;
let model: FakeModel;
let revision: number;

beforeEach(async () => {
  page = new Page();
  model = page.model;
  revision = 42;
  await page.start({ scopes: [scope(1), scope(1, "shaft"), scope(3)], ...LABELS });
});
afterEach(() => page.remove());

const LABELS = { instances: INSTANCES, regions: REGIONS };

function scope(instance: number, region = "overall", more = {}): Record<string, unknown> {
  const counts = { prompts: 2, masks: 30, stale: 0, own_color: false };
  return { instance, region, color: "#0072b2", ...counts, ...more };
}

async function tell(changes: Record<string, unknown>): Promise<void> {
  revision++;
  await page.tell({ revision, changed: [], ...LABELS, ...changes });
}

/** The fields of the last request of this kind. */
function last(kind: string): Record<string, unknown> {
  const { id, view, kind: _, ...fields } = model.last(kind);
  return fields;
}

function all<E extends HTMLElement = HTMLElement>(selector: string): E[] {
  return [...page.el.querySelectorAll<E>(selector)];
}

/** What the list says, a line for each of its parts. */
function lines(): (string | null)[] {
  return all(".s2w-object-head, .s2w-scope").map(({ textContent }) => textContent);
}

function button(name: string): HTMLButtonElement {
  const found = all<HTMLButtonElement>("button").find(
    (one) => one.getAttribute("aria-label") === name,
  );
  if (!found) throw new Error(`No button ${name}`);
  return found;
}

const field = (): HTMLInputElement => page.find(".s2w-rename");
const press = (element: HTMLElement, key: string, more: KeyboardEventInit = {}): void => {
  const init = { key, bubbles: true, cancelable: true, ...more };
  element.dispatchEvent(new KeyboardEvent("keydown", init));
};

describe("the list", () => {
  test("shows scopes by instance, in the order of the regions, and names as text", () => {
    expect(lines()).toEqual([
      "Instance 1",
      "overall2 prompts, 30 masksfresh",
      "shaft2 prompts, 30 masksfresh",
      `Instance 3${HOSTILE}`,
      "overall2 prompts, 30 masksfresh",
    ]);
    expect(page.el.querySelector("img")).toBeNull();
    expect(all(".s2w-scope").map(({ dataset }) => dataset.current)).toEqual([
      "true",
      "false",
      "false",
    ]);
  });

  test("has a line for where one annotates, also while that holds nothing", () => {
    model.set("instance", 2);
    expect(lines()[3]).toBe("Instance 2");
    expect(lines()[4]).toBe("overallnothing yet");
    const row = all(".s2w-scope")[2];
    const disabled = [...(row?.querySelectorAll<HTMLButtonElement>(":disabled") ?? [])];
    expect(disabled.map(({ title }) => title)).toEqual(Array(2).fill(NOTHING));
    expect(button("Delete instance 2").title).toBe("Instance 2 holds nothing yet.");
    model.set("instance", 1);
    expect(lines().length).toBe(5);
  });

  test("keeps its rows in place while what they say changes", async () => {
    const before = all(".s2w-object, .s2w-scope, .s2w-scope button");
    const more = scope(1, "overall", { prompts: 1, masks: 60, stale: 58, own_color: true });
    await tell({ scopes: [more, scope(1, "shaft"), scope(2), scope(3)] });
    expect(all(".s2w-scope")[0]?.textContent).toBe("overall1 prompt, 60 masks58 stale");
    const after = new Set(all(".s2w-object, .s2w-scope, .s2w-scope button"));
    expect(before.every((element) => after.has(element))).toBe(true);
  });

  test("selects what is clicked, and an instance with the region that is annotated", () => {
    all(".s2w-scope-name")[1]?.click();
    expect(model.traits).toMatchObject({ instance: 1, region: "shaft" });
    all(".s2w-object-name")[1]?.click();
    expect(model.traits).toMatchObject({ instance: 3, region: "overall" });
  });

  test("is walked through with keys", () => {
    const [first, second, third] = all(".s2w-scope-name");
    if (!first || !second || !third) throw new Error("no rows");
    first.focus();
    press(first, "ArrowUp");
    expect(document.activeElement).toBe(first);
    press(first, "ArrowDown");
    press(second, "ArrowDown");
    expect(document.activeElement).toBe(third);
  });

  test("deletes an instance at once, and the status says how it comes back", async () => {
    button("Delete instance 3").click();
    expect(last("delete_instance")).toEqual({ instance: 3 });
    model.answer(model.last("delete_instance"), { kind: "done" });
    await page.until(() => page.status === `Deleted instance 3 ${HOSTILE}. Undo brings it back.`);
    await tell({ scopes: [scope(1)], instances: [{ id: 1, name: "" }] });
    expect(lines()).toEqual(["Instance 1", "overall2 prompts, 30 masksfresh"]);
  });

  test("changes nothing in a project that is open elsewhere, but still hides", async () => {
    await tell({ scopes: [scope(1)], read_only: true });
    const disabled = all<HTMLButtonElement>(".s2w-list :disabled");
    expect(disabled.every(({ title }) => title.includes("open elsewhere"))).toBe(true);
    expect(disabled.length).toBe(all(".s2w-list :is(.s2w-tool, input):not(.s2w-eye)").length);
    button("Hide 1 · overall").click();
    expect(model.traits.hidden).toEqual([[1, "overall"]]);
  });
});

const NOTHING = "This object holds nothing yet.";

describe("an eye", () => {
  test("hides one scope or a whole instance, and tells Python", () => {
    button("Hide 1 · shaft").click();
    expect(model.traits.hidden).toEqual([[1, "shaft"]]);
    button("Hide all of instance 1").click();
    expect(model.traits.hidden).toEqual([
      [1, "overall"],
      [1, "shaft"],
    ]);
    button("Show all of instance 1").click();
    expect(model.traits.hidden).toEqual([]);
  });

  test("opens by itself when one clicks the object that it hides", () => {
    button("Hide 1 · overall").click();
    button("Hide 1 · shaft").click();
    page.pointer("down");
    expect(model.of("add_point").length).toBe(1);
    expect(model.traits.hidden).toEqual([[1, "shaft"]]);
  });

  test("follows Python, and forgets what is in no region any more", async () => {
    model.set("hidden", [
      [3, "overall"],
      [1, "shaft"],
    ]);
    expect(all(".s2w-scope").map(({ dataset }) => dataset.hidden)).toEqual([
      "false",
      "true",
      "true",
    ]);
    await tell({ scopes: [scope(1), scope(3)], regions: REGIONS.slice(0, 1) });
    expect(model.traits.hidden).toEqual([[3, "overall"]]);
  });
});

describe("a name", () => {
  async function rename(text: string, key = "Enter"): Promise<void> {
    field().value = text;
    press(field(), key);
    await Promise.resolve();
  }

  test("of the instance at hand is changed with F2", async () => {
    page.press("F2");
    expect(field().getAttribute("aria-label")).toBe("Name of instance 1");
    await rename(" Right ");
    expect(last("rename_instance")).toEqual({ instance: 1, name: " Right " });
    model.answer(model.last("rename_instance"), { kind: "done" });
    await tell({ scopes: [scope(1)], instances: [{ id: 1, name: "Right" }] });
    await page.until(() => all(".s2w-rename").length === 0);
    expect(lines()[0]).toBe("Instance 1Right");
    expect(page.find(".s2w-instance-name").textContent).toBe("Right");
  });

  test("that it has already is saved at once: nothing is told of it", async () => {
    button("Rename the region shaft").click();
    await rename("shaft");
    model.answer(model.last("rename_region"), { kind: "done" });
    await page.until(() => all(".s2w-rename").length === 0);
  });

  test("of another instance is changed with its pencil, and shows the old one first", () => {
    button("Rename instance 3").click();
    expect(field().value).toBe(HOSTILE);
    expect(model.traits.instance).toBe(3);
  });

  test("of a region is changed from the picker, its row or with F2 on it", async () => {
    const select = page.find<HTMLSelectElement>(".s2w-region");
    select.value = "~";
    select.dispatchEvent(new Event("change"));
    expect([select.value, field().placeholder, field().value]).toEqual(["overall", "overall", ""]);
    press(field(), "Escape");
    button("Rename the region shaft").click();
    expect(field().placeholder).toBe("shaft");
    press(field(), "Escape");
    press(all(".s2w-scope-name")[1] as HTMLElement, "F2");
    await rename("Stem");
    expect(last("rename_region")).toEqual({ region: "shaft", name: "Stem" });
  });

  test("is left as it was by Escape, and by Enter when it is the same", async () => {
    page.press("F2");
    await rename("Right", "Escape");
    expect(all(".s2w-rename")).toEqual([]);
    button("Rename instance 3").click();
    await rename(`${HOSTILE} `);
    expect(all(".s2w-rename")).toEqual([]);
    expect(model.of("rename_instance")).toEqual([]);
  });

  test("is kept when one clicks elsewhere", () => {
    page.press("F2");
    field().value = "Right";
    field().dispatchEvent(new Event("blur"));
    expect(last("rename_instance")).toEqual({ instance: 1, name: "Right" });
  });

  test("is not taken while its characters are still composed", async () => {
    page.press("F2");
    field().value = "み";
    press(field(), "Enter", { isComposing: true });
    expect(model.of("rename_instance")).toEqual([]);
  });

  test("that is no name is refused with a reason, and can be mended", async () => {
    page.press("F2");
    await rename("x".repeat(301));
    expect(page.status).toBe("A name has up to 300 characters and no line breaks.");
    expect(model.of("rename_instance")).toEqual([]);
    await rename("x".repeat(300));
    model.answerGolden(model.last("rename_instance"), "error");
    await page.until(() => !field().readOnly);
    expect(page.find(".s2w-toasts [role=alert]").textContent).toBeTruthy();
  });

  test("keeps its keys to itself", () => {
    page.press("F2");
    for (const key of ["u", "t", "c", "Delete", "ArrowRight"]) press(field(), key);
    expect([model.of("undo"), model.of("track"), model.traits.frame_index]).toEqual([[], [], 0]);
  });

  test.each([
    ["", true],
    ["  ", true],
    ["\u{1f9a0}".repeat(300), true],
    ["\u{1f9a0}".repeat(301), false],
    ["a\u2028b", false],
    ["a\u0000b", false],
    ["\ud800", false],
  ])("%j can be one: %s", (text, allowed) => {
    expect(nameObstacle(text) === null).toBe(allowed);
  });

  test("is cut between characters where there is no room", () => {
    expect(shorten("tip", 3)).toBe("tip");
    expect(shorten("\u{1f9a0}".repeat(4), 3)).toBe("\u{1f9a0}\u{1f9a0}…");
  });
});

describe("a colour", () => {
  const swatch = (): HTMLInputElement => page.find(".s2w-swatch");

  async function choose(color: string): Promise<void> {
    swatch().value = color;
    swatch().dispatchEvent(new Event("change"));
    await Promise.resolve();
  }

  test("is asked for, and taken back", async () => {
    expect(button("Default colour of 1 · overall").hidden).toBe(true);
    await choose("#ff0000");
    expect(last("set_color")).toEqual({ instance: 1, region: "overall", color: "#ff0000" });
    model.answer(model.last("set_color"), { kind: "done" });
    await tell({ scopes: [scope(1, "overall", { color: "#ff0000", own_color: true })] });
    const reset = button("Default colour of 1 · overall");
    expect([reset.hidden, swatch().value]).toEqual([false, "#ff0000"]);
    reset.click();
    expect(last("set_color")).toMatchObject({ color: null });
  });

  test("that was refused is not shown", async () => {
    await choose("#ff0000");
    model.answerGolden(model.last("set_color"), "error");
    await page.until(() => swatch().value === "#0072b2");
  });

  test("that is chosen is left alone by what is told meanwhile", async () => {
    swatch().focus();
    swatch().value = "#ff0000";
    await tell({ scopes: [scope(1, "overall", { masks: 31 })] });
    expect(swatch().value).toBe("#ff0000");
  });
});

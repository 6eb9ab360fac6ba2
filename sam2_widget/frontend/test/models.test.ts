import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { modelTitle, sizeOf } from "../src/models.ts";
import type { FakeModel } from "./fake_model.ts";
import { Page } from "./page.ts";

const TINY = "sam2.1_hiera_tiny";
const LARGE = "sam2.1_hiera_large";
const EVIL = '<img src=x onerror="alert(1)">'.repeat(20);
const SIZE = 156_008_466;
const NANO = { name: "nano", device: "cpu", status: "ready", note: "", reason: "", offer: null };
const JOB = { text: "Tracking", done: 0, total: 5, seconds_left: null };
const LISTED = [
  { name: LARGE, size: 898_083_611, here: false, description: "the most accurate" },
  { name: TINY, size: SIZE, here: false, description: "the fastest" },
  { name: "nano", size: 7_900_000, here: true, description: "built in" },
  { name: EVIL, size: 5, here: true, description: EVIL },
];

let page: Page;
let model: FakeModel;

beforeEach(async () => {
  page = new Page();
  model = page.model;
  await page.start({ model: NANO, read_only: false, download: null });
});
afterEach(() => page.remove());

const button = (): HTMLButtonElement => page.find("[data-action=model]");
const rows = (): HTMLButtonElement[] => [
  ...page.el.querySelectorAll<HTMLButtonElement>(".s2w-models .s2w-item"),
];
const row = (name: string): HTMLButtonElement =>
  rows().find((each) => each.dataset.model === name) as HTMLButtonElement;
const aside = (name: string): string | null =>
  row(name).querySelector(".s2w-item-key")?.textContent ?? null;
const note = (): HTMLElement => page.find(".s2w-models > .s2w-menu-note");
const toast = (): string | null => page.find(".s2w-toasts").textContent;
const key = (name: string): void => {
  document.activeElement?.dispatchEvent(
    new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true }),
  );
};

async function open(listed: readonly object[] = LISTED): Promise<void> {
  button().click();
  model.answer(model.last("models"), { kind: "models", models: listed });
  await page.until(() => rows().length > 0);
}

describe("the names of models", () => {
  test.each([
    [TINY, "SAM 2.1 tiny", "tiny"],
    ["sam2_hiera_base_plus", "SAM 2 base plus", "base plus"],
    ["nano", "nano", ""],
    ["sam2.1_hiera_huge", "sam2.1_hiera_huge", ""],
  ])("%s is called %s", (name, title, size) => {
    expect(modelTitle(name)).toBe(title);
    expect(sizeOf(name)).toBe(size);
  });
});

describe("the menu of models", () => {
  test("stands in the facts, with why the model was chosen", async () => {
    expect(page.find(".s2w-facts").textContent).toContain("nano on cpu");
    await page.tell({ model: { ...NANO, reason: "nano, of 2: on a CPU." } });
    expect(button().title).toContain("nano, of 2: on a CPU.");
    await page.tell({ model: { ...NANO, name: "" } });
    expect(page.find(".s2w-model-menu").hidden).toBe(true);
  });

  test("lists what is here, what can be downloaded, and marks what is in use", async () => {
    button().click();
    expect(page.find(".s2w-models [role=menu]").textContent).toBe("Looking for models…");
    await page.until(() => model.of("models").length === 1);
    model.answer(model.last("models"), { kind: "models", models: LISTED });
    await page.until(() => rows().length === 4);
    expect(rows().map((each) => each.getAttribute("role"))).toEqual([
      "menuitem",
      "menuitem",
      "menuitemradio",
      "menuitemradio",
    ]);
    expect(aside(TINY)).toBe("Download 156 MB");
    expect(aside("nano")).toBe("in use on cpu");
    expect(row("nano").getAttribute("aria-checked")).toBe("true");
    expect(row(EVIL).getAttribute("aria-checked")).toBe("false");
    expect(row(TINY).title).toBe(`${TINY}: the fastest`);
    expect(row(EVIL).textContent).toBe(`${EVIL}on disk`);
    expect(page.el.querySelector("img")).toBeNull();
    expect(button().getAttribute("aria-expanded")).toBe("true");
  });

  test("is walked through and closed by keys", async () => {
    await open();
    await page.until(() => document.activeElement === row("nano"));
    key("ArrowUp");
    expect(document.activeElement).toBe(row(TINY));
    key("Home");
    expect(document.activeElement).toBe(row(LARGE));
    key("Escape");
    expect(document.activeElement).toBe(button());
    expect(page.find(".s2w-models").hidden).toBe(true);
    expect(model.of("undo")).toEqual([]);
  });

  test("has a model by code at its top, although no list has it", async () => {
    await page.tell({ model: { ...NANO, name: "mine" } });
    await open();
    expect(rows()[0]?.dataset.model).toBe("mine");
    expect(row("mine").getAttribute("aria-checked")).toBe("true");
    row("mine").click();
    expect(model.of("set_model")).toEqual([]);
  });

  test("is there while a track runs, and says that another model ends it", async () => {
    await open();
    expect(note().hidden).toBe(true);
    await page.tell({ model: NANO, job: JOB });
    expect(page.find(".s2w-facts").textContent).toContain("nano on cpu");
    expect(page.find(".s2w-facts").textContent).not.toContain("sav");
    expect(page.find(".s2w-models").hidden).toBe(false);
    expect(note().textContent).toContain("Another model on disk ends this track");
    expect(row(EVIL).title).toContain("ends this track");
    expect(row("nano").title).not.toContain("ends this track");
    expect(row(TINY).title).not.toContain("ends this track");
    row(TINY).click();
    expect(model.last("download_model")).toMatchObject({ name: TINY });
    await open();
    row(EVIL).click();
    expect(model.last("set_model")).toMatchObject({ name: EVIL });
    await page.tell({ model: NANO, job: null });
    expect(note().hidden).toBe(true);
  });
});

describe("choosing a model", () => {
  test("that is here uses it, and says so", async () => {
    await open();
    row(EVIL).click();
    expect(page.find(".s2w-models").hidden).toBe(true);
    expect(model.last("set_model")).toMatchObject({ name: EVIL });
    model.answer(model.last("set_model"), { kind: "done" });
    await page.until(() => page.status?.endsWith("makes the masks from now on.") === true);
  });

  test("that is in use does nothing", async () => {
    await open();
    row("nano").click();
    expect(model.of("set_model")).toEqual([]);
  });

  test("that cannot be loaded becomes a message", async () => {
    await open();
    row(EVIL).click();
    const message = "mine could not be loaded, nano stays in use: it is damaged.";
    model.answer(model.last("set_model"), { kind: "error", message });
    await page.until(() => toast() === message);
  });

  test("that is not here downloads it, one at a time, with its progress", async () => {
    await open();
    row(TINY).click();
    expect(model.last("download_model")).toMatchObject({ name: TINY });
    model.answer(model.last("download_model"), { kind: "done" });
    await page.until(() => page.status === "Downloading SAM 2.1 tiny: you can go on here.");
    await page.tell({ model: NANO, download: { name: TINY, done: 0, total: 0 } });
    expect(page.find(".s2w-download-text").textContent).toBe("SAM 2.1 tiny: asking for it…");
    await page.tell({ model: NANO, download: { name: TINY, done: SIZE / 2, total: SIZE } });
    expect(page.find(".s2w-download-text").textContent).toBe("SAM 2.1 tiny: 78 MB of 156 MB");
    expect(page.find(".s2w-download [role=progressbar]").getAttribute("aria-valuenow")).toBe("50");
    await open();
    expect(aside(TINY)).toBe("50 %");
    expect([row(TINY).disabled, row(LARGE).disabled, row("nano").disabled]).toEqual([
      true,
      true,
      false,
    ]);
    expect(row(LARGE).title).toBe("SAM 2.1 tiny is being downloaded: one at a time.");
  });

  test("can be given up while it comes, and the list is looked at anew", async () => {
    await page.tell({ model: NANO, download: { name: TINY, done: 5, total: SIZE } });
    const cancel = page.find<HTMLButtonElement>("[data-action=cancel-download]");
    cancel.focus();
    cancel.click();
    expect(model.of("cancel_download").length).toBe(1);
    model.answer(model.last("cancel_download"), { kind: "done" });
    await open();
    cancel.focus();
    await page.tell({ model: NANO });
    expect(page.find(".s2w-download").hidden).toBe(true);
    expect(document.activeElement).toBe(page.root);
    await page.until(() => model.of("models").length === 2);
  });

  test("waits for a track", async () => {
    const download = { name: TINY, done: SIZE, total: SIZE };
    await page.tell({ download, job: JOB });
    expect(page.find(".s2w-download-text").textContent).toContain("once the track has ended");
    await page.tell({ download, job: null });
    expect(page.find(".s2w-download-text").textContent).toContain("is being loaded");
  });
});

describe("the banner of the preview", () => {
  const note = { ...NANO, note: "This is nano.", offer: { name: TINY, size: SIZE } };
  const action = (): HTMLButtonElement | null =>
    page.el.querySelector<HTMLButtonElement>(".s2w-banners .s2w-toast-action");

  test("gets what suits the machine", async () => {
    await page.tell({ model: note });
    expect(action()?.textContent).toBe("Get SAM 2.1 (tiny, 156 MB)");
    action()?.click();
    expect(model.last("download_model")).toMatchObject({ name: TINY });
    model.answer(model.last("download_model"), { kind: "error", message: "It cannot be had." });
    await page.until(() => toast() === "It cannot be had.");
    await page.tell({ model: note, download: { name: TINY, done: 1, total: SIZE } });
    expect(action()).toBeNull();
    await page.tell({ model: { ...NANO, name: TINY } });
    expect(page.find(".s2w-banners").textContent).toBe("");
  });
});

describe("a mask by another model", () => {
  test("is told of", async () => {
    expect(page.find(".s2w-facts").textContent).not.toContain("mask by");
    await page.tell({ model: { ...NANO, name: TINY }, changed: [] });
    expect(page.find(".s2w-facts").textContent).toContain("mask by nano · ");
    model.set("instance", 2);
    expect(page.find(".s2w-facts").textContent).not.toContain("mask by");
  });
});

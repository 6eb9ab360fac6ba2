import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { fetchFile } from "../src/download.ts";
import type { FakeModel, Sent } from "./fake_model.ts";
import { Page } from "./page.ts";

const CHUNK = 1 << 20;
const SCOPE = { instance: 1, region: "overall", color: "#0072B2", prompts: 2, masks: 30, stale: 0 };
const EVIL = '<img src=x onerror="alert(1)">'.repeat(10);

let page: Page;
let model: FakeModel;

beforeEach(async () => {
  page = new Page();
  model = page.model;
  await page.start({ scopes: [SCOPE], read_only: false });
});
afterEach(() => page.remove());

const button = (action: string): HTMLButtonElement => page.find(`[data-action=${action}]`);
const item = (text: string): HTMLButtonElement => {
  const found = [...page.el.querySelectorAll<HTMLButtonElement>("[role=menuitem]")];
  return found.find((row) => row.textContent?.startsWith(text)) as HTMLButtonElement;
};
const toast = (): string | null => page.find(".s2w-toasts").textContent;

async function sent(kind: string): Promise<Sent> {
  await page.until(() => model.of(kind).length > 0);
  return model.last(kind);
}

describe("saving", () => {
  test("says where, and cannot be asked for twice at once", async () => {
    button("save").click();
    await page.until(() => page.status === "Saving…" && button("save").disabled);
    model.answer(model.last("save"), { kind: "saved", folder: `outputs/${EVIL}` });
    await page.until(() => page.status === `Saved in outputs/${EVIL}.`);
    expect(button("save").disabled).toBe(false);
    expect(page.el.querySelector("img")).toBeNull();
  });

  test("by Ctrl+S saves the notebook too, and not the page", async () => {
    const outside = vi.fn();
    page.el.addEventListener("keydown", outside);
    page.press("s", { ctrlKey: true });
    expect(model.of("save").length).toBe(1);
    expect(outside).toHaveBeenCalledTimes(1);
    const event = outside.mock.calls[0]?.[0] as KeyboardEvent;
    expect([event.key, event.ctrlKey, event.target === page.el]).toEqual(["s", true, true]);
  });

  test("that fails becomes a message", async () => {
    button("save").click();
    model.answer(model.last("save"), { kind: "error", message: "points.json was changed." });
    await page.until(() => toast() === "points.json was changed.");
    expect(button("save").disabled).toBe(false);
  });
});

describe("the menus", () => {
  test("open, are walked through and closed by keys", async () => {
    button("load").click();
    await page.until(() => document.activeElement === item("Read the project"));
    item("Read the project").dispatchEvent(
      new KeyboardEvent("keydown", { key: "ArrowDown", bubbles: true }),
    );
    expect(document.activeElement).toBe(item("Load an exported"));
    document.activeElement?.dispatchEvent(
      new KeyboardEvent("keydown", { key: "Escape", bubbles: true }),
    );
    expect(document.activeElement).toBe(button("load"));
    expect(button("load").getAttribute("aria-expanded")).toBe("false");
  });

  test("read the project's files again", async () => {
    button("load").click();
    item("Read the project").click();
    await page.until(() => page.status === "Reading the project's files…");
    model.answer(model.last("reload"), { kind: "done" });
    await page.until(() => page.status?.includes("undo starts anew") === true);
  });

  test("leave only what reads to a project that is read-only", async () => {
    await page.tell({ scopes: [SCOPE], read_only: true });
    expect(button("save").disabled).toBe(true);
    expect(button("save").title).toContain("read-only");
    expect(item("Load an exported").disabled).toBe(true);
    expect(item("Load an exported").title).toContain("read-only");
    for (const text of ["Read the project", "Everything", "This object"]) {
      expect(item(text).disabled).toBe(false);
    }
  });

  test("have no export of an object without points", async () => {
    await page.tell({ scopes: [{ ...SCOPE, prompts: 0 }], read_only: false });
    expect(item("This object").disabled).toBe(true);
    expect(item("This object").title).toBe("This object has no points.");
  });
});

describe("a project that is read-only", () => {
  test("offers to try again for as long as it is", async () => {
    await page.tell({ read_only: true });
    const again = page.find<HTMLButtonElement>(".s2w-banners .s2w-warning .s2w-toast-action");
    expect(again.textContent).toBe("Try again");
    again.click();
    model.answer(model.last("try_lock"), { kind: "error", message: "It is still open." });
    await page.until(() => toast() === "It is still open.");
    page.find<HTMLButtonElement>(".s2w-banners .s2w-warning .s2w-toast-action").click();
    model.answer(model.last("try_lock"), { kind: "done" });
    await page.tell({ read_only: false });
    await page.until(() => page.el.querySelector(".s2w-warning") === null);
  });
});

describe("loading a file", () => {
  const panel = (): HTMLElement => page.find(".s2w-load");
  const press = (text: string): void => {
    const buttons = [...panel().querySelectorAll("button")];
    buttons.find((b) => b.textContent === text)?.click();
  };

  async function choose(): Promise<void> {
    const input = page.find<HTMLInputElement>(".s2w-files input[type=file]");
    const file = new File(["{}"], "all.json", { lastModified: 5 });
    Object.defineProperty(input, "files", { configurable: true, value: [file] });
    input.dispatchEvent(new Event("change"));
    const begun = await sent("begin_upload");
    expect(begun).toMatchObject({ purpose: "annotations", name: "all.json", size: 2 });
    model.answer(begun, { kind: "upload", token: "t", name: "all.json", received: 0 });
    const chunk = await sent("upload_chunk");
    model.answer(chunk, { kind: "upload", token: "t", name: "all.json", received: 2 });
    expect(await sent("preview_load")).toMatchObject({ token: "t" });
  }

  async function preview(): Promise<void> {
    const content = { title: `all.json ${EVIL}`, merge: ["Adds 1 point."], replace: [EVIL] };
    model.answer(model.last("preview_load"), { kind: "load_preview", ...content });
    await page.until(() => panel().hidden === false);
  }

  test("shows what it would do, as text, before anything is done", async () => {
    await choose();
    await preview();
    const lists = [...panel().querySelectorAll("li")].map((li) => li.textContent);
    expect(lists).toEqual(["Adds 1 point.", EVIL]);
    expect(panel().querySelector("img")).toBeNull();
    expect(document.activeElement?.textContent).toBe("Cancel");
    expect(model.of("apply_load")).toEqual([]);
  });

  test.each([
    ["Merge", "merge"],
    ["Replace", "replace"],
  ])("by %s does what the button says", async (text, how) => {
    await choose();
    await preview();
    press(text);
    await page.until(() => panel().hidden === true);
    expect(model.last("apply_load")).toMatchObject({ token: "t", how });
    model.answer(model.last("apply_load"), { kind: "done" });
    await page.until(() => page.status?.includes("Undo takes it back") === true);
  });

  test("is given up by Cancel, and the file goes", async () => {
    await choose();
    await preview();
    press("Cancel");
    expect(panel().hidden).toBe(true);
    expect(model.last("cancel_upload")).toMatchObject({ token: "t" });
    expect(page.root.contains(document.activeElement)).toBe(true);
  });

  test("that does not fit becomes a message", async () => {
    await choose();
    model.answer(model.last("preview_load"), { kind: "error", message: "It does not fit." });
    await page.until(() => toast() === "It does not fit.");
    expect(panel().hidden).toBe(true);
  });
});

describe("an export", () => {
  test("is asked for, fetched and saved under its name", async () => {
    const click = vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(() => {});
    vi.stubGlobal("URL", { ...URL, createObjectURL: () => "blob:x", revokeObjectURL: () => {} });
    button("export").click();
    item("This object").click();
    const request = await sent("export");
    expect(request).toMatchObject({ instance: 1, region: "overall" });
    model.answer(request, { kind: "download", token: "t", name: "clip.json", size: 3 });
    const view = new DataView(new TextEncoder().encode("{ }").buffer as ArrayBuffer);
    model.answer(await sent("chunk"), { kind: "chunk", offset: 0 }, [view]);
    await page.until(() => page.status === "Exported clip.json.");
    expect((click.mock.contexts[0] as HTMLAnchorElement).download).toBe("clip.json");
    click.mockRestore();
  });

  test("of everything names no object", async () => {
    button("export").click();
    item("Everything").click();
    expect(await sent("export")).toMatchObject({ instance: null, region: null });
  });

  test("asks for four parts at once and puts them together in order", async () => {
    const size = 6 * CHUNK + 3;
    const asked: { offset: number; give(): void }[] = [];
    const request = (_kind: string, { offset }: { offset: number }): Promise<unknown> =>
      new Promise((resolve) => {
        const bytes = new Uint8Array(Math.min(CHUNK, size - offset)).fill(offset / CHUNK);
        asked.push({ offset, give: () => resolve({ kind: "chunk", offset, buffers: [bytes] }) });
      });
    const shares: number[] = [];
    const blob = fetchFile({ request } as never, { token: "t", size }, (s) => shares.push(s));
    expect(asked.length).toBe(4);
    for (const index of [3, 0, 2, 1, 4, 6, 5]) {
      await vi.waitFor(() => expect(asked.length).toBeGreaterThan(index));
      asked[index]?.give();
      await vi.waitFor(() => expect(shares.length).toBeGreaterThan(0));
    }
    const bytes = new Uint8Array(await (await blob).arrayBuffer());
    expect(bytes.length).toBe(size);
    expect([0, 1, 2, 3, 4, 5].map((part) => bytes[part * CHUNK])).toEqual([0, 1, 2, 3, 4, 5]);
    expect(shares.at(-1)).toBe(1);
  });

  test("that comes incomplete is none", async () => {
    const request = async (): Promise<unknown> => ({ buffers: [new Uint8Array(2)] });
    const fetched = fetchFile({ request } as never, { token: "t", size: 3 }, () => {});
    await expect(fetched).rejects.toThrow("incomplete");
  });
});

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { agoText, bytesText, durationText } from "../src/amounts.ts";
import { progressText } from "../src/picker.ts";
import type { FakeModel, Sent } from "./fake_model.ts";
import { Page } from "./page.ts";

const HOSTILE = `<img src=x onerror="boom()">${"é".repeat(300)}`;
const NOW = 1_800_000_000;

let page: Page;
let model: FakeModel;

beforeEach(() => {
  page = new Page();
  ({ model } = page);
  model.traits.region = "";
  page.reopen();
});
afterEach(() => page.remove());

const find: Page["find"] = (selector) => page.find(selector);
const rows = (): HTMLButtonElement[] => [
  ...page.el.querySelectorAll<HTMLButtonElement>(".s2w-row"),
];
const row = (path: string): HTMLButtonElement =>
  rows().find(({ dataset }) => dataset.path === path) as HTMLButtonElement;
const named = (text: string): HTMLButtonElement =>
  [...page.el.querySelectorAll<HTMLButtonElement>(".s2w-chooser button")].find(
    ({ textContent }) => textContent === text,
  ) as HTMLButtonElement;
const troubles = (): string => find(".s2w-chooser .s2w-toasts").textContent ?? "";

async function sent(kind: string, count = 1): Promise<Sent> {
  await page.until(() => model.of(kind).length >= count);
  return model.last(kind);
}

async function offer(changes: Record<string, unknown> = {}): Promise<void> {
  const videos = [
    { path: "clip.mp4", size: 1_234_567 },
    { path: "day 2/scan/", size: 40 },
  ];
  const given = { folder: "videos", videos, projects: [], ...changes };
  model.answerGolden(model.last("hello"), "choices", given);
  await sent("listen");
}

function drop(files: File[], target: HTMLElement = page.root): DragEvent {
  const event = new Event("drop", { bubbles: true, cancelable: true });
  Object.assign(event, { dataTransfer: { types: ["Files"], files, dropEffect: "none" } });
  target.dispatchEvent(event);
  return event as DragEvent;
}

describe("a view without a video", () => {
  test("shows the picker at once, not an empty player", async () => {
    expect(page.root.dataset.choosing).toBe("true");
    expect(find(".s2w-none").textContent).toBe("Looking for videos…");
    await offer();
    expect(rows().map(({ textContent }) => textContent)).toEqual([
      "clip.mp41.2 MB",
      "day 2/scan/40 bytes",
    ]);
  });

  test("says where to put videos when there are none", async () => {
    await offer({ folder: "my <b>videos</b>", videos: [] });
    expect(find(".s2w-none").textContent).toContain("into the folder my <b>videos</b> and press");
    expect(rows()).toEqual([]);
  });

  test("shows names as text, whatever they are", async () => {
    const projects = [{ path: "/p", name: HOSTILE, opened: 0, obstacle: HOSTILE }];
    await offer({ folder: HOSTILE, videos: [{ path: HOSTILE, size: 1 }], projects });
    expect(find(".s2w-row-name").textContent).toBe(HOSTILE);
    expect(find(".s2w-row-problem").textContent).toBe(HOSTILE);
    expect(row(HOSTILE).title).toBe(HOSTILE);
    expect(page.el.querySelector("img")).toBeNull();
  });

  test("offers recent projects first; those that cannot be opened say why", async () => {
    const gone = "The video /a.mp4 is gone: put it back, or open it where it is now.";
    const opened = Date.now() / 1000 - 7200;
    const projects = [
      { path: "/out/clip", name: "clip", opened, obstacle: "" },
      { path: "/out/a", name: "a", opened, obstacle: gone },
    ];
    await offer({ projects });
    expect(rows().map(({ disabled }) => disabled)).toEqual([false, true, false, false]);
    expect(row("/out/clip").textContent).toBe("clip2 h ago");
    expect([row("/out/a").textContent, row("/out/a").title]).toEqual([`a2 h ago${gone}`, gone]);
  });

  test("keeps its keys to itself, and arrows walk through the list", async () => {
    await offer();
    page.press("ArrowRight");
    page.press("u");
    expect(model.traits.frame_index).toBe(0);
    expect(model.of("undo")).toEqual([]);
    rows()[0]?.focus();
    const event = new KeyboardEvent("keydown", { key: "ArrowDown", bubbles: true });
    rows()[0]?.dispatchEvent(event);
    expect(document.activeElement).toBe(rows()[1]);
  });

  test("asks anew on Refresh", async () => {
    await offer();
    named("Refresh").click();
    const videos = [{ path: "later.mp4", size: 2e9 }];
    model.answerGolden(await sent("list_videos"), "choices", { videos, projects: [] });
    await page.until(() => row("later.mp4") !== undefined);
    expect(rows().length).toBe(1);
  });
});

describe("a video that is picked", () => {
  test("opens, and the player takes the picker's place", async () => {
    await offer();
    row("clip.mp4").focus();
    row("clip.mp4").click();
    expect(model.last("open_video").path).toBe("clip.mp4");
    expect(row("clip.mp4").textContent).toBe("clip.mp4opening…");
    expect(rows().every(({ disabled }) => disabled)).toBe(true);
    model.answer(model.last("open_video"), { kind: "done" });
    model.set("region", "overall");
    await page.start();
    expect(page.root.dataset).toMatchObject({ choosing: "false", frame: "0" });
    expect(page.el.querySelector(".s2w-chooser")).toBeNull();
    expect(document.activeElement).toBe(page.root);
  });

  test("by another view changes this one over too", async () => {
    await offer();
    model.set("region", "overall");
    await page.start();
    expect(page.root.dataset.choosing).toBe("false");
  });

  test("and cannot be opened says why, and another can be picked", async () => {
    await offer();
    row("clip.mp4").click();
    const message = "clip.mp4 is not a video that can be read.";
    model.answerGolden(model.last("open_video"), "error", { message });
    await page.until(() => troubles().includes(message));
    expect(rows().every(({ disabled }) => !disabled)).toBe(true);
    row("day 2/scan/").click();
    expect(model.of("open_video").length).toBe(2);
    model.answer(model.last("open_video"), { kind: "done" });
    await page.start();
    expect(find(".s2w-toasts").textContent).toBe("");
  });
});

describe("an upload", () => {
  const clip = (name = "clip.mp4"): File => new File(["0123456789"], name, { lastModified: 5 });

  function choose(...files: File[]): void {
    const input = find<HTMLInputElement>(".s2w-chooser input[type=file]");
    Object.defineProperty(input, "files", { value: files, configurable: true });
    input.dispatchEvent(new Event("change"));
  }

  async function receive(name = "clip.mp4", round = 1): Promise<void> {
    const begin = await sent("begin_upload", round);
    model.answer(begin, { kind: "upload", token: `t${round}`, name, received: 0 });
    const chunk = await sent("upload_chunk", round);
    expect(chunk).toMatchObject({ token: `t${round}`, offset: 0 });
    model.answer(chunk, { kind: "upload", token: `t${round}`, name, received: 10 });
  }

  test("of a chosen file shows how far it is, then opens it", async () => {
    await offer();
    choose(clip());
    const begin = await sent("begin_upload");
    expect(begin).toMatchObject({ purpose: "video", name: "clip.mp4", size: 10, modified: 5 });
    expect(find(".s2w-chooser .s2w-sending").hidden).toBe(false);
    expect(find(".s2w-chooser .s2w-sending-name").textContent).toBe("clip.mp4");
    expect(rows()[0]?.title).toContain("Wait for the end of the upload");
    model.answer(begin, { kind: "upload", token: "t1", name: "clip.mp4", received: 4 });
    const chunk = await sent("upload_chunk");
    expect(chunk.offset).toBe(4);
    expect(find(".s2w-chooser .s2w-sending [role=progressbar]").getAttribute("aria-valuenow")).toBe(
      "4",
    );
    model.answer(chunk, { kind: "upload", token: "t1", name: "clip-2.mp4", received: 10 });
    const videos = [{ path: "clip-2.mp4", size: 10 }];
    model.answerGolden(await sent("list_videos"), "choices", { videos });
    expect((await sent("open_video")).path).toBe("clip-2.mp4");
    expect(find(".s2w-chooser .s2w-sending").hidden).toBe(true);
  });

  test("of several dropped files sends one after the other and opens none", async () => {
    await offer();
    const event = drop([clip("a.mp4"), clip("b.mp4")]);
    expect(event.defaultPrevented).toBe(true);
    await receive("a.mp4");
    await receive("b.mp4", 2);
    model.answerGolden(await sent("list_videos"), "choices");
    await page.until(() => row("day 1/clip.mp4") !== undefined);
    expect(model.of("begin_upload").map(({ name }) => name)).toEqual(["a.mp4", "b.mp4"]);
    expect(model.of("open_video")).toEqual([]);
  });

  test("that is cancelled leaves the list as it was, without a complaint", async () => {
    await offer();
    choose(clip());
    model.answer(await sent("begin_upload"), {
      kind: "upload",
      token: "t1",
      name: "clip.mp4",
      received: 0,
    });
    await sent("upload_chunk");
    named("Cancel").click();
    expect((await sent("cancel_upload")).token).toBe("t1");
    await page.until(() => find(".s2w-chooser .s2w-sending").hidden === true);
    expect(troubles()).toBe("");
    expect(rows()[0]?.disabled).toBe(false);
    expect(model.of("open_video")).toEqual([]);
  });

  test("that is refused says why", async () => {
    await offer();
    choose(clip("notes.txt"));
    const message = "notes.txt is no video that can be opened.";
    model.answerGolden(await sent("begin_upload"), "error", { message });
    await page.until(() => troubles().includes(message));
    expect(model.of("open_video")).toEqual([]);
  });

  test("ends quietly when its view is closed, and what came stays", async () => {
    await offer();
    choose(clip());
    await sent("begin_upload");
    page.close();
    await vi.waitFor(() => expect(model.sent.at(-1)?.kind).toBe("bye"));
    expect(model.of("cancel_upload")).toEqual([]);
  });

  test("of several ends with its view, the page stays alive", async () => {
    await offer();
    choose(clip(), clip("b.mp4"));
    await sent("begin_upload");
    page.close();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(model.of("begin_upload").length).toBe(1);
  });

  test("is not begun by what is dropped on a video that is open", async () => {
    model.traits.region = "overall";
    page.reopen();
    await page.start();
    expect(drop([clip()]).defaultPrevented).toBe(false);
    expect(model.of("begin_upload")).toEqual([]);
  });
});

describe("words for", () => {
  test.each([
    [0, "0 bytes"],
    [999, "999 bytes"],
    [1000, "1.0 kB"],
    [9_960, "10 kB"],
    [999_600, "1.0 MB"],
    [5_000_000_000, "5.0 GB"],
    [3.2e15, "3200 TB"],
  ])("%d bytes", (bytes, text) => expect(bytesText(bytes)).toBe(text));

  test.each([
    [0, "0 s"],
    [59.2, "1 min 0 s"],
    [7384, "2 h 3 min"],
  ])("%d seconds", (seconds, text) => expect(durationText(seconds)).toBe(text));

  test.each([
    [NOW + 50, "just now"],
    [NOW - 59, "just now"],
    [NOW - 61, "1 min ago"],
    [NOW - 7300, "2 h ago"],
    [NOW - 90_000, "yesterday"],
    [NOW - 3 * 86_400, "3 days ago"],
    [NOW - 90 * 86_400, "2026-10-17"],
  ])("the time %d", (time, text) => expect(agoText(time, NOW)).toBe(text));

  test("an upload under way, and one that waits", () => {
    const progress = { name: "a", size: 4e6, received: 1e6, rate: 5e5, waiting: false };
    expect(progressText(progress)).toBe("1.0 MB of 4.0 MB · 500 kB/s · 6 s left");
    expect(progressText({ ...progress, waiting: true })).toBe(
      "1.0 MB of 4.0 MB · waiting for the kernel, then it goes on",
    );
  });
});

// What a view shows while no video is open: videos and projects to choose from, and the upload of one.
import { computed, effect, type ReadonlySignal, type Signal, signal } from "@preact/signals-core";
import { agoText, bytesText, durationText } from "./amounts.ts";
import type { Connection } from "./connection.ts";
import { closer, h, keepFocus, type Part, setText } from "./dom.ts";
import { type IconName, icon } from "./icons.ts";
import type { Choices } from "./messages.ts";
import { Pace } from "./pace.ts";
import { moveFocus } from "./popup.ts";
import type { ViewState } from "./state.ts";
import { createToasts } from "./status.ts";
import { Cancelled, type Progress, Uploader } from "./upload.ts";

export interface PickerOptions {
  state: ViewState;
  connection: Connection;
  /** What takes dropped files: the whole widget. */
  root: HTMLElement;
  choosing: ReadonlySignal<boolean>;
  fail(error: unknown): void;
  signal: AbortSignal;
}

/** Kinds of files that the browser's own dialog offers first. */
const ACCEPT = "video/*,.mp4,.m4v,.mov,.avi,.mkv,.webm,.mpg,.mpeg,.wmv";

export function createPicker(options: PickerOptions): Part {
  const { state, connection, root, choosing, fail, signal: closing } = options;
  /** The path that is being opened. */
  const opening: Signal<string | null> = signal(null);
  const uploader = new Uploader(connection);
  const obstacle = computed(() => {
    if (opening.value !== null) return "Wait until the video is open.";
    return uploader.progress.value ? "Wait for the end of the upload, or cancel it." : null;
  });

  const refresh = button("refresh", "Refresh", () => void list());
  const upload = button("upload", "Upload…", () => input.click());
  upload.classList.add("s2w-primary");
  const input = h("input", {
    type: "file",
    accept: ACCEPT,
    multiple: true,
    hidden: true,
    "aria-label": "Video to upload",
  });
  const lists = h("div", { class: "s2w-choices" });
  const hint = h("div", { class: "s2w-drop-hint" }, "You can also drop a video file here.");
  const sending = createSending(uploader);
  const toasts = createToasts(state, connection.kernel);
  const node = h(
    "div",
    { class: "s2w-chooser", role: "group", "aria-label": "Choose a video" },
    h(
      "div",
      { class: "s2w-chooser-head" },
      h("span", { class: "s2w-chooser-title" }, "Choose a video"),
      h("div", { class: "s2w-group s2w-end" }, refresh, upload),
    ),
    lists,
    sending.node,
    hint,
    toasts.node,
    input,
  );

  input.addEventListener("change", () => {
    take([...(input.files ?? [])]);
    // Choosing the same file again is a change again.
    input.value = "";
  });
  lists.addEventListener("keydown", (event) => {
    if (!moveFocus(lists, event.key)) return;
    event.preventDefault();
    event.stopPropagation();
  });
  takeDrops(root, choosing, take, closing);

  const stops = [
    effect(() => {
      keepFocus(lists);
      lists.replaceChildren(...rows(state.choices.value, opening.value, obstacle.value, open));
    }),
    effect(() => {
      refresh.disabled = opening.value !== null;
      upload.disabled = obstacle.value !== null;
      refresh.title = opening.value === null ? "Look for videos again" : (obstacle.value ?? "");
      upload.title = obstacle.value ?? "Upload a video from this computer";
    }),
    effect(() => {
      hint.hidden = obstacle.value !== null;
    }),
    effect(() => {
      // Another view has opened a video; what came of an upload stays.
      if (!choosing.value) uploader.close();
    }),
    sending.close,
    toasts.close,
    () => uploader.close(),
  ];
  return { node, close: closer(stops) };

  async function list(): Promise<void> {
    try {
      state.choices.value = await connection.request("list_videos", {});
    } catch (error) {
      tell(error);
    }
  }

  async function open(path: string): Promise<void> {
    if (opening.peek() !== null) return;
    opening.value = path;
    try {
      await connection.request("open_video", { path });
    } catch (error) {
      tell(error);
    }
    opening.value = null;
  }

  function take(files: readonly File[]): void {
    if (obstacle.peek() === null) void send(files);
    else fail(obstacle.peek());
  }

  /** Uploads one after the other; a single one is what the user wants to open. */
  async function send(files: readonly File[]): Promise<void> {
    let name: string | null = null;
    for (const file of files) {
      // Without its view nothing is sent any more: it would be tried again for ever.
      if (closing.aborted || !choosing.peek()) return;
      try {
        ({ name } = await uploader.upload(file, "video"));
      } catch (error) {
        tell(error);
      }
    }
    if (name === null || closing.aborted || !choosing.peek()) return;
    await list();
    if (files.length === 1) await open(name);
  }

  function tell(error: unknown): void {
    if (!closing.aborted && choosing.peek() && !(error instanceof Cancelled)) fail(error);
  }
}

function button(name: IconName, label: string, act: () => void): HTMLButtonElement {
  const made = h(
    "button",
    { type: "button", class: "s2w-button" },
    icon(name),
    h("span", { class: "s2w-label" }, label),
  );
  made.onclick = act;
  return made;
}

type Open = (path: string) => void;

function rows(
  choices: Choices | null,
  opening: string | null,
  obstacle: string | null,
  open: Open,
): HTMLElement[] {
  if (!choices) return [h("div", { class: "s2w-none" }, "Looking for videos…")];
  const now = Date.now() / 1000;
  const projects = choices.projects.map((project) =>
    row({
      icon: "clock",
      name: project.name,
      path: project.path,
      detail: agoText(project.opened, now),
      problem: project.obstacle,
      opening,
      obstacle,
      open,
    }),
  );
  const videos = choices.videos.map(({ path, size }) =>
    row({
      icon: path.endsWith("/") ? "images" : "film",
      name: path,
      path,
      detail: bytesText(size),
      problem: "",
      opening,
      obstacle,
      open,
    }),
  );
  const none = h(
    "div",
    { class: "s2w-none" },
    "There are none yet. Put video files into the folder ",
    h("span", { class: "s2w-path" }, choices.folder),
    " and press Refresh, or upload one.",
  );
  return [
    ...(projects.length > 0 ? [section("Recent projects", projects)] : []),
    section(
      `Videos in ${choices.folder.replace(/[/\\]*$/, "/")}`,
      videos.length > 0 ? videos : [none],
    ),
  ];
}

function section(title: string, items: HTMLElement[]): HTMLElement {
  return h(
    "section",
    { "aria-label": title },
    h("div", { class: "s2w-choices-title" }, title),
    h("ul", { class: "s2w-rows" }, ...items.map((item) => h("li", {}, item))),
  );
}

interface Row {
  icon: IconName;
  name: string;
  path: string;
  detail: string;
  /** Why this one cannot be opened; empty when it can. */
  problem: string;
  opening: string | null;
  /** Why none can be opened now. */
  obstacle: string | null;
  open: Open;
}

function row(options: Row): HTMLButtonElement {
  const { name, path, problem, opening, obstacle } = options;
  const isOpening = opening === path;
  const made = h(
    "button",
    { type: "button", class: "s2w-row", "data-path": path, title: problem || obstacle || path },
    icon(options.icon),
    h("span", { class: "s2w-row-name" }, name),
    h("span", { class: "s2w-row-detail" }, isOpening ? "opening…" : options.detail),
  );
  if (problem) made.append(h("span", { class: "s2w-row-problem" }, problem));
  made.disabled = problem !== "" || obstacle !== null;
  made.setAttribute("aria-busy", String(isOpening));
  made.onclick = () => options.open(path);
  return made;
}

/** The row of the file that is uploaded. */
export function createSending(uploader: Uploader): Part {
  const name = h("span", { class: "s2w-sending-name" });
  const text = h("span", { class: "s2w-progress-text" });
  const bar = h("div", { class: "s2w-bar", role: "progressbar", "aria-valuemin": 0 });
  const cancel = button("close", "Cancel", () => uploader.cancel());
  cancel.title = "Cancel the upload and throw away what came";
  const spoken = h("div", { class: "s2w-spoken", role: "status" });
  const node = h("div", { class: "s2w-sending" }, name, cancel, bar, text, spoken);
  const pace = new Pace();
  const close = effect(() => {
    const progress = uploader.progress.value;
    if (!progress) pace.restart();
    else if (pace.isDue(progress.received / Math.max(1, progress.size)))
      setText(spoken, `Upload: ${progressText(progress)}`);
    if (!progress) keepFocus(node);
    node.hidden = progress === null;
    if (!progress) return;
    setText(name, progress.name);
    setText(text, progressText(progress));
    bar.setAttribute("aria-label", `Upload of ${progress.name}`);
    bar.setAttribute("aria-valuemax", String(progress.size));
    bar.setAttribute("aria-valuenow", String(progress.received));
    const percent = (100 * progress.received) / Math.max(1, progress.size);
    bar.style.setProperty("--s2w-done", `${percent}%`);
  });
  return { node, close };
}

/** "120 MB of 1.2 GB · 11 MB/s · 1 min 40 s left". */
export function progressText({ received, size, rate, waiting }: Progress): string {
  const parts = [`${bytesText(received)} of ${bytesText(size)}`];
  if (waiting) parts.push("waiting for the kernel, then it goes on");
  else if (rate) {
    parts.push(`${bytesText(rate)}/s`, `${durationText((size - received) / rate)} left`);
  }
  return parts.join(" · ");
}

/** Files that are dropped on the widget while it can take them; the page would open them else. */
function takeDrops(
  root: HTMLElement,
  choosing: ReadonlySignal<boolean>,
  take: (files: readonly File[]) => void,
  signal: AbortSignal,
): void {
  const over = (event: DragEvent): void => {
    if (!choosing.peek() || !event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    event.stopPropagation();
    event.dataTransfer.dropEffect = "copy";
    root.dataset.dropping = "true";
  };
  const leave = (event: DragEvent): void => {
    if (!root.contains(event.relatedTarget as Node | null)) delete root.dataset.dropping;
  };
  const drop = (event: DragEvent): void => {
    over(event);
    delete root.dataset.dropping;
    if (event.defaultPrevented) take([...(event.dataTransfer?.files ?? [])]);
  };
  root.addEventListener("dragenter", over, { signal });
  root.addEventListener("dragover", over, { signal });
  root.addEventListener("dragleave", leave, { signal });
  root.addEventListener("drop", drop, { signal });
}

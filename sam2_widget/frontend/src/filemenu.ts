// The group at the foot: save, and the menus of load and export.
import { effect } from "@preact/signals-core";
import { closer, h, type Part } from "./dom.ts";
import type { Filing } from "./filing.ts";
import { type IconName, icon } from "./icons.ts";
import { usePopup } from "./popup.ts";
import { titleOf } from "./shortcuts.ts";
import type { ViewState } from "./state.ts";

interface Item {
  text: string;
  /** What it is about, in the title. */
  hint: string;
  act(): void;
  /** Why it cannot be done now; null when it can. */
  obstacle(): string | null;
}

export function createFileMenu(state: ViewState, filing: Filing, signal: AbortSignal): Part {
  const waiting = (): string | null =>
    state.shared.value ? state.busy.value || null : "Waiting for the kernel.";
  const writing = (): string | null => state.obstacle.value ?? waiting();
  const input = h("input", {
    type: "file",
    accept: ".json,application/json",
    hidden: true,
    "aria-label": "File of annotations to load",
  });
  input.addEventListener(
    "change",
    () => {
      const file = input.files?.[0];
      if (file) void filing.choose(file);
      // Choosing the same file again is a change again.
      input.value = "";
    },
    { signal },
  );
  const save = fileButton("save", "save", "Save");
  save.addEventListener("click", () => void filing.save(), { signal });
  const load = createMenu("load", "load", "Load", signal, [
    {
      text: "Read the project's files again",
      hint: "Takes over what a script or an editor changed in the project's folder",
      act: () => void filing.reload(),
      obstacle: waiting,
    },
    {
      text: "Load an exported file…",
      hint: "Shows what merging or replacing would do before anything is changed",
      act: () => input.click(),
      obstacle: writing,
    },
  ]);
  const scope = (): { instance: number; region: string } => ({
    instance: state.instance.peek(),
    region: state.region.peek(),
  });
  const exports = createMenu("export", "export", "Export", signal, [
    {
      text: "Everything (JSON)",
      hint: "Prompts, masks and keypoints of all objects, to be loaded again",
      act: () => void filing.export(null),
      obstacle: waiting,
    },
    {
      text: "This object, in the original tool's shape",
      hint: "Its points alone, as SAM2_Annotation_Tool exports them",
      act: () => void filing.export(scope()),
      obstacle: () => waiting() ?? (state.scope.value?.prompts ? null : NO_POINTS),
    },
  ]);
  const node = h(
    "div",
    { class: "s2w-files", role: "group", "aria-label": "Files" },
    ...[save, load.node, exports.node, input],
  );
  const stop = effect(() => {
    const obstacle = writing();
    save.disabled = obstacle !== null;
    save.title = obstacle ?? titleOf("save");
  });
  return { node, close: closer([stop, load.close, exports.close]) };
}

const NO_POINTS = "This object has no points.";

function fileButton(action: string, name: IconName, label: string): HTMLButtonElement {
  return h(
    "button",
    { type: "button", class: "s2w-button s2w-file", "data-action": action },
    icon(name),
    h("span", {}, label),
  );
}

/** A button and the menu that it opens above itself. */
function createMenu(
  action: string,
  name: IconName,
  label: string,
  signal: AbortSignal,
  items: readonly Item[],
): Part {
  const button = fileButton(action, name, label);
  button.append(icon("caret"));
  button.setAttribute("aria-haspopup", "menu");
  const rows = items.map(({ text, act }) => {
    const row = h("button", { type: "button", role: "menuitem", class: "s2w-item", tabindex: -1 });
    row.append(text);
    row.addEventListener("click", () => {
      close();
      act();
    });
    return row;
  });
  const menu = h("div", { class: "s2w-menu", role: "menu", "aria-label": label }, ...rows);
  const popup = h("div", { class: "s2w-popup s2w-upward", tabindex: -1 }, menu);
  const first = () => rows.find((row) => !row.disabled);
  const { close, stop } = usePopup({ button, popup, menu, first }, signal);
  const stops = [
    stop,
    effect(() => {
      items.forEach(({ hint, obstacle }, index) => {
        const row = rows[index];
        if (!row) return;
        const why = obstacle();
        row.disabled = why !== null;
        row.title = why ?? hint;
      });
    }),
  ];
  return { node: h("div", { class: "s2w-file-menu" }, button, popup), close: closer(stops) };
}

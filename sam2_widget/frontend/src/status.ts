// What the user is told: the status line, and messages that stay until they are dismissed.
import { effect, type ReadonlySignal } from "@preact/signals-core";
import { bytesText } from "./amounts.ts";
import type { Kernel } from "./connection.ts";
import { h, type Part, setText } from "./dom.ts";
import { type IconName, icon } from "./icons.ts";
import type { ScopeState } from "./messages.ts";
import { modelTitle, sizeOf } from "./models.ts";
import { shorten } from "./names.ts";
import { type Action, keyOf, titleOf } from "./shortcuts.ts";
import type { ViewState } from "./state.ts";

const CLICK_HINT = "Click the object: left adds, right or Shift+click takes away.";
const BOX_HINT = "Drag a box round the object; a click adds a point.";
const BRUSH_HINT = "Paint what belongs to the object; right button or Shift erases.";
const ERASER_HINT = "Wipe away what does not belong; Shift paints.";
const editedHint = (): string => `Edited by hand: ${titleOf("track", "Track")} carries it on.`;
const selectedHint = (): string => `This point: drag to move it${hint("remove", "to remove it")}.`;
const trackHint = (): string =>
  `${titleOf("track", "Track")} follows this object through the video.`;
const staleHint = (): string =>
  `Dashed masks are older than the last change: ${titleOf("track", "Track")} makes them anew.`;
const READ_ONLY =
  "This project is open in another process, so it is read-only here: close it there, then try again.";
const KEYPOINT_HINT = "Click to place the named keypoint; right-click one where it is occluded.";
const keypointSelectedHint = (): string =>
  `drag to move it${hint("occlude", "where it is occluded")}${hint("remove", "to remove it")}.`;
const CROSSHAIR_HINT = "Arrow keys move (Shift: by 1 pixel), Enter adds, Shift+Enter takes away.";
const crosshairSelectedHint = (): string =>
  `On a point${hint("remove", "removes it")}${hint("escape", "leaves the crosshair")}.`;
const CROSSHAIR_BOX_HINT = "Enter sets one corner of the box, then the opposite one.";
const CROSSHAIR_BRUSH_HINT = "Enter dabs with the brush, Shift+Enter the other way round.";
const CROSSHAIR_PLACE_HINT = "Arrow keys move (Shift: by 1 pixel), Enter places the keypoint.";
const crosshairKeypointHint = (): string =>
  `On a keypoint${hint("occlude", "where it is occluded")}${hint("remove", "removes it")}.`;
const KERNEL_LOST =
  "No kernel answers: run the cell again, or wait if another cell is still running.";

/** The line below the picture: what is going on. The announcer reads it out when it is at rest. */
export function createStatus(state: ViewState): Part {
  const node = h("div", { class: "s2w-status" });
  return { node, close: effect(() => setText(node, statusText(state))) };
}

/** Beside it: what holds, and the model with its menu in the midst of that; alone while tracking. */
export function createFacts(state: ViewState, model: HTMLElement): Part {
  const [before, after] = [h("span"), h("span")];
  const node = h("div", { class: "s2w-facts" }, before, model, after);
  const close = effect(() => {
    const isTracking = !!state.shared.value?.job;
    setText(before, isTracking ? "" : factsBefore(state));
    setText(after, isTracking ? "" : factsAfter(state));
  });
  return { node, close };
}

export function statusText(state: ViewState): string {
  return statusNews(state) || statusAdvice(state);
}

/** What happens or happened; empty when nothing did. */
export function statusNews(state: ViewState): string {
  const shared = state.shared.value;
  if (!shared) return "Waiting for the kernel…";
  const loading = shared.model.status === "loading" || shared.model.status === "waiting";
  if (isComputing(state) && (loading || state.mode.value === "segment")) {
    return loading ? "Loading the model… your click is next." : "Computing the mask…";
  }
  if (state.busy.value) return state.busy.value;
  if (shared.model.status === "loading") return "Loading the model…";
  if (shared.model.status === "failed") return "The model could not be loaded.";
  // Beside it the progress goes on; what was asked for comes first.
  if (shared.job) return state.suspect.value?.text ?? (state.message.value || shared.job.text);
  if (state.message.value) return state.message.value;
  return shared.read_only ? "Read-only: this project is open elsewhere." : "";
}

/** Strokes need no model. */
function isComputing({ edits, strokes }: ViewState): boolean {
  return edits.value > strokes.value.filter(({ drawing }) => !drawing).length;
}

/** What to do next, when nothing is going on. */
export function statusAdvice(state: ViewState): string {
  if (state.crosshair.value) return crosshairAdvice(state);
  if (state.mode.value === "keypoint") return keypointAdvice(state);
  const scope = state.scope.value;
  if (state.selected.value) return selectedHint();
  if (state.tool.value === "box") return BOX_HINT;
  if (state.tool.value === "brush") return BRUSH_HINT;
  if (state.tool.value === "eraser") return ERASER_HINT;
  if (!scope || scope.prompts === 0) return CLICK_HINT;
  if (state.edited.value && !isTracked(state, scope)) return editedHint();
  if (scope.stale > 0) return staleHint();
  return scope.masks < state.frames.value ? trackHint() : "";
}

/** ", V where it is occluded", or nothing when the action has no key. */
function hint(action: Action, what: string): string {
  const key = keyOf(action);
  return key && `, ${key} ${what}`;
}

function crosshairAdvice({ mode, tool, brushing, selected, keypoints }: ViewState): string {
  if (mode.value === "keypoint") {
    return keypoints.selected.value ? crosshairKeypointHint() : CROSSHAIR_PLACE_HINT;
  }
  if (brushing.value) return CROSSHAIR_BRUSH_HINT;
  if (tool.value === "box") return CROSSHAIR_BOX_HINT;
  return selected.value ? crosshairSelectedHint() : CROSSHAIR_HINT;
}

function isTracked(state: ViewState, { masks, stale }: ScopeState): boolean {
  return stale === 0 && masks >= state.frames.value;
}

function keypointAdvice({ keypoints }: ViewState): string {
  const selected = keypoints.selected.value;
  return selected ? `${shorten(selected.name, 40)}: ${keypointSelectedHint()}` : KEYPOINT_HINT;
}

function factsBefore(state: ViewState): string {
  const shared = state.shared.value;
  if (!shared) return "";
  const { video, model } = shared;
  const maker = state.maker.value;
  const facts = [
    state.edited.value ? "edited by hand" : "",
    maker === "" || maker === model.name ? "" : `mask by ${modelTitle(maker)}`,
    video.complete ? "" : `extracting ${video.ready} / ${video.frames}`,
  ];
  return facts.map((fact) => fact && `${fact} · `).join("");
}

function factsAfter(state: ViewState): string {
  const shared = state.shared.value;
  if (!shared || shared.read_only) return "";
  return shared.saved ? " · saved" : " · saving…";
}

type Level = "info" | "warning" | "error";

interface Message {
  /** Tells it from others with the same text. */
  key: string;
  level: Level;
  text: string;
  dismiss?: () => void;
  /** What can be done about it. */
  action?: { label: string; act: () => void };
}

/** Over the foot of the picture, where the user looks: what went wrong. */
export function createToasts(state: ViewState, kernel: ReadonlySignal<Kernel>): Part {
  const node = h("div", { class: "s2w-toasts" });
  const close = effect(() => {
    const messages = notices(state).filter(({ level }) => level === "error");
    for (const { id, text } of state.troubles.value) {
      const dismiss = (): void => state.dropTrouble(id);
      messages.push({ key: `trouble ${id}`, level: "error", text, dismiss });
    }
    if (kernel.value === "lost") {
      messages.push({ key: "kernel", level: "error", text: KERNEL_LOST });
    }
    show(node, messages);
  });
  return { node, close };
}

/** Below everything, in nobody's way: what there is to know of the model and the video. */
export function createBanners(
  state: ViewState,
  tryAgain: () => void,
  download: (model: string) => void,
): Part {
  const node = h("div", { class: "s2w-banners" });
  const close = effect(() => {
    const messages = notices(state).filter(({ level }) => level !== "error");
    show(node, [...modelNote(state, download), ...readOnly(state, tryAgain), ...messages]);
  });
  return { node, close };
}

/** Messages that stay are left alone, so that they are not announced again. */
function show(node: HTMLElement, messages: readonly Message[]): void {
  const key = JSON.stringify(messages);
  if (node.dataset.shown === key) return;
  node.dataset.shown = key;
  node.replaceChildren(...messages.map(toast));
}

/** The latest that Python has to say and the user has not dismissed. */
function notices(state: ViewState): Message[] {
  return (state.shared.value?.notices ?? [])
    .map(({ id, level, text }) => ({ key: `notice ${id}`, level: levelOf(level), text }))
    .filter(({ key }) => !state.dismissed.value.has(key))
    .slice(-3)
    .map((notice) => ({ ...notice, dismiss: () => state.dismiss(notice.key) }));
}

/** Stays for as long as it holds: the way out is in it. */
function readOnly(state: ViewState, tryAgain: () => void): Message[] {
  if (!state.shared.value?.read_only) return [];
  const action = { label: "Try again", act: tryAgain };
  return [{ key: "read-only", level: "warning", text: READ_ONLY, action }];
}

function modelNote(state: ViewState, download: (model: string) => void): Message[] {
  const { note = "", status, offer = null } = state.shared.value?.model ?? {};
  const key = `model ${note}`;
  if (note === "" || state.dismissed.value.has(key)) return [];
  const level = status === "failed" ? "error" : "info";
  const message: Message = { key, level, text: note, dismiss: () => state.dismiss(key) };
  if (offer && !state.shared.value?.download) {
    const label = `Get SAM 2.1 (${sizeOf(offer.name)}, ${bytesText(offer.size)})`;
    message.action = { label, act: () => download(offer.name) };
  }
  return [message];
}

function levelOf(level: string): Level {
  return level === "error" || level === "warning" ? level : "info";
}

function toast({ level, text, dismiss, action }: Message): HTMLElement {
  const icons: Record<Level, IconName> = { info: "info", warning: "warning", error: "error" };
  const role = level === "error" ? "alert" : "status";
  const node = h(
    "div",
    { class: `s2w-toast s2w-${level}`, role },
    icon(icons[level]),
    h("span", { class: "s2w-toast-text" }, text),
  );
  if (action) {
    const button = h("button", { type: "button", class: "s2w-toast-action" }, action.label);
    button.onclick = action.act;
    node.append(button);
  }
  if (dismiss) {
    const close = h(
      "button",
      { type: "button", class: "s2w-toast-close", "aria-label": "Dismiss", title: "Dismiss" },
      icon("close"),
    );
    close.onclick = dismiss;
    node.append(close);
  }
  return node;
}

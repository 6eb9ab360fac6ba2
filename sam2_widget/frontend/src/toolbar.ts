// The upper row: which object is annotated and how, undo and redo, and the start of tracking.
import { effect, type ReadonlySignal } from "@preact/signals-core";
import { closer, h, type Part } from "./dom.ts";
import { type IconName, icon } from "./icons.ts";
import { createInstancePicker } from "./instancepicker.ts";
import { createRegionPicker } from "./regionpicker.ts";
import { type Action, type Actions, titleOf } from "./shortcuts.ts";
import type { Tool, ViewState } from "./state.ts";
import { createTrackMenu, type TrackRequest } from "./trackmenu.ts";

/** A button that does an action and says its key. */
export function actionButton(
  action: Action,
  name: IconName,
  label: string,
  actions: Actions,
  signal: AbortSignal,
): HTMLButtonElement {
  const button = h(
    "button",
    { type: "button", class: "s2w-button", "data-action": action, title: titleOf(action) },
    icon(name),
    h("span", { class: "s2w-label" }, label),
  );
  button.addEventListener("click", () => actions[action](), { signal });
  return button;
}

export interface ToolbarOptions {
  state: ViewState;
  actions: Actions;
  clearObstacle: ReadonlySignal<string | null>;
  track(request: TrackRequest): void;
  addRegion(region: string): void;
  signal: AbortSignal;
}

export function createToolbar(options: ToolbarOptions): Part {
  const { state, actions, signal } = options;
  const button = (action: Action, name: IconName, label: string): HTMLButtonElement =>
    actionButton(action, name, label, actions, signal);
  const point = iconOnly(button("point", "point", "Point"));
  const box = iconOnly(button("box", "box", "Box"));
  const brush = iconOnly(button("brush", "brush", "Brush"));
  const eraser = iconOnly(button("eraser", "eraser", "Eraser"));
  const keypoints = iconOnly(button("keypoints", "keypoint", "Keypoints"));
  const crosshair = iconOnly(button("crosshair", "crosshair", "Keyboard crosshair"));
  const undo = iconOnly(button("undo", "undo", "Undo"));
  const redo = iconOnly(button("redo", "redo", "Redo"));
  const clear = iconOnly(button("clear", "clear", "Clear frame"));
  const track = button("track", "track", "Track");
  const trackAll = button("track-all", "track-all", "Track all");
  track.classList.add("s2w-primary");
  const region = createRegionPicker(state, options.addRegion, signal);
  const instance = createInstancePicker(state, signal);
  const menu = createTrackMenu(state, options.track, signal);
  const stops = [
    region.close,
    instance.close,
    menu.close,
    effect(() => setPressed(point, isTaken(state, "point"))),
    effect(() => setPressed(box, isTaken(state, "box"))),
    effect(() => setPressed(brush, isTaken(state, "brush"))),
    effect(() => setPressed(eraser, isTaken(state, "eraser"))),
    effect(() => setPressed(keypoints, state.mode.value === "keypoint")),
    effect(() => setPressed(crosshair, state.crosshair.value !== null)),
    effect(() => enable(brush, "brush", state.obstacle.value)),
    effect(() => enable(eraser, "eraser", state.obstacle.value)),
    effect(() => enable(undo, "undo", stepObstacle(state, "undo"), stepText(state, "undo"))),
    effect(() => enable(redo, "redo", stepObstacle(state, "redo"), stepText(state, "redo"))),
    effect(() => enable(clear, "clear", options.clearObstacle.value, clearText(state))),
    effect(() => enable(track, "track", state.trackObstacle.value)),
    effect(() => enable(trackAll, "track-all", state.trackAllObstacle.value)),
  ];
  const node = h(
    "div",
    { class: "s2w-toolbar", role: "group", "aria-label": "Annotation" },
    h("div", { class: "s2w-group" }, instance.node, region.node),
    h(
      "div",
      { class: "s2w-group s2w-joined", role: "group", "aria-label": "Tool" },
      ...[point, box, brush, eraser, keypoints],
    ),
    crosshair,
    h("div", { class: "s2w-group s2w-joined" }, undo, redo),
    clear,
    h(
      "div",
      { class: "s2w-group s2w-end" },
      trackAll,
      h("div", { class: "s2w-joined" }, track, menu.node),
    ),
    menu.popup,
  );
  return { node, close: closer(stops) };
}

function isTaken({ mode, tool }: ViewState, which: Tool): boolean {
  return mode.value === "segment" && tool.value === which;
}

function clearText({ mode }: ViewState): string | undefined {
  return mode.value === "keypoint" ? "Clear the keypoints of this frame" : undefined;
}

function setPressed(button: HTMLButtonElement, pressed: boolean): void {
  button.setAttribute("aria-pressed", String(pressed));
}

export function iconOnly(button: HTMLButtonElement): HTMLButtonElement {
  button.classList.add("s2w-icon-only");
  return button;
}

function stepObstacle(state: ViewState, kind: "undo" | "redo"): string | null {
  return (
    state.obstacle.value ?? (state.shared.value?.[kind] == null ? `Nothing to ${kind}.` : null)
  );
}

function stepText(state: ViewState, kind: "undo" | "redo"): string | undefined {
  const step = state.shared.value?.[kind];
  return step == null ? undefined : `${kind === "undo" ? "Undo" : "Redo"}: ${step}`;
}

/** Says on a button what it does, or why it cannot. */
export function enable(
  button: HTMLButtonElement,
  action: Action,
  obstacle: string | null,
  text?: string,
): void {
  button.disabled = obstacle !== null;
  button.title = obstacle ?? titleOf(action, text);
}

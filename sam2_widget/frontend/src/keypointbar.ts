// The row of keypoint mode: the name of the next keypoint, and what can be done to those there are.
import { effect } from "@preact/signals-core";
import { closer, h, keepFocus, type Part } from "./dom.ts";
import { copyObstacle, NONE_SELECTED, selectedKeypoint } from "./keypointactions.ts";
import { freeName, type KeypointView, namesTaken } from "./keypoints.ts";
import { createNameMenu } from "./namemenu.ts";
import { type Actions, titleOf } from "./shortcuts.ts";
import type { ViewState } from "./state.ts";
import { actionButton, enable } from "./toolbar.ts";

/** The most characters of a name. */
const LONGEST = 300;

export interface KeypointBar extends Part {
  /** The name field gets the focus. */
  focusName(): void;
}

export function createKeypointBar(
  state: ViewState,
  view: KeypointView,
  actions: Actions,
  signal: AbortSignal,
): KeypointBar {
  const field = createField(state, view, signal);
  const menu = createNameMenu(state, view, signal);
  const occlude = actionButton("occlude", "eye-off", "Occluded", actions, signal);
  const remove = actionButton("remove", "bin", "Remove", actions, signal);
  const copy = actionButton("copy-keypoints", "copy", "Copy previous", actions, signal);
  const gap = actionButton("next-gap", "gap", "Next empty", actions, signal);
  remove.dataset.action = "remove-keypoint";
  const node = h(
    "div",
    { class: "s2w-toolbar s2w-keypoint-bar", role: "group", "aria-label": "Keypoints" },
    h(
      "div",
      { class: "s2w-picker" },
      h("span", {}, "Name"),
      h("div", { class: "s2w-joined" }, field.node, menu.node),
    ),
    h("div", { class: "s2w-group s2w-joined" }, occlude, remove),
    h("div", { class: "s2w-group s2w-end s2w-joined" }, copy, gap),
    menu.popup,
  );
  const stops = [
    field.close,
    menu.close,
    effect(() => {
      const isOff = state.mode.value !== "keypoint";
      if (isOff) keepFocus(node);
      node.hidden = isOff;
    }),
    effect(() => {
      const keypoint = selectedKeypoint(state, view);
      const obstacle = state.obstacle.value ?? (keypoint ? null : NONE_SELECTED);
      enable(occlude, "occlude", obstacle);
      enable(remove, "remove", obstacle, "Remove the selected keypoint");
      occlude.setAttribute("aria-pressed", String(keypoint?.visible === false));
    }),
    effect(() => {
      const frame = view.here.value?.frame ?? state.frame.value;
      enable(copy, "copy-keypoints", copyObstacle(state, frame));
    }),
  ];
  const focusName = (): void => {
    field.node.focus({ preventScroll: true });
    field.node.select();
  };
  return { node, close: closer(stops), focusName };
}

interface Field extends Part {
  node: HTMLInputElement;
}

function createField(state: ViewState, view: KeypointView, signal: AbortSignal): Field {
  const { typed } = state.keypoints;
  const node = h("input", {
    class: "s2w-field s2w-keypoint-name",
    type: "text",
    maxlength: LONGEST,
    autocomplete: "off",
    spellcheck: "false",
    "aria-label": "Name of the next keypoint",
    title: titleOf("name", "Name of the next keypoint"),
  });
  const press = (event: KeyboardEvent): void => {
    // The Enter that ends a composed character is not the one that leaves the field.
    if (event.isComposing || (event.key !== "Enter" && event.key !== "Escape")) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === "Escape") typed.value = null;
    node.closest<HTMLElement>(".s2w-root")?.focus({ preventScroll: true });
  };
  node.addEventListener("keydown", press, { signal });
  node.addEventListener("input", () => (typed.value = node.value), { signal });
  const close = effect(() => {
    const text = typed.value ?? view.name.value;
    if (node.value !== text) node.value = text;
    node.placeholder = freeName(namesTaken(view.here.value));
  });
  return { node, close };
}

// The upper row: which object is annotated, undo and redo, and the start of tracking.
import { effect } from "@preact/signals-core";
import { closer, h, type Part } from "./dom.ts";
import { type IconName, icon } from "./icons.ts";
import { type Action, type Actions, titleOf } from "./shortcuts.ts";
import type { ViewState } from "./state.ts";

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

export function createToolbar(state: ViewState, actions: Actions, signal: AbortSignal): Part {
  const undo = iconOnly(actionButton("undo", "undo", "Undo", actions, signal));
  const redo = iconOnly(actionButton("redo", "redo", "Redo", actions, signal));
  const track = actionButton("track", "track", "Track", actions, signal);
  const trackAll = actionButton("track-all", "track-all", "Track all", actions, signal);
  track.classList.add("s2w-primary");
  const region = regionPicker(state, signal);
  const instance = instancePicker(state, signal);
  const stops = [
    region.close,
    instance.close,
    effect(() => enable(undo, "undo", stepObstacle(state, "undo"), stepText(state, "undo"))),
    effect(() => enable(redo, "redo", stepObstacle(state, "redo"), stepText(state, "redo"))),
    effect(() => enable(track, "track", state.trackObstacle.value)),
    effect(() => enable(trackAll, "track-all", state.trackAllObstacle.value)),
  ];
  const node = h(
    "div",
    { class: "s2w-toolbar", role: "group", "aria-label": "Annotation" },
    h("div", { class: "s2w-group" }, instance.node, region.node),
    h("div", { class: "s2w-group s2w-joined" }, undo, redo),
    h("div", { class: "s2w-group s2w-end" }, trackAll, track),
  );
  return { node, close: closer(stops) };
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

function enable(
  button: HTMLButtonElement,
  action: Action,
  obstacle: string | null,
  text?: string,
): void {
  button.disabled = obstacle !== null;
  button.title = obstacle ?? titleOf(action, text);
}

function regionPicker(state: ViewState, signal: AbortSignal): Part {
  const select = h("select", { class: "s2w-field s2w-region", title: "Region" });
  select.addEventListener("change", () => (state.region.value = select.value), { signal });
  let listed = "";
  const close = effect(() => {
    const regions = state.shared.value?.regions ?? [];
    const key = JSON.stringify(regions);
    if (key !== listed) {
      listed = key;
      select.replaceChildren(...regions.map(({ id, name }) => h("option", { value: id }, name)));
    }
    select.value = state.region.value;
    select.disabled = regions.length === 0;
  });
  const node = h("label", { class: "s2w-picker" }, h("span", {}, "Region"), select);
  return { node, close };
}

function instancePicker(state: ViewState, signal: AbortSignal): Part {
  const input = h("input", {
    class: "s2w-field s2w-instance",
    type: "number",
    min: 1,
    step: 1,
    inputmode: "numeric",
    "aria-label": "Instance",
    title: "Instance: a new number begins a new object",
  });
  const take = (): void => {
    const number = Number(input.value);
    if (Number.isInteger(number) && number >= 1) state.instance.value = number;
  };
  const tidy = (): void => {
    take();
    input.value = String(state.instance.peek());
  };
  input.addEventListener("input", take, { signal });
  input.addEventListener("change", tidy, { signal });
  const step = (name: "plus" | "minus", by: number, label: string): HTMLButtonElement => {
    const button = h(
      "button",
      { type: "button", class: "s2w-button s2w-icon-only", title: label, "aria-label": label },
      icon(name),
    );
    const go = (): void => {
      state.instance.value = Math.max(1, state.instance.peek() + by);
    };
    button.addEventListener("click", go, { signal });
    return button;
  };
  const less = step("minus", -1, "Previous instance");
  const more = step("plus", 1, "Next instance");
  const close = effect(() => {
    input.value = String(state.instance.value);
    less.disabled = state.instance.value <= 1;
  });
  const stepper = h("div", { class: "s2w-joined" }, less, input, more);
  const node = h("div", { class: "s2w-picker" }, h("span", {}, "Instance"), stepper);
  return { node, close };
}

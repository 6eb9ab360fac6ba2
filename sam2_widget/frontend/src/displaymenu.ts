// The popup that says how masks and marks are shown on the picture.
import { effect } from "@preact/signals-core";
import { closer, h, type Part, setText } from "./dom.ts";
import { icon } from "./icons.ts";
import { usePopup } from "./popup.ts";
import { type Action, type Actions, titleOf } from "./shortcuts.ts";
import type { ViewState } from "./state.ts";

/** Percent of one step of the slider by keys. */
const STEP = 5;
const KEYS: Record<string, number> = {
  ArrowLeft: -STEP,
  ArrowDown: -STEP,
  ArrowRight: STEP,
  ArrowUp: STEP,
  Home: -100,
  End: 100,
};

const VEILED = "All masks and marks are hidden; Hide all, once more, shows them.";

/** Its node is the button that opens it. */
export function createDisplayMenu(
  state: ViewState,
  actions: Actions,
  signal: AbortSignal,
): Part & { popup: HTMLElement } {
  const button = h(
    "button",
    {
      type: "button",
      class: "s2w-button s2w-icon-only s2w-display",
      "data-action": "display",
      "aria-haspopup": "dialog",
      title: "Display: how masks and marks are shown",
    },
    icon("layers"),
    h("span", { class: "s2w-label" }, "Display"),
  );
  const { look, solo, veiled, camera } = state;
  const fill = createFill(state, signal);
  const outline = check("Outlines only", "outline");
  outline.onclick = () => actions.outline();
  const alone = check("Only this object", "solo");
  alone.onclick = () => actions.solo();
  const veil = check("Hide all", "peek");
  veil.title = titleOf("peek");
  veil.onclick = () => {
    veiled.value = !veiled.peek();
    state.message.value = veiled.peek() ? VEILED : "";
  };
  const fit = item("Fit", "fit");
  fit.onclick = () => camera.fit();
  const actual = item("1:1", "actual-size");
  // The mouse is not on the picture now.
  actual.onclick = () => camera.showActualSize();
  const popup = h(
    "div",
    { class: "s2w-popup s2w-upward s2w-display-popup", role: "dialog", "aria-label": "Display" },
    ...[fill.node, outline, alone, veil],
    h("div", { class: "s2w-menu-line", role: "separator" }),
    h("div", { class: "s2w-segments", role: "group", "aria-label": "Zoom" }, fit, actual),
  );
  popup.tabIndex = -1;

  const { stop } = usePopup({ button, popup, first: () => fill.slider }, signal);
  const stops = [
    fill.close,
    stop,
    effect(() => {
      setChecked(outline, look.outline.value);
      setChecked(alone, solo.value);
      setChecked(veil, veiled.value);
      // What is missing on the picture is missing for a reason: the button says so.
      button.dataset.changed = String(look.outline.value || solo.value || veiled.value);
    }),
    effect(() => {
      fit.setAttribute("aria-pressed", String(camera.zoom.value === null));
      actual.setAttribute("aria-pressed", String(camera.percent.value === 100));
    }),
  ];
  return { node: button, popup, close: closer(stops) };
}

/** The slider of the fill's opacity. */
function createFill(state: ViewState, signal: AbortSignal): Part & { slider: HTMLInputElement } {
  const { opacity, outline } = state.look;
  const slider = h("input", { type: "range", min: 0, max: 100, step: 1, "aria-label": "Fill" });
  slider.title = "How much of the picture the fill of masks covers";
  const text = h("span", { class: "s2w-fill-text" });
  const node = h("div", { class: "s2w-fill" }, h("span", {}, "Fill"), slider, text);
  const set = (percent: number): void => {
    opacity.value = Math.min(100, Math.max(0, percent)) / 100;
    outline.value = false;
  };
  slider.addEventListener("input", () => set(Number(slider.value)), { signal });
  // These keys would go to other frames, or to the buttons below.
  slider.addEventListener(
    "keydown",
    (event) => {
      const step = KEYS[event.key];
      if (!step) return;
      event.preventDefault();
      event.stopPropagation();
      set(Math.round(100 * opacity.peek()) + step);
    },
    { signal },
  );
  const close = effect(() => {
    const percent = Math.round(100 * opacity.value);
    slider.value = String(percent);
    slider.setAttribute("aria-valuetext", `${percent} %`);
    setText(text, `${percent} %`);
    node.dataset.off = String(outline.value);
  });
  return { node, slider, close };
}

function check(text: string, action: Action): HTMLButtonElement {
  const button = item(text, action);
  button.setAttribute("role", "checkbox");
  button.prepend(icon("check"));
  return button;
}

function item(text: string, action: Action): HTMLButtonElement {
  const title = titleOf(action);
  const key = /\(([^)]*)\)$/.exec(title)?.[1] ?? "";
  return h(
    "button",
    { type: "button", class: "s2w-item", "data-show": action, title },
    h("span", { class: "s2w-item-text" }, text),
    h("span", { class: "s2w-item-key", "aria-hidden": "true" }, key),
  );
}

function setChecked(button: HTMLButtonElement, checked: boolean): void {
  button.setAttribute("aria-checked", String(checked));
}

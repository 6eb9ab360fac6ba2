// The menu beside the name field: the names used so far, to choose one.
import { effect } from "@preact/signals-core";
import { closer, h, type Part } from "./dom.ts";
import { icon } from "./icons.ts";
import { type KeypointView, namesOf, namesTaken } from "./keypoints.ts";
import { usePopup } from "./popup.ts";
import type { ViewState } from "./state.ts";

/** Its node is the button that opens it; the popup has its place below the row. */
export function createNameMenu(
  state: ViewState,
  view: KeypointView,
  signal: AbortSignal,
): Part & { popup: HTMLElement } {
  const caret = createCaret();
  const list = h("div", { class: "s2w-menu", role: "menu", "aria-label": "Names" });
  const popup = h("div", { class: "s2w-popup s2w-names", tabindex: -1 }, list);
  const choose = (name: string): void => {
    state.keypoints.typed.value = name;
    close();
  };
  const fill = (): HTMLElement | undefined => {
    const taken = namesTaken(view.here.peek());
    const items = namesOf(state.shared.peek()).map((name) =>
      createItem(name, taken.has(name), () => choose(name)),
    );
    list.replaceChildren(...items);
    return items[0];
  };
  const parts = { button: caret, popup, menu: list, first: fill };
  const { close, stop } = usePopup(parts, signal);
  const stops = [
    effect(() => {
      if (state.mode.value !== "keypoint") close();
    }),
    effect(() => {
      caret.disabled = namesOf(state.shared.value).length === 0;
    }),
    stop,
  ];
  return { node: caret, popup, close: closer(stops) };
}

function createCaret(): HTMLButtonElement {
  const name = "Names used so far";
  const attributes = {
    type: "button",
    class: "s2w-button s2w-icon-only s2w-name-caret",
    "data-action": "name-menu",
    "aria-haspopup": "menu",
    "aria-label": name,
    title: name,
  };
  return h("button", attributes, icon("caret"));
}

function createItem(name: string, taken: boolean, choose: () => void): HTMLButtonElement {
  const note = taken ? [h("span", { class: "s2w-item-note" }, "on this frame")] : [];
  const attributes = { type: "button", role: "menuitem", class: "s2w-item", tabindex: -1 };
  const text = h("span", { class: "s2w-item-text" }, name);
  const node = h("button", { ...attributes, title: name }, text, ...note);
  node.onclick = choose;
  return node;
}

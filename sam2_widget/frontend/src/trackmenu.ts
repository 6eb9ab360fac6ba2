// The menu beside Track: which objects, which frames, and whether fresh masks are made anew.
import { batch, signal as createSignal, effect, type Signal } from "@preact/signals-core";
import { closer, h, keepFocus, type Part, setText } from "./dom.ts";
import { icon } from "./icons.ts";
import type { Payload } from "./messages.ts";
import { closeOutside, leaveByKey, moveFocus } from "./popup.ts";
import { createRangeForm, type FrameRange } from "./rangeform.ts";
import type { ViewState } from "./state.ts";

export type TrackRequest = Payload<"track">;

/** What is open: nothing, the menu, or the form for a range. */
type Page = "none" | "menu" | "range";

const FIRST = "[role=menuitem]:not([disabled])";

interface Choice {
  page: Signal<Page>;
  all: Signal<boolean>;
  force: Signal<boolean>;
}

/** Its node is the button that opens it; the popup has its place below the toolbar. */
export function createTrackMenu(
  state: ViewState,
  track: (request: TrackRequest) => void,
  signal: AbortSignal,
): Part & { popup: HTMLElement } {
  const choice: Choice = {
    page: createSignal("none"),
    all: createSignal(false),
    force: createSignal(false),
  };
  const caret = createCaret();
  const close = (): void => {
    keepFocus(popup);
    choice.page.value = "none";
  };
  const run = (range: FrameRange): void => {
    const scopes = choice.all.peek() ? null : [scopeOf(state)];
    close();
    track({ scopes, force: choice.force.peek(), ...range });
  };
  const menu = createMenu(state, choice, run);
  const form = createRangeForm(state, run, signal);
  const popup = h("div", { class: "s2w-popup", tabindex: -1 }, menu.node, form.node);
  caret.addEventListener("click", () => toggle(state, choice, close), { signal });
  popup.addEventListener(
    "keydown",
    (event) => {
      const isMenu = choice.page.peek() === "menu";
      if ((isMenu || event.key !== "Tab") && leaveByKey(event, caret, close)) return;
      if (!isMenu || !moveFocus(menu.node, event.key)) return;
      event.preventDefault();
      event.stopPropagation();
    },
    { signal },
  );
  closeOutside([caret, popup], close, signal);
  const stop = effect(() => {
    const page = choice.page.value;
    popup.hidden = page === "none";
    menu.node.hidden = page !== "menu";
    form.node.hidden = page !== "range";
    caret.setAttribute("aria-expanded", String(page !== "none"));
    if (page === "menu") (menu.node.querySelector<HTMLElement>(FIRST) ?? popup).focus();
    if (page === "range") form.open();
  });
  return { node: caret, popup, close: closer([stop, menu.close]) };
}

function scopeOf(state: ViewState): [number, string] {
  return [state.instance.peek(), state.region.peek()];
}

function toggle(state: ViewState, { page, all, force }: Choice, close: () => void): void {
  if (page.peek() !== "none") {
    close();
    return;
  }
  batch(() => {
    all.value = state.trackObstacle.peek() !== null && state.trackAllObstacle.peek() === null;
    force.value = false;
    page.value = "menu";
  });
}

function createCaret(): HTMLButtonElement {
  const name = "Choose what to track";
  const attributes = {
    type: "button",
    class: "s2w-button s2w-primary s2w-icon-only s2w-caret",
    "data-action": "track-menu",
    "aria-haspopup": "menu",
    "aria-label": name,
    title: name,
  };
  return h("button", attributes, icon("caret"));
}

function createMenu(state: ViewState, choice: Choice, run: (range: FrameRange) => void): Part {
  const one = item("menuitemradio", "This object");
  const all = item("menuitemradio", "All objects");
  one.onclick = () => (choice.all.value = false);
  all.onclick = () => (choice.all.value = true);
  const whole = item("menuitem", "Whole video");
  whole.onclick = () => run({});
  const forward = item("menuitem", "From here forward");
  forward.onclick = () => run({ start: state.frame.peek() });
  const backward = item("menuitem", "From here backward");
  backward.onclick = () => run({ stop: state.frame.peek() + 1 });
  const marked = item("menuitem", "In to out");
  marked.onclick = () => run(markedRange(state) ?? {});
  const range = item("menuitem", "Range…");
  range.onclick = () => (choice.page.value = "range");
  const force = item("menuitemcheckbox", "Track again from scratch");
  force.prepend(icon("check"));
  force.title = "Also makes masks anew that are up to date";
  force.onclick = () => (choice.force.value = !choice.force.peek());

  const close = effect(() => {
    const obstacle = choice.all.value ? state.trackAllObstacle.value : state.trackObstacle.value;
    for (const button of [whole, forward, backward, marked, range]) enable(button, obstacle);
    setChecked(one, !choice.all.value);
    setChecked(all, choice.all.value);
    setChecked(force, choice.force.value);
    const frames = state.look.range.value;
    marked.hidden = frames === null;
    if (frames) setText(marked, `In to out: ${frames[0]} to ${frames[1]}`);
  });
  const whose = h(
    "div",
    { class: "s2w-segments", role: "group", "aria-label": "Objects" },
    one,
    all,
  );
  const line = h("div", { class: "s2w-menu-line", role: "separator" });
  const node = h(
    "div",
    { class: "s2w-menu", role: "menu", "aria-label": "Track" },
    ...[whose, whole, forward, backward, marked, range, line, force],
  );
  return { node, close };
}

function item(role: string, text: string): HTMLButtonElement {
  return h("button", { type: "button", role, class: "s2w-item", tabindex: -1 }, text);
}

/** The frames between in and out, as a run takes them. */
function markedRange(state: ViewState): FrameRange | null {
  const range = state.look.range.peek();
  return range && { start: range[0], stop: range[1] + 1 };
}

function enable(button: HTMLButtonElement, obstacle: string | null): void {
  button.disabled = obstacle !== null;
  button.title = obstacle ?? "";
}

function setChecked(button: HTMLButtonElement, checked: boolean): void {
  button.setAttribute("aria-checked", String(checked));
}

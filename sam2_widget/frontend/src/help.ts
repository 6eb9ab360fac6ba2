// The help: every key and what the mouse does, over the whole page until it is closed.
import { focused, h, iconButton, type Part, setTitle } from "./dom.ts";
import { GESTURES } from "./gestures.ts";
import { type Keymap, keyParts, modName, sentenceOf } from "./keymap.ts";
import { groupedShortcuts } from "./shortcutgroups.ts";
import { combination } from "./shortcuts.ts";

export interface Help extends Part {
  open(): void;
}

export function createHelp(keymap: Keymap, signal: AbortSignal): Help {
  const close = iconButton("s2w-button s2w-icon-only s2w-help-close", "close");
  setTitle(close, "Close (Escape)", "Close");
  const title = "Keys and mouse";
  // It scrolls, so that it has to take the focus for those without a mouse.
  const body = h("div", {
    class: "s2w-help-body",
    tabindex: 0,
    role: "group",
    "aria-label": title,
  });
  const sample = h("kbd", { class: "s2w-key" }, "A");
  const legend = h(
    "span",
    { class: "s2w-help-legend", hidden: keymap.own.size === 0 },
    h("span", { class: "s2w-combination", "data-own": true, "aria-hidden": "true" }, sample),
    "your own keys",
  );
  const heading = h("h2", { class: "s2w-help-title" }, title);
  const head = h("div", { class: "s2w-help-head" }, heading, legend, close);
  const panel = h("div", { class: "s2w-help-panel" }, head, body);
  const node = h("dialog", { class: "s2w-help", "aria-label": title }, panel);
  const shut = (): void => node.close();
  const press = (event: KeyboardEvent): void => {
    // Nothing behind it may be done meanwhile, neither the widget's nor Jupyter's.
    event.stopPropagation();
    const isHelp = keymap.byKey.get(combination(event))?.action === "help";
    if (event.key === "Tab") (focused() === close ? body : close).focus();
    else if (event.key === "Escape" || isHelp) shut();
    else return;
    event.preventDefault();
  };
  node.addEventListener("keydown", press, { signal });
  node.addEventListener("click", ({ target }) => target === node && shut(), { signal });
  close.addEventListener("click", shut, { signal });
  const open = (): void => {
    body.replaceChildren(...contents(keymap));
    body.scrollTop = 0;
    if (!node.open) node.showModal();
    body.focus();
  };
  return { node, open, close: shut };
}

function contents(keymap: Keymap): HTMLElement[] {
  const notes = keymap.moved.map((moved) => h("li", {}, sentenceOf(moved)));
  const mouse = GESTURES.map(([name, gestures]) => {
    const rows = gestures.map(({ gesture, text }) =>
      row([h("span", { class: "s2w-help-gesture" }, gesture.replace(/\bMod\b/, modName()))], text),
    );
    return section(name, rows);
  });
  const keys = groupedShortcuts(keymap).map(([name, shortcuts]) => {
    const rows = shortcuts.map(({ action, keys, text }) => {
      const told = keys.map((key) => keyNode(key, keymap.own.has(action)));
      return row(told.length > 0 ? told : [h("span", { class: "s2w-help-none" }, "no key")], text);
    });
    return section(name, rows);
  });
  const columns = h("div", { class: "s2w-help-columns" }, ...keys, ...mouse);
  return notes.length > 0 ? [h("ul", { class: "s2w-help-notes" }, ...notes), columns] : [columns];
}

function section(name: string, rows: readonly HTMLElement[]): HTMLElement {
  return h(
    "section",
    { class: "s2w-help-section" },
    h("h3", { class: "s2w-help-name" }, name),
    h("dl", { class: "s2w-help-rows" }, ...rows),
  );
}

function row(keys: readonly HTMLElement[], text: string): HTMLElement {
  return h(
    "div",
    { class: "s2w-help-row" },
    h("dt", { class: "s2w-help-keys" }, ...keys),
    h("dd", { class: "s2w-help-text" }, text),
  );
}

/** The caps of a combination, marked where the user chose it. */
function keyNode(key: string, isOwn: boolean): HTMLElement {
  const caps = keyParts(key).map((part) => h("kbd", { class: "s2w-key" }, part));
  const title = isOwn && "Your own key";
  return h("span", { class: "s2w-combination", "data-own": isOwn, title }, ...caps);
}

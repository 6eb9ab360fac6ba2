// The scopes that hold anything: their colours and counts, to select and to hide.
import { effect } from "@preact/signals-core";
import { h, type Part, safeColor } from "./dom.ts";
import { icon } from "./icons.ts";
import type { ScopeState } from "./messages.ts";
import { scopeKey, type ViewState } from "./state.ts";

export function createLegend(state: ViewState): Part {
  const node = h("div", { class: "s2w-legend", role: "group", "aria-label": "Objects" });
  let drawn: string | null = null;
  const close = effect(() => {
    const scopes = state.shared.value?.scopes ?? [];
    const facts = scopes.map((scope) => [
      scope,
      state.regionName(scope.region),
      state.hidden.value.has(scopeKey(scope)),
      isCurrent(state, scope),
    ]);
    const key = JSON.stringify(facts);
    if (key === drawn) return;
    drawn = key;
    const chips = scopes.map((scope) => chip(state, scope));
    keepFocus(node, () =>
      node.replaceChildren(...(chips.length > 0 ? chips : ["No objects yet."])),
    );
  });
  return { node, close };
}

function chip(state: ViewState, scope: ScopeState): HTMLElement {
  const key = scopeKey(scope);
  const name = `${scope.instance} · ${state.regionName(scope.region)}`;
  const hidden = state.hidden.peek().has(key);
  const current = String(isCurrent(state, scope));
  const swatch = h("span", { class: "s2w-swatch" });
  swatch.style.setProperty("--s2w-color", safeColor(scope.color));
  const select = h(
    "button",
    {
      type: "button",
      class: "s2w-chip-name",
      "data-focus": `select ${key}`,
      "aria-pressed": current,
      title: `Annotate ${name}`,
    },
    swatch,
    h("span", { class: "s2w-chip-text" }, name),
    h("span", { class: "s2w-chip-count" }, counts(scope)),
  );
  select.onclick = () => {
    state.instance.value = scope.instance;
    state.region.value = scope.region;
  };
  const verb = `${hidden ? "Show" : "Hide"} ${name}`;
  const eye = h(
    "button",
    {
      type: "button",
      class: "s2w-chip-eye",
      "data-focus": `eye ${key}`,
      "aria-label": verb,
      title: verb,
    },
    icon(hidden ? "eye-off" : "eye"),
  );
  eye.onclick = () => state.toggleHidden(key);
  const marks = { "data-hidden": String(hidden), "data-current": current };
  return h("div", { class: "s2w-chip", ...marks }, select, eye);
}

function isCurrent(state: ViewState, { instance, region }: ScopeState): boolean {
  return instance === state.instance.value && region === state.region.value;
}

function counts({ masks, stale }: ScopeState): string {
  const text = `${masks} ${masks === 1 ? "mask" : "masks"}`;
  return stale > 0 ? `${text}, ${stale} stale` : text;
}

/** Redrawing must not take the focus from a keyboard user. */
function keepFocus(node: HTMLElement, redraw: () => void): void {
  const focused = document.activeElement;
  const key =
    focused instanceof HTMLElement && node.contains(focused) ? focused.dataset.focus : null;
  redraw();
  if (!key) return;
  for (const button of node.querySelectorAll<HTMLElement>("[data-focus]")) {
    if (button.dataset.focus === key) button.focus({ preventScroll: true });
  }
}

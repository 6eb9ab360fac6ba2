// The scopes that hold anything: their colours and counts, to select, to hide and to delete.
import { effect } from "@preact/signals-core";
import { h, keepFocus, type Part, safeColor, setText } from "./dom.ts";
import { icon } from "./icons.ts";
import type { ScopeState } from "./messages.ts";
import { type ScopeId, scopeKey, type ViewState } from "./state.ts";

export function createLegend(state: ViewState, remove: (scope: ScopeId) => void): Part {
  const node = h("div", { class: "s2w-legend", role: "group", "aria-label": "Objects" });
  const chips = new Map<string, Chip>();
  let order: string | null = null;
  const close = effect(() => {
    const scopes = state.shared.value?.scopes ?? [];
    const shown = scopes.map((scope) => {
      const key = scopeKey(scope);
      const chip = chips.get(key) ?? createChip(state, scope, remove);
      chips.set(key, chip);
      chip.update(scope);
      return chip.node;
    });
    // Chips stay in place while their counts change: a click must not miss a chip that is replaced.
    const keys = JSON.stringify(scopes.map(scopeKey));
    if (keys === order) return;
    order = keys;
    keepFocus(node);
    node.replaceChildren(...(shown.length > 0 ? shown : ["No objects yet."]));
  });
  return { node, close };
}

interface Chip {
  node: HTMLElement;
  update(scope: ScopeState): void;
}

function createChip(
  state: ViewState,
  { instance, region }: ScopeId,
  remove: (scope: ScopeId) => void,
): Chip {
  const key = scopeKey({ instance, region });
  const swatch = h("span", { class: "s2w-swatch" });
  const text = h("span", { class: "s2w-chip-text" });
  const count = h("span", { class: "s2w-chip-count" });
  const select = h("button", { type: "button", class: "s2w-chip-name" }, swatch, text, count);
  select.onclick = () => {
    state.instance.value = instance;
    state.region.value = region;
  };
  const eye = h("button", { type: "button", class: "s2w-chip-eye" });
  eye.onclick = () => state.toggleHidden(key);
  const bin = h("button", { type: "button", class: "s2w-chip-bin" }, icon("bin"));
  bin.onclick = () => remove({ instance, region });
  const node = h("div", { class: "s2w-chip" }, select, eye, bin);

  const update = (scope: ScopeState): void => {
    const name = state.scopeName({ instance, region });
    const current = instance === state.instance.value && region === state.region.value;
    const hidden = state.hidden.value.has(key);
    swatch.style.setProperty("--s2w-color", safeColor(scope.color));
    setText(text, name);
    setText(count, counts(scope));
    select.title = `Annotate ${name}`;
    select.setAttribute("aria-pressed", String(current));
    bin.disabled = state.obstacle.value !== null;
    bin.title = state.obstacle.value ?? `Delete ${name}: all its prompts and masks`;
    bin.setAttribute("aria-label", `Delete ${name}`);
    node.dataset.current = String(current);
    if (node.dataset.hidden === String(hidden)) return;
    node.dataset.hidden = String(hidden);
    eye.title = `${hidden ? "Show" : "Hide"} ${name}`;
    eye.setAttribute("aria-label", eye.title);
    eye.replaceChildren(icon(hidden ? "eye-off" : "eye"));
  };
  return { node, update };
}

function counts({ prompts, masks, stale }: ScopeState): string {
  const text = `${some(prompts, "prompt")}, ${some(masks, "mask")}`;
  return stale > 0 ? `${text}, ${stale} stale` : text;
}

function some(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

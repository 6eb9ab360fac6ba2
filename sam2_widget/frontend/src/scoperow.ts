// A line of the list: one scope with its colour, name, counts, and what can be done with it.
import { batch } from "@preact/signals-core";
import { focused, h, iconButton, safeColor, setText, setTitle } from "./dom.ts";
import { icon } from "./icons.ts";
import type { ScopeState } from "./messages.ts";
import { createRenameField } from "./renamefield.ts";
import { type ScopeId, scopeKey, type ViewState } from "./state.ts";

/** What the list can have done; names and colours resolve to whether they were saved. */
export interface ListActs {
  deleteScope(scope: ScopeId): void;
  deleteInstance(instance: number): void;
  setColor(scope: ScopeId, color: string | null): Promise<boolean>;
  renameInstance(instance: number, name: string): Promise<boolean>;
  renameRegion(region: string, name: string): Promise<boolean>;
}

/** A scope in the list; the current one is there even when it holds nothing. */
export type ListedScope = ScopeId & Partial<ScopeState>;

export interface Row<T> {
  node: HTMLElement;
  update(item: T): void;
}

const NOTHING = "This object holds nothing yet.";

export function createScopeRow(
  state: ViewState,
  { instance, region }: ScopeId,
  acts: ListActs,
): Row<ListedScope> {
  const scope = { instance, region };
  const key = scopeKey(scope);
  const swatch = createSwatch(scope, acts);
  const text = h("span", { class: "s2w-scope-text", dir: "auto" });
  const select = h("button", { type: "button", class: "s2w-scope-name" }, text);
  select.onclick = () => state.select(scope);
  const pencil = iconButton("s2w-tool s2w-quiet s2w-rename-tool", "pencil");
  pencil.onclick = () => state.rename("region", scope);
  const reset = iconButton("s2w-tool s2w-quiet", "reset");
  reset.onclick = () => void acts.setColor(scope, null);
  const counts = h("span", { class: "s2w-counts" });
  const age = h("span", { class: "s2w-age" });
  const solo = h("button", { type: "button", class: "s2w-solo" });
  solo.title = "Only this is shown: show the others again (S)";
  solo.onclick = () => (state.solo.value = false);
  const eye = iconButton("s2w-tool s2w-eye", "eye");
  eye.onclick = () => state.hide([key], !state.hidden.peek().has(key));
  const bin = iconButton("s2w-tool s2w-bin", "bin");
  bin.onclick = () => acts.deleteScope(scope);
  const node = h(
    "div",
    { class: "s2w-scope" },
    ...[swatch.node, select, solo, reset, pencil, counts, age, eye, bin],
  );

  const update = (listed: ListedScope): void => {
    const name = state.scopeName(scope);
    const obstacle = state.obstacle.value;
    const isCurrent = state.isCurrent(scope);
    const isHidden = state.hidden.value.has(key);
    const { prompts = 0, masks = 0, stale = 0 } = listed;
    node.dataset.current = String(isCurrent);
    node.dataset.hidden = String(isHidden);
    const isAlone = state.solo.value && isCurrent;
    solo.hidden = !isAlone;
    setText(solo, isAlone ? "solo" : "");
    node.dataset.solo = state.solo.value ? (isAlone ? "on" : "off") : "";
    swatch.update(listed, name, obstacle);
    setText(text, state.regionName(region));
    setTitle(select, `Annotate ${name}`);
    select.setAttribute("aria-pressed", String(isCurrent));
    setTitle(pencil, obstacle ?? "Rename the region", `Rename the region ${region}`);
    pencil.disabled = obstacle !== null;
    reset.hidden = !listed.own_color;
    reset.disabled = obstacle !== null;
    setTitle(reset, obstacle ?? "Back to the default colour", `Default colour of ${name}`);
    showCounts(counts, prompts, masks);
    showAge(age, masks, stale);
    setTitle(eye, `${isHidden ? "Show" : "Hide"} ${name}`);
    setIcon(eye, isHidden ? "eye-off" : "eye");
    const empty = prompts + masks === 0 ? NOTHING : null;
    bin.disabled = (obstacle ?? empty) !== null;
    setTitle(
      bin,
      obstacle ?? empty ?? `Delete ${name}: all its prompts and masks`,
      `Delete ${name}`,
    );
    const renaming = state.renaming.value;
    const isRenamed = renaming?.what === "region" && scopeKey(renaming) === key;
    showField(node, select, isRenamed, () =>
      createRenameField({
        label: `Name of the region ${region}`,
        value: state.regionName(region) === region ? "" : state.regionName(region),
        placeholder: region,
        save: (given) => acts.renameRegion(region, given),
        ...renamingOf(state),
      }),
    );
  };
  return { node, update };
}

interface Swatch {
  node: HTMLElement;
  update(listed: ListedScope, name: string, obstacle: string | null): void;
}

/** A click opens the browser's own choice of colours. */
function createSwatch(scope: ScopeId, acts: ListActs): Swatch {
  const node = h("input", { type: "color", class: "s2w-swatch" });
  let told = "#808080";
  node.onchange = async () => {
    const wanted = node.value;
    // A field would keep the keys.
    node.closest<HTMLElement>(".s2w-root")?.focus({ preventScroll: true });
    if (wanted !== told && !(await acts.setColor(scope, wanted))) node.value = told;
  };
  const update = ({ color }: ListedScope, name: string, obstacle: string | null): void => {
    const reason = obstacle ?? (color === undefined ? NOTHING : null);
    node.disabled = reason !== null;
    node.dataset.empty = String(color === undefined);
    setTitle(node, reason ?? `Change the colour of ${name}`, `Colour of ${name}`);
    const next = safeColor(color ?? "").toLowerCase();
    // What is being chosen stays while other things change.
    if (next !== told || focused() !== node) node.value = next;
    told = next;
  };
  return { node, update };
}

function showCounts(node: HTMLElement, prompts: number, masks: number): void {
  const isEmpty = prompts + masks === 0;
  const key = isEmpty ? "" : `${prompts}, ${masks}`;
  if (node.dataset.shown === key) return;
  node.dataset.shown = key;
  node.title = isEmpty ? NOTHING : `${some(prompts, "prompt")}, ${some(masks, "mask")}`;
  if (isEmpty) node.replaceChildren("nothing yet");
  else {
    const comma = h("span", { class: "s2w-word" }, ", ");
    node.replaceChildren(
      ...count("point", prompts, "prompt"),
      comma,
      ...count("box", masks, "mask"),
    );
  }
}

/** Where there is little room, the icon stands for the word. */
function count(name: "point" | "box", number: number, what: string): Node[] {
  const words = some(number, what).slice(String(number).length);
  return [
    icon(name),
    h("span", { class: "s2w-number" }, String(number)),
    h("span", { class: "s2w-word" }, words),
  ];
}

function some(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}

/** Stale or fresh, by words and by shape. */
function showAge(node: HTMLElement, masks: number, stale: number): void {
  const key = masks === 0 ? "" : String(stale);
  if (node.dataset.stale === key) return;
  node.dataset.stale = key;
  if (key === "") {
    node.title = "";
    node.replaceChildren();
  } else if (stale > 0) {
    node.title = `${some(stale, "mask")} older than the last change: Track makes them anew`;
    node.replaceChildren(h("span", { class: "s2w-stale" }, `${stale} stale`));
  } else {
    node.title = "All masks are up to date";
    node.replaceChildren(icon("tick"), h("span", { class: "s2w-word" }, "fresh"));
  }
}

export function setIcon(button: HTMLElement, name: "eye" | "eye-off"): void {
  if (button.dataset.icon === name) return;
  button.dataset.icon = name;
  button.replaceChildren(icon(name));
}

/** Puts the field for a name in the place of the button that shows it, and takes it away again. */
export function showField(
  node: HTMLElement,
  button: HTMLElement,
  wanted: boolean,
  create: () => HTMLInputElement,
): void {
  const field = node.querySelector<HTMLInputElement>(".s2w-rename");
  node.dataset.renaming = String(wanted);
  button.hidden = wanted;
  if (!wanted) field?.remove();
  else if (!field) {
    const fresh = create();
    button.after(fresh);
    // The row may not be on the page yet.
    queueMicrotask(() => {
      fresh.focus({ preventScroll: true });
      fresh.select();
    });
  }
}

/** How a field for a name ends, and what it says. */
export function renamingOf(state: ViewState): {
  refuse(reason: string): void;
  end(byKey: boolean): void;
} {
  return {
    refuse: (reason) => (state.message.value = reason),
    end: (byKey) => {
      const field = focused();
      if (byKey) field?.closest<HTMLElement>(".s2w-root")?.focus({ preventScroll: true });
      batch(() => {
        state.renaming.value = null;
        state.message.value = "";
      });
    },
  };
}

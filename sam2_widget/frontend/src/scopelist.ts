// The list of all that is annotated, by instance: to select, name, colour, hide and delete.
import { effect } from "@preact/signals-core";
import { arrange, h, type Part } from "./dom.ts";
import { createInstanceRow, type Group } from "./instancerow.ts";
import type { State } from "./messages.ts";
import { createScopeRow, type ListActs, type ListedScope, type Row } from "./scoperow.ts";
import { type ScopeId, scopeKey, type ViewState } from "./state.ts";

const STEPS: Record<string, number> = { ArrowUp: -1, ArrowDown: 1 };
const NAMES = [".s2w-scope-name", ".s2w-object-name"];

export function createScopeList(state: ViewState, acts: ListActs): Part {
  const node = h("div", { class: "s2w-list", role: "group", "aria-label": "Objects" });
  node.onkeydown = (event) => press(node, event);
  const blocks = new Map<number, Block>();
  let current = "";
  const close = effect(() => {
    const shared = state.shared.value;
    const groups = shared ? groupsOf(state, shared) : [];
    const listed = groups.map((group) => {
      const block = blocks.get(group.instance) ?? createBlock(state, group.instance, acts);
      blocks.set(group.instance, block);
      block.update(group);
      return block.node;
    });
    const present = new Set(groups.map(({ instance }) => instance));
    for (const instance of blocks.keys()) if (!present.has(instance)) blocks.delete(instance);
    // What stays is left where it is: a click must not miss a row that is replaced.
    arrange(node, listed);
    node.hidden = listed.length === 0;
    const key = scopeKey({ instance: state.instance.value, region: state.region.value });
    if (key !== current) queueMicrotask(() => show(node));
    current = key;
  });
  return { node, close };
}

type Block = Row<Group>;

/** An instance and its scopes. */
function createBlock(state: ViewState, instance: number, acts: ListActs): Block {
  const head = createInstanceRow(state, instance, acts);
  const list = h("div", { class: "s2w-object-scopes" });
  const node = h("div", { class: "s2w-object", role: "group" }, head.node, list);
  const rows = new Map<string, Row<ListedScope>>();
  const update = (group: Group): void => {
    node.setAttribute("aria-label", state.objectName(instance));
    node.dataset.current = String(state.instance.value === instance);
    node.dataset.plain = String(group.scopes.length < 2 && !state.instanceName(instance));
    head.update(group);
    const shown = group.scopes.map((scope) => {
      const key = scopeKey(scope);
      const row = rows.get(key) ?? createScopeRow(state, scope, acts);
      rows.set(key, row);
      row.update(scope);
      return row.node;
    });
    const present = new Set(group.scopes.map(scopeKey));
    for (const key of rows.keys()) if (!present.has(key)) rows.delete(key);
    arrange(list, shown);
  };
  return { node, update };
}

/** By instance, and in the order of the regions; where one annotates now is always there. */
function groupsOf(state: ViewState, shared: State): Group[] {
  const now: ScopeId = { instance: state.instance.value, region: state.region.value };
  const isThere = shared.scopes.some((scope) => scopeKey(scope) === scopeKey(now));
  const scopes: ListedScope[] = isThere ? shared.scopes : [...shared.scopes, now];
  const known = new Set([...shared.instances, ...shared.scopes.map(idOf)].map(({ id }) => id));
  const numbers = [...new Set([...known, now.instance])].sort((a, b) => a - b);
  const order = new Map(shared.regions.map(({ id }, index) => [id, index]));
  const place = ({ region }: ScopeId): number => order.get(region) ?? order.size;
  return numbers.map((instance) => ({
    instance,
    isKnown: known.has(instance),
    scopes: scopes
      .filter((scope) => scope.instance === instance)
      .sort((a, b) => place(a) - place(b)),
  }));
}

function idOf({ instance }: ScopeId): { id: number } {
  return { id: instance };
}

/** Scrolls the list, and nothing round it, to the row that is annotated or named. */
function show(list: HTMLElement): void {
  const row = list.querySelector(".s2w-scope[data-current=true]");
  if (!row) return;
  const { top, bottom } = row.getBoundingClientRect();
  const frame = list.getBoundingClientRect();
  if (top < frame.top) list.scrollTop -= frame.top - top;
  else if (bottom > frame.bottom) list.scrollTop += bottom - frame.bottom;
}

/** Up and down among the names; F2 renames the one that has the focus. */
function press(list: HTMLElement, event: KeyboardEvent): void {
  const target = event.target as HTMLElement;
  const kind = NAMES.find((name) => target.matches(name));
  const step = STEPS[event.key];
  if (!kind || (step === undefined && event.key !== "F2")) return;
  if (step === undefined)
    target.parentElement?.querySelector<HTMLElement>(".s2w-rename-tool")?.click();
  else {
    const names = [...list.querySelectorAll<HTMLElement>(kind)];
    names[names.indexOf(target) + step]?.focus();
  }
  event.preventDefault();
  event.stopPropagation();
}

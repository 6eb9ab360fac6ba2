// The head of an instance in the list: its number, its name, and what can be done with all of it.
import { h, iconButton, setText, setTitle } from "./dom.ts";
import { createRenameField } from "./renamefield.ts";
import {
  type ListActs,
  type ListedScope,
  type Row,
  renamingOf,
  setIcon,
  showField,
} from "./scoperow.ts";
import { scopeKey, type ViewState } from "./state.ts";

export interface Group {
  instance: number;
  /** Holds anything or has a name. */
  isKnown: boolean;
  scopes: ListedScope[];
}

export function createInstanceRow(state: ViewState, instance: number, acts: ListActs): Row<Group> {
  let group: Group = { instance, isKnown: false, scopes: [] };
  const word = h("span", { class: "s2w-word" }, "Instance ");
  const number = h("span", { class: "s2w-object-number" }, word, String(instance));
  const text = h("span", { class: "s2w-scope-text", dir: "auto" });
  const select = h("button", { type: "button", class: "s2w-object-name" }, number, text);
  select.onclick = () => state.select(scopeToSelect(state, group));
  const rename = (): void => state.rename("instance", scopeToSelect(state, group));
  select.ondblclick = rename;
  const pencil = iconButton("s2w-tool s2w-quiet s2w-rename-tool", "pencil");
  pencil.onclick = rename;
  const eye = iconButton("s2w-tool s2w-quiet s2w-eye", "eye");
  const keys = (): string[] => group.scopes.map(scopeKey);
  eye.onclick = () => state.hide(keys(), !isHidden(state, keys()));
  const bin = iconButton("s2w-tool s2w-quiet s2w-bin", "bin");
  bin.onclick = () => acts.deleteInstance(instance);
  const node = h("div", { class: "s2w-object-head" }, select, pencil, eye, bin);

  const update = (next: Group): void => {
    group = next;
    const name = state.instanceName(instance);
    const whole = state.objectName(instance);
    const obstacle = state.obstacle.value;
    const isCurrent = state.instance.value === instance;
    node.dataset.current = String(isCurrent);
    word.hidden = name !== "";
    setText(text, name);
    setTitle(select, `Annotate ${name ? `${instance} · ${name}` : whole}`);
    select.setAttribute("aria-pressed", String(isCurrent));
    pencil.disabled = obstacle !== null;
    setTitle(pencil, obstacle ?? "Rename the instance (F2)", `Rename instance ${instance}`);
    const hidden = isHidden(state, keys());
    // One scope has its own.
    eye.hidden = group.scopes.length < 2;
    setTitle(eye, `${hidden ? "Show" : "Hide"} all of ${whole}`);
    setIcon(eye, hidden ? "eye-off" : "eye");
    const empty = group.isKnown ? null : `Instance ${instance} holds nothing yet.`;
    bin.disabled = (obstacle ?? empty) !== null;
    setTitle(
      bin,
      obstacle ?? empty ?? `Delete ${whole}: all its prompts, masks and keypoints`,
      `Delete instance ${instance}`,
    );
    const renaming = state.renaming.value;
    const isRenamed = renaming?.what === "instance" && renaming.instance === instance;
    showField(node, select, isRenamed, () =>
      createRenameField({
        label: `Name of instance ${instance}`,
        value: name,
        placeholder: `Instance ${instance}`,
        save: (given) => acts.renameInstance(instance, given),
        ...renamingOf(state),
      }),
    );
  };
  return { node, update };
}

/** The scope of the region that is annotated now, else the first that there is. */
function scopeToSelect(state: ViewState, { instance, scopes }: Group): ListedScope {
  const region = state.region.peek();
  const same = scopes.find((scope) => scope.region === region);
  return same ?? scopes[0] ?? { instance, region };
}

function isHidden(state: ViewState, keys: readonly string[]): boolean {
  return keys.length > 0 && keys.every((key) => state.hidden.value.has(key));
}

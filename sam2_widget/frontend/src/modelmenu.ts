// The model in the status row: which it is, and the menu of all there are.
import { effect, untracked } from "@preact/signals-core";
import { bytesText } from "./amounts.ts";
import { closer, focused, h, type Part, setText } from "./dom.ts";
import { icon } from "./icons.ts";
import type { ModelChoice, State } from "./messages.ts";
import { type Models, modelTitle } from "./models.ts";
import { usePopup } from "./popup.ts";
import type { ViewState } from "./state.ts";

const ENDS_TRACK =
  "Another model on disk ends this track, and Track goes on with what is left. A download waits.";

export function createModelMenu(state: ViewState, models: Models, signal: AbortSignal): Part {
  const name = h("span", { class: "s2w-model-name" });
  const button = h(
    "button",
    { type: "button", class: "s2w-model", "data-action": "model", "aria-haspopup": "menu" },
    name,
    icon("caret"),
  );
  const menu = h("div", { class: "s2w-menu", role: "menu", "aria-label": "Model" });
  const note = h("div", { class: "s2w-menu-note" }, ENDS_TRACK);
  const popup = h("div", { class: "s2w-popup s2w-upward s2w-models", tabindex: -1 }, note, menu);
  const node = h("span", { class: "s2w-model-menu" }, button, popup);
  const used = (): HTMLElement | undefined =>
    menu.querySelector<HTMLElement>("[aria-checked=true]") ?? undefined;
  const first = (): HTMLElement | undefined => {
    void models.look();
    return used();
  };
  const { close, stop } = usePopup({ button, popup, menu, first }, signal);
  const choose = (choice: ModelChoice): void => {
    const isUsed = state.shared.peek()?.model.name === choice.name;
    close();
    if (!choice.here) void models.download(choice.name);
    else if (!isUsed) void models.use(choice.name);
  };

  let rows = new Map<string, Row>();
  const stops = [
    stop,
    effect(() => {
      const model = state.shared.value?.model;
      node.hidden = !model?.name;
      if (!model) return;
      const where = [model.name, model.device].filter(Boolean).join(" on ");
      setText(name, where);
      button.title = `Model: ${model.reason || where}\nPress to use another one.`;
    }),
    effect(() => {
      note.hidden = !state.shared.value?.job;
    }),
    effect(() => {
      const listed = listOf(models.choices.value, state.shared.value?.model.name);
      const present = [...rows.keys()].join("\n");
      if (present === listed.map(keyOf).join("\n") && present !== "") return;
      keepInside(popup, () => {
        rows = new Map(listed.map((choice) => [keyOf(choice), createRow(choice, choose)]));
        menu.replaceChildren(...[...rows.values()].map((row) => row.node));
        if (rows.size === 0) menu.replaceChildren(waiting());
      });
    }),
    effect(() => {
      models.choices.value;
      for (const row of rows.values()) row.show(state.shared.value);
      // Once there is something to go to, the keys begin at what is in use.
      if (!popup.hidden && focused() === popup) used()?.focus();
    }),
    effect(() => {
      // A download that ended has changed the list.
      const isComing = !!state.shared.value?.download;
      if (!popup.hidden && !isComing) untracked(() => void models.look());
    }),
  ];
  return { node, close: closer(stops) };
}

/** Rows that had the focus are replaced: the keys stay in the menu. */
function keepInside(popup: HTMLElement, replace: () => void): void {
  const isInside = popup.contains(focused());
  replace();
  if (isInside) popup.focus();
}

function waiting(): HTMLElement {
  return h("div", { class: "s2w-menu-note" }, "Looking for models…");
}

interface Row {
  node: HTMLButtonElement;
  show(shared: State | null): void;
}

/** What the user gave by code, and no list has, stands first. */
function listOf(choices: readonly ModelChoice[] | null, used = ""): ModelChoice[] {
  if (!choices) return [];
  if (used === "" || choices.some(({ name }) => name === used)) return [...choices];
  const own = { name: used, size: 0, here: true, description: "Given by the notebook's code" };
  return [own, ...choices];
}

function keyOf({ name, here, size, description }: ModelChoice): string {
  return `${name} ${here} ${size} ${description}`;
}

function createRow(choice: ModelChoice, choose: (choice: ModelChoice) => void): Row {
  const role = choice.here ? "menuitemradio" : "menuitem";
  const aside = h("span", { class: "s2w-item-key" });
  const node = h(
    "button",
    { type: "button", role, class: "s2w-item", tabindex: -1, "data-model": choice.name },
    icon("tick"),
    h("span", { class: "s2w-item-text" }, modelTitle(choice.name)),
    aside,
  );
  node.title = choice.name === modelTitle(choice.name) ? "" : `${choice.name}: `;
  node.title += choice.description;
  node.onclick = () => choose(choice);
  const title = node.title;
  const show = (shared: State | null): void => {
    const used = shared?.model.name === choice.name;
    const download = shared?.download ?? null;
    const busy = !choice.here && download !== null;
    if (choice.here) node.setAttribute("aria-checked", String(used));
    node.disabled = busy;
    node.title = title;
    if (busy) node.title = `${modelTitle(download.name)} is being downloaded: one at a time.`;
    else if (choice.here && !used && shared?.job) node.title = `${title}\n${ENDS_TRACK}`;
    setText(aside, asideText(choice, used, shared));
  };
  return { node, show };
}

function asideText(choice: ModelChoice, used: boolean, shared: State | null): string {
  if (choice.here) return used ? `in use on ${shared?.model.device}` : "on disk";
  if (shared?.download?.name === choice.name) return `${percent(shared.download)} %`;
  return `Download ${bytesText(choice.size)}`;
}

/** How much of a download is there; nothing is known before its first bytes. */
export function percent({ done, total }: NonNullable<State["download"]>): number {
  return Math.floor((100 * done) / Math.max(1, total));
}

// The region that is annotated, and the field for the name of a new one.
import { signal as createSignal, effect } from "@preact/signals-core";
import { closer, h, type Part } from "./dom.ts";
import type { State } from "./messages.ts";
import { shorten } from "./names.ts";
import type { ViewState } from "./state.ts";

/** No region can have these ids. */
const NEW = "+";
const RENAME = "~";
/** A choice has no way to cut its text. */
const LONGEST = 40;
const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

/** @param add asks Python for a region, which is selected once it is there */
export function createRegionPicker(
  state: ViewState,
  add: (region: string) => void,
  signal: AbortSignal,
): Part {
  const naming = createSignal(false);
  const select = h("select", {
    class: "s2w-field s2w-region",
    title: "Region",
    "aria-label": "Region",
  });
  const field = createNameField(state, {
    add,
    end: () => {
      naming.value = false;
      field.closest<HTMLElement>(".s2w-root")?.focus({ preventScroll: true });
    },
    leave: () => (naming.value = false),
    signal,
  });
  let byMouse = false;
  select.addEventListener("pointerdown", () => (byMouse = true), { signal });
  select.addEventListener("keydown", () => (byMouse = false), { signal });
  const choose = (): void => {
    const chosen = select.value;
    if (chosen !== NEW && chosen !== RENAME) {
      state.region.value = chosen;
      // After the mouse the keys belong to the picture again: here a letter is another region.
      if (byMouse) select.closest<HTMLElement>(".s2w-root")?.focus({ preventScroll: true });
    } else if (chosen === NEW) naming.value = true;
    else state.renameCurrent("region");
    if (chosen === RENAME) select.value = state.region.peek();
  };
  select.addEventListener("change", choose, { signal });
  let listed = "";
  const stops = [
    effect(() => {
      const regions = state.shared.value?.regions ?? [];
      const closed = state.obstacle.value !== null;
      const key = JSON.stringify([regions, closed]);
      if (key !== listed) select.replaceChildren(...options(regions, closed));
      listed = key;
      naming.value;
      select.value = state.region.value;
      select.title = `Region: ${state.regionName(state.region.value)}`;
      select.disabled = regions.length === 0;
    }),
    effect(() => {
      select.hidden = naming.value;
      field.hidden = !naming.value;
      field.value = "";
      if (naming.value) field.focus();
    }),
  ];
  const node = h("label", { class: "s2w-picker" }, h("span", {}, "Region"), select, field);
  return { node, close: closer(stops) };
}

function options(regions: State["regions"], closed: boolean): HTMLOptionElement[] {
  const listed = regions.map(({ id, name }) => h("option", { value: id }, shorten(name, LONGEST)));
  return [
    ...listed,
    h("option", { value: NEW, disabled: closed }, "New region…"),
    h("option", { value: RENAME, disabled: closed }, "Rename region…"),
  ];
}

interface NameFieldOptions {
  add(region: string): void;
  /** By key: the focus goes back to the widget. */
  end(): void;
  /** By going elsewhere. */
  leave(): void;
  signal: AbortSignal;
}

function createNameField(state: ViewState, options: NameFieldOptions): HTMLInputElement {
  const { add, end, leave, signal } = options;
  const field = h("input", {
    class: "s2w-field s2w-new-region",
    type: "text",
    maxlength: 64,
    placeholder: "Name, then Enter",
    autocomplete: "off",
    spellcheck: "false",
    "aria-label": "Name of the new region",
    title: "Enter adds the region, Escape does not",
  });
  const take = (): void => {
    const obstacle = regionObstacle(field.value, state.shared.peek()?.regions ?? []);
    state.message.value = obstacle ?? "";
    if (obstacle !== null) return;
    add(field.value);
    end();
  };
  const press = (event: KeyboardEvent): void => {
    if (event.key !== "Enter" && event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === "Enter") take();
    else end();
  };
  const judge = (): void => {
    const isWrong = field.value !== "" && !NAME.test(field.value);
    field.setAttribute("aria-invalid", String(isWrong));
  };
  field.addEventListener("keydown", press, { signal });
  field.addEventListener("input", judge, { signal });
  field.addEventListener("blur", leave, { signal });
  return field;
}

/** Why this cannot be the name of a new region; null when it can. */
export function regionObstacle(name: string, regions: State["regions"]): string | null {
  if (!NAME.test(name)) {
    return "A region has up to 64 letters, digits, _ or -, and begins with a letter or digit.";
  }
  const twin = regions.find(({ id }) => id.toLowerCase() === name.toLowerCase());
  return twin ? `There is a region ${twin.id} already.` : null;
}

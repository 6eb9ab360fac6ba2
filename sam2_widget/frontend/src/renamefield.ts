// The field that takes a name's place while it is changed: Enter saves, Escape does not.
import { h } from "./dom.ts";
import { nameObstacle } from "./names.ts";

export interface RenameOptions {
  label: string;
  value: string;
  placeholder: string;
  /** Resolves to whether it was saved; the field stays when it was not. */
  save(name: string): Promise<boolean>;
  refuse(reason: string): void;
  /** `byKey`: the focus goes back to the widget. */
  end(byKey: boolean): void;
}

export function createRenameField(options: RenameOptions): HTMLInputElement {
  const field = h("input", {
    class: "s2w-field s2w-rename",
    type: "text",
    dir: "auto",
    value: options.value,
    placeholder: options.placeholder,
    autocomplete: "off",
    spellcheck: "false",
    "aria-label": options.label,
    title: "Enter saves the name, Escape does not",
  });
  let isOver = false;
  const end = (byKey: boolean): void => {
    if (isOver) return;
    isOver = true;
    options.end(byKey);
  };
  const take = async (byKey: boolean): Promise<void> => {
    if (isOver || field.readOnly) return;
    const obstacle = nameObstacle(field.value);
    if (field.value.trim() === options.value || (obstacle !== null && !byKey)) return end(byKey);
    if (obstacle !== null) return options.refuse(obstacle);
    field.readOnly = true;
    if (await options.save(field.value)) end(byKey);
    else if (byKey) field.readOnly = false;
    else end(byKey);
  };
  field.onkeydown = (event) => {
    // While characters are composed, Enter takes them and Escape drops them.
    if (event.isComposing || (event.key !== "Enter" && event.key !== "Escape")) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === "Enter") void take(true);
    else end(true);
  };
  field.oninput = () => {
    field.setAttribute("aria-invalid", String(nameObstacle(field.value) !== null));
  };
  field.onblur = () => void take(false);
  return field;
}

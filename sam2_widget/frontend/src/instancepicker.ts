// The number of the object that is annotated, and its name.
import { effect } from "@preact/signals-core";
import { closer, h, type Part, setText } from "./dom.ts";
import { icon } from "./icons.ts";
import type { ViewState } from "./state.ts";

/** The number of the object, typed or stepped through. */
export function createInstancePicker(state: ViewState, signal: AbortSignal): Part {
  const input = h("input", {
    class: "s2w-field s2w-instance",
    type: "number",
    min: 1,
    step: 1,
    inputmode: "numeric",
    "aria-label": "Instance",
    title: "Instance: a new number begins a new object",
  });
  const take = (): void => {
    const number = Number(input.value);
    if (Number.isInteger(number) && number >= 1) state.instance.value = number;
  };
  const tidy = (): void => {
    take();
    input.value = String(state.instance.peek());
  };
  input.addEventListener("input", take, { signal });
  input.addEventListener("change", tidy, { signal });
  const step = (name: "plus" | "minus", by: number, label: string): HTMLButtonElement => {
    const button = h(
      "button",
      { type: "button", class: "s2w-button s2w-icon-only", title: label, "aria-label": label },
      icon(name),
    );
    const go = (): void => {
      state.instance.value = Math.max(1, state.instance.peek() + by);
    };
    button.addEventListener("click", go, { signal });
    return button;
  };
  const less = step("minus", -1, "Previous instance");
  const more = step("plus", 1, "Next instance");
  const close = effect(() => {
    input.value = String(state.instance.value);
    less.disabled = state.instance.value <= 1;
  });
  const name = h("bdi", { class: "s2w-instance-name" });
  const closeName = effect(() => {
    const text = state.instanceName(state.instance.value);
    setText(name, text);
    name.title = text;
    name.hidden = text === "";
  });
  const stepper = h("div", { class: "s2w-joined" }, less, input, more);
  const node = h("div", { class: "s2w-picker" }, h("span", {}, "Instance"), stepper, name);
  return { node, close: closer([close, closeName]) };
}

// Asks how to load a file: what merging and replacing would do, side by side.
import { effect } from "@preact/signals-core";
import { closer, h, keepFocus, type Part, setText } from "./dom.ts";
import type { Filing } from "./filing.ts";
import { createSending } from "./picker.ts";
import type { ViewState } from "./state.ts";

export function createLoadPanel(state: ViewState, filing: Filing, signal: AbortSignal): Part {
  const sending = createSending(filing.uploader);
  const title = h("div", { class: "s2w-load-title" });
  const merge = createWay("Merge", "The file wins where it says something; the rest stays.");
  const replace = createWay("Replace", "All that the file is about becomes as in the file.");
  const cancel = h("button", { type: "button", class: "s2w-button" }, "Cancel");
  const question = h(
    "div",
    { class: "s2w-load", role: "dialog", "aria-label": "Load a file" },
    title,
    h("div", { class: "s2w-load-ways" }, merge.node, replace.node),
    h("div", { class: "s2w-load-foot" }, cancel),
  );
  const node = h("div", { class: "s2w-load-panel" }, sending.node, question);
  merge.button.addEventListener("click", () => void filing.apply("merge"), { signal });
  replace.button.addEventListener("click", () => void filing.apply("replace"), { signal });
  cancel.addEventListener("click", () => filing.cancel(), { signal });
  question.addEventListener(
    "keydown",
    (event) => {
      if (event.key !== "Escape") return;
      filing.cancel();
      event.preventDefault();
      event.stopPropagation();
    },
    { signal },
  );
  const stops = [
    sending.close,
    effect(() => {
      const preview = filing.loadable.value?.preview;
      if (!preview) keepFocus(question);
      question.hidden = !preview;
      if (!preview) return;
      setText(title, preview.title);
      merge.show(preview.merge);
      replace.show(preview.replace);
      // Not a button that changes anything: Enter may still be on its way.
      cancel.focus();
    }),
    effect(() => {
      for (const { button } of [merge, replace]) {
        button.disabled = state.obstacle.value !== null;
        button.title = state.obstacle.value ?? "Undo takes it back";
      }
    }),
  ];
  return { node, close: closer(stops) };
}

interface Way {
  node: HTMLElement;
  button: HTMLButtonElement;
  show(sentences: readonly string[]): void;
}

/** One way to load the file: what it does, and the button that does it. */
function createWay(name: string, meaning: string): Way {
  const button = h("button", { type: "button", class: "s2w-button" }, name);
  const list = h("ul", { class: "s2w-load-list" });
  const node = h(
    "section",
    { class: "s2w-load-way", "aria-label": name },
    h("div", { class: "s2w-load-meaning" }, meaning),
    list,
    button,
  );
  const show = (sentences: readonly string[]): void => {
    list.replaceChildren(...sentences.map((sentence) => h("li", {}, sentence)));
  };
  return { node, button, show };
}

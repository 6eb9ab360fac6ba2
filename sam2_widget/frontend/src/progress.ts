// How far tracking is, how long it will take, and its end.
import { effect } from "@preact/signals-core";
import { durationText } from "./amounts.ts";
import { h, keepFocus, type Part, setText } from "./dom.ts";
import type { State } from "./messages.ts";
import { type Actions, titleOf } from "./shortcuts.ts";
import type { ViewState } from "./state.ts";
import { actionButton } from "./toolbar.ts";

export function createProgress(state: ViewState, actions: Actions, signal: AbortSignal): Part {
  const text = h("span", { class: "s2w-progress-text" });
  const bar = h("div", {
    class: "s2w-bar",
    role: "progressbar",
    "aria-label": "Tracking",
    "aria-valuemin": 0,
  });
  const cancel = actionButton("cancel", "close", "Cancel", actions, signal);
  cancel.title = titleOf("escape", "Cancel tracking");
  const node = h("div", { class: "s2w-progress" }, bar, text, cancel);
  const close = effect(() => {
    const job = state.shared.value?.job ?? null;
    // A button that hides would drop the focus out of the widget, and keys would reach Jupyter.
    if (job === null) keepFocus(node);
    node.hidden = job === null;
    if (!job) return;
    setText(text, progressText(job));
    text.title = job.text;
    bar.setAttribute("aria-valuemax", String(job.total));
    bar.setAttribute("aria-valuenow", String(job.done));
    bar.style.setProperty("--s2w-done", `${(100 * job.done) / Math.max(1, job.total)}%`);
  });
  return { node, close };
}

/** "frame 12 of 60, 4 s left". */
export function progressText(job: NonNullable<State["job"]>): string {
  const left = job.seconds_left;
  const count = `frame ${job.done} of ${job.total}`;
  return left === null ? count : `${count}, ${durationText(left)} left`;
}

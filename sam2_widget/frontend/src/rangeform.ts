// The two fields for a range of frames to track.
import { h, setText } from "./dom.ts";
import type { ViewState } from "./state.ts";

/** Frames to track, `stop` exclusive; without both the whole video. */
export interface FrameRange {
  start?: number;
  stop?: number;
}

export interface RangeForm {
  node: HTMLElement;
  /** Proposes the frames from in to out, else from the present one to the end. */
  open(): void;
}

export function createRangeForm(
  state: ViewState,
  run: (range: FrameRange) => void,
  signal: AbortSignal,
): RangeForm {
  const from = numberField("First frame");
  const to = numberField("Last frame");
  const note = h("div", { class: "s2w-form-note", role: "status" });
  const submit = h("button", { type: "button", class: "s2w-button s2w-primary" }, "Track");
  const fields = h("div", { class: "s2w-form-row" }, "Frames", from, "to", to, submit);
  const attributes = { class: "s2w-form", role: "group", "aria-label": "Range to track" };
  const node = h("div", attributes, fields, note);
  const judge = (): string | null => {
    const obstacle = rangeObstacle(read(from), read(to), state.frames.peek());
    setText(note, obstacle ?? "");
    submit.disabled = obstacle !== null;
    return obstacle;
  };
  const send = (): void => {
    if (judge() === null) run({ start: read(from), stop: read(to) + 1 });
  };
  node.addEventListener("input", judge, { signal });
  submit.addEventListener("click", send, { signal });
  // No form element: notebooks may keep those from being submitted.
  for (const field of [from, to]) {
    field.addEventListener("keydown", ({ key }) => key === "Enter" && send(), { signal });
  }
  const open = (): void => {
    const last = Math.max(0, state.frames.peek() - 1);
    const [first, end] = state.look.range.peek() ?? [state.frame.peek(), last];
    from.value = String(first);
    to.value = String(Math.min(end, last));
    judge();
    from.focus();
    from.select();
  };
  return { node, open };
}

function numberField(label: string): HTMLInputElement {
  return h("input", {
    class: "s2w-field s2w-frame-field",
    type: "text",
    inputmode: "numeric",
    autocomplete: "off",
    "aria-label": label,
  });
}

function read(field: HTMLInputElement): number {
  return /^\d{1,9}$/.test(field.value.trim()) ? Number(field.value) : Number.NaN;
}

/** Why these frames, both included, cannot be tracked; null when they can. */
export function rangeObstacle(from: number, to: number, frames: number): string | null {
  const last = frames - 1;
  if (!(from <= last && to <= last)) return `Frames are numbers from 0 to ${last}.`;
  return from <= to ? null : "The first frame comes after the last.";
}

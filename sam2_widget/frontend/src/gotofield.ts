// Which frame it is, and the field in its place for the number or the time to go to.
import { signal as createSignal, effect } from "@preact/signals-core";
import { closer, h, type Part, setText, setTitle } from "./dom.ts";
import { frameText } from "./scrubber.ts";
import { type Actions, titleOf } from "./shortcuts.ts";
import type { ViewState } from "./state.ts";
import { frameAt, type Timing, timeOf } from "./timing.ts";

export interface GoToField extends Part {
  /** The field takes the label's place. */
  open(): void;
}

export function createGoToField(
  state: ViewState,
  go: (frame: number) => void,
  actions: Pick<Actions, "go-to">,
  signal: AbortSignal,
): GoToField {
  const isOpen = createSignal(false);
  const label = h("button", { type: "button", class: "s2w-frame-label", "data-action": "go-to" });
  const field = h("input", {
    class: "s2w-field s2w-go-to",
    type: "text",
    autocomplete: "off",
    spellcheck: "false",
    placeholder: "12 or 0:01.5",
  });
  setTitle(field, "Frame or time to go to: 12, 1.5s or 0:01.5; Enter goes there", "Go to frame");
  const node = h("div", { class: "s2w-frame-place" }, label, field);

  const leave = (): void => {
    if (!isOpen.peek()) return;
    isOpen.value = false;
    node.closest<HTMLElement>(".s2w-root")?.focus({ preventScroll: true });
  };
  const enter = (): void => {
    const wanted = frameOf(field.value, timingOf(state), state.frames.peek());
    const isFrame = typeof wanted === "number";
    field.setAttribute("aria-invalid", String(!isFrame));
    state.message.value = isFrame ? "" : wanted;
    if (!isFrame) return;
    leave();
    go(wanted);
  };
  const press = (event: KeyboardEvent): void => {
    // The Enter that ends a composed character is not the one that goes.
    if (event.isComposing || (event.key !== "Enter" && event.key !== "Escape")) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === "Enter") enter();
    else {
      state.message.value = "";
      leave();
    }
  };
  label.addEventListener("click", () => actions["go-to"](), { signal });
  field.addEventListener("keydown", press, { signal });
  field.addEventListener("blur", () => (isOpen.value = false), { signal });
  const stops = [
    effect(() => {
      const text = frameText(state);
      setText(label, text);
      setTitle(label, titleOf("go-to"), text && `Frame ${text}: ${titleOf("go-to")}`);
      label.disabled = state.frames.value < 2;
    }),
    effect(() => {
      field.hidden = !isOpen.value;
      node.dataset.open = String(isOpen.value);
    }),
  ];
  const open = (): void => {
    if (state.frames.peek() === 0) return;
    field.value = String(state.frame.peek());
    field.removeAttribute("aria-invalid");
    isOpen.value = true;
    field.focus({ preventScroll: true });
    field.select();
  };
  return { node, open, close: closer(stops) };
}

function timingOf(state: ViewState): Timing {
  return { fps: state.shared.peek()?.video.fps || 25, times: state.times.peek() };
}

const NUMBER = /^\d{1,9}$/;
const SECONDS = /^(\d+(?:[.,]\d*)?)\s*s$/i;
const CLOCK = /^(?:(\d+):)?(\d+):(\d{1,2}(?:[.,]\d*)?)$/;

/** The frame that a text names by its number or by its time, or why there is none. */
export function frameOf(text: string, timing: Timing, frames: number): number | string {
  const last = Math.max(0, frames - 1);
  const trimmed = text.trim();
  if (NUMBER.test(trimmed)) {
    const frame = Number(trimmed);
    return frame <= last ? frame : `There is no frame ${frame}: frames are 0 to ${last}.`;
  }
  const seconds = secondsOf(trimmed);
  if (seconds === null) return `Type a frame from 0 to ${last}, or a time such as 1.5s or 0:01.5.`;
  const end = timeOf(timing, last + 1);
  if (seconds > end)
    return `The video is ${end.toFixed(2)} s long: there is nothing at ${trimmed}.`;
  return frameAt(timing, seconds, frames);
}

function secondsOf(text: string): number | null {
  const decimal = (part: string | undefined): number => Number((part ?? "0").replace(",", "."));
  const seconds = SECONDS.exec(text);
  if (seconds) return decimal(seconds[1]);
  const clock = CLOCK.exec(text);
  if (!clock) return null;
  return 3600 * decimal(clock[1]) + 60 * decimal(clock[2]) + decimal(clock[3]);
}

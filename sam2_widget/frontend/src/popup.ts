// How a popup opens, is walked through with keys, and is left.
import { signal as createSignal, effect, untracked } from "@preact/signals-core";
import { focused, keepFocus } from "./dom.ts";

const STEPS: Record<string, number> = {
  ArrowUp: -1,
  ArrowLeft: -1,
  ArrowDown: 1,
  ArrowRight: 1,
};

/** Moves the focus among the buttons of a menu; false when the key is none for that. */
export function moveFocus(menu: HTMLElement, key: string): boolean {
  const items = [...menu.querySelectorAll<HTMLElement>("button:not(:disabled, [hidden])")];
  const present = items.indexOf(focused() as HTMLElement);
  const step = STEPS[key];
  if (key === "Home") items[0]?.focus();
  else if (key === "End") items.at(-1)?.focus();
  else if (step === undefined) return false;
  else items[(Math.max(present, step < 0 ? 0 : -1) + step + items.length) % items.length]?.focus();
  return true;
}

export interface PopupParts {
  /** Opens and closes it; the focus goes back to it. */
  button: HTMLButtonElement;
  popup: HTMLElement;
  /** Whose buttons the arrow keys walk through; the popup itself where this is left out. */
  menu?: HTMLElement;
  /** Called as it opens, untracked by signals; what it returns takes the focus. */
  first(): HTMLElement | undefined;
}

/** Makes a popup out of a button and what it opens. */
export function usePopup(
  { button, popup, menu = popup, first }: PopupParts,
  signal: AbortSignal,
): { close(): void; stop(): void } {
  const open = createSignal(false);
  const close = (): void => {
    keepFocus(popup);
    open.value = false;
  };
  const toggle = (): void => {
    if (open.peek()) close();
    else open.value = true;
  };
  const press = (event: KeyboardEvent): void => {
    if (staysInside(event, popup)) return;
    if (leaveByKey(event, button, close) || !moveFocus(menu, event.key)) return;
    event.preventDefault();
    event.stopPropagation();
  };
  button.addEventListener("click", toggle, { signal });
  popup.addEventListener("keydown", press, { signal });
  closeOutside([button, popup], close, signal);
  const stop = effect(() => {
    popup.hidden = !open.value;
    button.setAttribute("aria-expanded", String(open.value));
    if (open.value) untracked(() => first() ?? popup).focus();
  });
  return { close, stop };
}

/** Whether Tab goes to another part of the popup: one is left by it only from its ends. */
function staysInside(event: KeyboardEvent, popup: HTMLElement): boolean {
  if (event.key !== "Tab") return false;
  const stops = [
    ...popup.querySelectorAll<HTMLElement>("input, button:not(:disabled, [tabindex='-1'])"),
  ];
  const end = event.shiftKey ? stops[0] : stops.at(-1);
  return end !== undefined && focused() !== end;
}

/** Escape goes back to the button that opened a menu, Tab goes on from there; false for other keys. */
export function leaveByKey(event: KeyboardEvent, button: HTMLElement, close: () => void): boolean {
  if (event.key !== "Escape" && event.key !== "Tab") return false;
  close();
  button.focus();
  // The page itself takes the step of Tab.
  if (event.key === "Escape") event.preventDefault();
  event.stopPropagation();
  return true;
}

/** Calls `close` for a press anywhere but in these parts. */
export function closeOutside(
  parts: readonly HTMLElement[],
  close: () => void,
  signal: AbortSignal,
): void {
  const press = (event: Event): void => {
    const path = event.composedPath();
    if (!parts.some((part) => path.includes(part))) close();
  };
  document.addEventListener("pointerdown", press, { signal, capture: true });
}

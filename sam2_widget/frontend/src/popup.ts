// How a popup is walked through with keys, and how it is left.
import { focused } from "./dom.ts";

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

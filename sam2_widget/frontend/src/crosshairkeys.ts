// The keys of the crosshair, which go before those of the table while it is on.
import type { Crosshair } from "./crosshair.ts";

const MOVES: Record<string, readonly [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** Handles a key press if the crosshair is on and it was not meant for a field or a button. */
export function handleCrosshairKey(event: KeyboardEvent, crosshair: Crosshair): void {
  const { key, shiftKey, ctrlKey, metaKey, altKey } = event;
  if (!crosshair.isOn || event.defaultPrevented || ctrlKey || metaKey || altKey) return;
  const move = MOVES[key];
  const target = event.composedPath()[0];
  if ((!move && key !== "Enter") || isMeantFor(target, key)) return;
  if (move) crosshair.move(...move, shiftKey, event.repeat);
  else if (!event.repeat) crosshair.act(shiftKey);
  event.preventDefault();
  event.stopPropagation();
}

/** Fields and sliders have arrow keys of their own; buttons are pressed with Enter. */
function isMeantFor(target: EventTarget | undefined, key: string): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.matches("button, a, summary")) return key === "Enter";
  return target.matches("input, select, textarea, [role=slider]") || target.isContentEditable;
}

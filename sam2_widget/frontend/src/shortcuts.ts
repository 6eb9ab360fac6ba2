// Every key of the widget, as one table, and the rules for when keys are ours.
// After a change of the table `npm run shortcuts` renews what is made from it.
import { type Changes, type Keymap, keymapOf, keyText } from "./keymap.ts";

export interface Shortcut {
  action: Action;
  /** Mod is Ctrl or Cmd. The first is the one that is told in titles. */
  keys: readonly string[];
  text: string;
  /** Whether holding the key down repeats it. */
  repeats?: boolean;
}

export type Action =
  | "prev"
  | "next"
  | "back"
  | "forward"
  | "first"
  | "last"
  | "go-to"
  | "play"
  | "zoom-in"
  | "zoom-out"
  | "fit"
  | "actual-size"
  | "full-screen"
  | "outline"
  | "solo"
  | "peek"
  | "slower"
  | "faster"
  | "loop"
  | "point"
  | "box"
  | "brush"
  | "eraser"
  | "smaller"
  | "larger"
  | "keypoints"
  | "crosshair"
  | "name"
  | "occlude"
  | "copy-keypoints"
  | "next-gap"
  | "prev-suspect"
  | "next-suspect"
  | "prev-prompt"
  | "next-prompt"
  | "range-in"
  | "range-out"
  | "range-clear"
  | "remove"
  | "clear"
  | "undo"
  | "redo"
  | "rename"
  | "track"
  | "track-all"
  | "save"
  | "escape"
  | "cancel"
  | "help";

export const SHORTCUTS: readonly Shortcut[] = [
  { action: "prev", keys: ["ArrowLeft", ","], text: "Previous frame", repeats: true },
  { action: "next", keys: ["ArrowRight", "."], text: "Next frame", repeats: true },
  { action: "back", keys: ["Shift+ArrowLeft"], text: "10 frames back", repeats: true },
  { action: "forward", keys: ["Shift+ArrowRight"], text: "10 frames forward", repeats: true },
  { action: "first", keys: ["Home"], text: "First frame" },
  { action: "last", keys: ["End"], text: "Last frame" },
  { action: "go-to", keys: ["J"], text: "Go to a frame, or to a time" },
  { action: "play", keys: ["Space"], text: "Play or pause" },
  { action: "zoom-in", keys: ["+", "="], text: "Zoom in", repeats: true },
  { action: "zoom-out", keys: ["-"], text: "Zoom out", repeats: true },
  { action: "fit", keys: ["F"], text: "Show all of the picture" },
  { action: "actual-size", keys: ["1"], text: "One pixel of the video on one of the display" },
  { action: "full-screen", keys: ["Shift+F"], text: "Full screen" },
  { action: "outline", keys: ["W"], text: "Outlines only, or filled masks" },
  { action: "solo", keys: ["S"], text: "Show only this object, or all" },
  { action: "peek", keys: ["H"], text: "Hide masks and marks while held" },
  { action: "slower", keys: ["<"], text: "Play slower" },
  { action: "faster", keys: [">"], text: "Play faster" },
  { action: "loop", keys: ["R"], text: "Play in a loop" },
  { action: "point", keys: ["P"], text: "Point: click the object" },
  { action: "box", keys: ["B"], text: "Box: drag round the object" },
  { action: "brush", keys: ["D"], text: "Brush: paint what belongs to the object" },
  { action: "eraser", keys: ["E"], text: "Eraser: take away what does not belong" },
  { action: "smaller", keys: ["["], text: "Smaller brush", repeats: true },
  { action: "larger", keys: ["]"], text: "Larger brush", repeats: true },
  { action: "keypoints", keys: ["K"], text: "Keypoints: click named places" },
  { action: "crosshair", keys: ["A"], text: "Crosshair: annotate with arrow keys and Enter" },
  { action: "name", keys: ["L"], text: "Name the next keypoint" },
  { action: "occlude", keys: ["V"], text: "The selected keypoint is occluded, or visible" },
  { action: "copy-keypoints", keys: ["Shift+C"], text: "Copy the keypoints of the frame before" },
  { action: "next-gap", keys: ["G"], text: "Next frame without keypoints" },
  { action: "next-suspect", keys: ["N"], text: "Next suspect frame" },
  { action: "prev-suspect", keys: ["Shift+N"], text: "Previous suspect frame" },
  { action: "prev-prompt", keys: ["PageUp"], text: "Previous frame with prompts", repeats: true },
  { action: "next-prompt", keys: ["PageDown"], text: "Next frame with prompts", repeats: true },
  { action: "range-in", keys: ["I"], text: "The range begins at this frame" },
  { action: "range-out", keys: ["O"], text: "The range ends at this frame" },
  { action: "range-clear", keys: ["X"], text: "Clear the range" },
  { action: "remove", keys: ["Delete", "Backspace"], text: "Remove the selected point" },
  { action: "clear", keys: ["C"], text: "Clear this frame" },
  { action: "undo", keys: ["U", "Mod+Z"], text: "Undo", repeats: true },
  { action: "redo", keys: ["Mod+Shift+Z", "Mod+Y"], text: "Redo", repeats: true },
  { action: "rename", keys: ["F2"], text: "Rename this instance" },
  { action: "track", keys: ["T"], text: "Track this object through the video" },
  { action: "track-all", keys: ["Shift+T"], text: "Track all objects" },
  { action: "save", keys: ["Mod+S"], text: "Save" },
  { action: "escape", keys: ["Escape"], text: "Deselect, or cancel tracking" },
  { action: "cancel", keys: [], text: "Cancel tracking" },
  { action: "help", keys: ["?"], text: "All keys and what the mouse does" },
];

/** Returns false when there was nothing to do, so that the key is left to others. */
export type Actions = Record<Action, () => boolean | undefined>;

let keymap = keymapOf(SHORTCUTS);

/**
 * Takes the user's keys; before a view makes its parts, whose titles name keys.
 *
 * Where a page shares this module between widgets, titles have the keys of the last one.
 */
export function useKeys(changes: Changes = {}): Keymap {
  keymap = keymapOf(SHORTCUTS, changes);
  return keymap;
}

/** Handles a key press if it is one of the table and was not meant for a field or a button. */
export function handleKey(event: KeyboardEvent, actions: Actions, { byKey } = keymap): void {
  const shortcut = byKey.get(combination(event));
  if (!shortcut || event.defaultPrevented || isMeantFor(event.composedPath()[0], event)) return;
  const skipped = event.repeat && !shortcut.repeats;
  if (skipped || actions[shortcut.action]() !== false) claim(event);
}

/** Keeps the key from Jupyter and from the page. */
function claim(event: KeyboardEvent): void {
  event.preventDefault();
  event.stopPropagation();
}

/** A key press as the table writes it. */
export function combination({ key, ctrlKey, metaKey, altKey, shiftKey }: KeyboardEvent): string {
  // Keyboards differ in where signs and digits are: on Shift, Alt or AltGr, or on keys of their own.
  if (key.length === 1 && key !== " " && key.toUpperCase() === key.toLowerCase()) {
    return metaKey || (ctrlKey && !altKey) ? `Mod+${key}` : key;
  }
  const name = key === " " ? "Space" : key.length === 1 ? key.toUpperCase() : key;
  return [ctrlKey || metaKey ? "Mod" : "", altKey ? "Alt" : "", shiftKey ? "Shift" : "", name]
    .filter(Boolean)
    .join("+");
}

/** Fields get every key while one types in them; buttons get the keys that press them. */
export function isMeantFor(target: EventTarget | undefined, event: KeyboardEvent): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLButtonElement) return event.key === " " || event.key === "Enter";
  if (target instanceof HTMLInputElement) return target.type !== "range";
  return target.matches("select, textarea") || target.isContentEditable;
}

/** The title of a control: what it does and its key. */
export function titleOf(action: Action, text?: string): string {
  const key = keyOf(action);
  const words = text ?? shortcutOf(action)?.text ?? "";
  return key ? `${words} (${key})` : words;
}

/** The first key of an action as it is written, empty when it has none. */
export function keyOf(action: Action): string {
  return keyText(shortcutOf(action)?.keys[0] ?? "");
}

function shortcutOf(action: Action): Shortcut | undefined {
  return keymap.shortcuts.find((shortcut) => shortcut.action === action);
}

// Every key of the widget, as one table, and the rules for when keys are ours.

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
  | "play"
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
  | "remove"
  | "clear"
  | "undo"
  | "redo"
  | "rename"
  | "track"
  | "track-all"
  | "save"
  | "escape"
  | "cancel";

export const SHORTCUTS: readonly Shortcut[] = [
  { action: "prev", keys: ["ArrowLeft"], text: "Previous frame", repeats: true },
  { action: "next", keys: ["ArrowRight"], text: "Next frame", repeats: true },
  { action: "back", keys: ["Shift+ArrowLeft"], text: "10 frames back", repeats: true },
  { action: "forward", keys: ["Shift+ArrowRight"], text: "10 frames forward", repeats: true },
  { action: "first", keys: ["Home"], text: "First frame" },
  { action: "last", keys: ["End"], text: "Last frame" },
  { action: "play", keys: ["Space"], text: "Play or pause" },
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
];

/** Returns false when there was nothing to do, so that the key is left to others. */
export type Actions = Record<Action, () => boolean | undefined>;

const BY_KEY = new Map(
  SHORTCUTS.flatMap((shortcut) => shortcut.keys.map((key) => [key, shortcut])),
);

const LABELS: Record<string, string> = { ArrowLeft: "←", ArrowRight: "→", Mod: "Ctrl" };

/** Handles a key press if it is one of the table and was not meant for a field or a button. */
export function handleKey(event: KeyboardEvent, actions: Actions): void {
  const shortcut = BY_KEY.get(combination(event));
  if (!shortcut || event.defaultPrevented || isMeantFor(event.composedPath()[0], event)) return;
  const skipped = event.repeat && !shortcut.repeats;
  if (skipped || actions[shortcut.action]() !== false) claim(event);
}

/** Keeps the key from Jupyter and from the page. */
function claim(event: KeyboardEvent): void {
  event.preventDefault();
  event.stopPropagation();
}

function combination({ key, ctrlKey, metaKey, altKey, shiftKey }: KeyboardEvent): string {
  // Keyboards differ in where signs and digits are: on Shift, Alt or AltGr, or on keys of their own.
  if (key.length === 1 && key !== " " && key.toUpperCase() === key.toLowerCase()) {
    return metaKey || (ctrlKey && !altKey) ? `Mod+${key}` : key;
  }
  const name = key === " " ? "Space" : key.length === 1 ? key.toUpperCase() : key;
  return [ctrlKey || metaKey ? "Mod" : "", altKey ? "Alt" : "", shiftKey ? "Shift" : "", name]
    .filter(Boolean)
    .join("+");
}

/** Fields get every key while one types in them; buttons get the key that presses them. */
function isMeantFor(target: EventTarget | undefined, event: KeyboardEvent): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLButtonElement) return event.key === " ";
  if (target instanceof HTMLInputElement) return target.type !== "range";
  return target.matches("select, textarea") || target.isContentEditable;
}

/** The title of a control: what it does and its key. */
export function titleOf(action: Action, text?: string): string {
  const shortcut = SHORTCUTS.find((entry) => entry.action === action);
  const words = text ?? shortcut?.text ?? "";
  const key = shortcut?.keys[0]?.split("+").map((part) => LABELS[part] ?? part);
  return key ? `${words} (${key.join("+")})` : words;
}

// Which key does what once the user changed some, and how keys are written.
import type { Action, Shortcut } from "./shortcuts.ts";

/** The user's keys of actions, as the trait `shortcuts` has them; none takes an action's keys away. */
export type Changes = Readonly<Record<string, readonly string[]>>;

/** A key that the user took from one action and gave to another. */
export interface Moved {
  key: string;
  from: Shortcut;
  to: Shortcut;
}

export interface Keymap {
  shortcuts: readonly Shortcut[];
  byKey: ReadonlyMap<string, Shortcut>;
  /** The actions whose keys are the user's own. */
  own: ReadonlySet<Action>;
  moved: readonly Moved[];
}

/** The table with the user's keys in it; the actions that had them by default lose them. */
export function keymapOf(table: readonly Shortcut[], changes: Changes = {}): Keymap {
  const changed = table.filter(({ action }) => Object.hasOwn(changes, action));
  const owned = changed.map((shortcut) => ({ ...shortcut, keys: changes[shortcut.action] ?? [] }));
  const byOwnKey = indexed(owned);
  const shortcuts = table.map((shortcut) => {
    const mine = owned.find(({ action }) => action === shortcut.action);
    return mine ?? { ...shortcut, keys: shortcut.keys.filter((key) => !byOwnKey.has(key)) };
  });
  const moved = table
    .filter((shortcut) => !changed.includes(shortcut))
    .flatMap((from) =>
      from.keys.flatMap((key) => {
        const to = byOwnKey.get(key);
        return to ? [{ key, from, to }] : [];
      }),
    );
  const own = new Set(changed.map(({ action }) => action));
  return { shortcuts, byKey: indexed(shortcuts), own, moved };
}

function indexed(shortcuts: readonly Shortcut[]): Map<string, Shortcut> {
  return new Map(shortcuts.flatMap((shortcut) => shortcut.keys.map((key) => [key, shortcut])));
}

/** What became of keys, in one sentence; null when none has another meaning. */
export function movedText(moved: readonly Moved[]): string | null {
  const [first] = moved;
  if (!first) return null;
  if (moved.length === 1) return sentenceOf(first);
  const keys = moved.map(({ key }) => keyText(key)).join(", ");
  return `${keys} have another meaning here than by default: see the help.`;
}

export function sentenceOf({ key, from, to }: Moved): string {
  return `${keyText(key)} is “${to.text}” here, and no longer “${from.text}”.`;
}

const LABELS: Record<string, string> = {
  ArrowLeft: "←",
  ArrowRight: "→",
  ArrowUp: "↑",
  ArrowDown: "↓",
  PageUp: "Page Up",
  PageDown: "Page Down",
};

/** The keys of a combination, as they are called: "Mod+Shift+Z" is Ctrl, Shift, Z. */
export function keyParts(key: string, mod = modName()): string[] {
  const parts = key.match(/[^+]+|\+$/g) ?? [];
  return parts.map((part) => (part === "Mod" ? mod : (LABELS[part] ?? part)));
}

/** "Ctrl+Shift+Z". */
export function keyText(key: string): string {
  return keyParts(key).join("+");
}

/** The key that Mod is on this machine. */
export function modName(): string {
  return /mac/i.test(navigator.platform) ? "Cmd" : "Ctrl";
}

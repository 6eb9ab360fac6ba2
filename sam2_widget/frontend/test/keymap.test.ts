import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { keymapOf, keyText, movedText, sentenceOf } from "../src/keymap.ts";
import { pythonFile, renewedReadme } from "../src/shortcutdocs.ts";
import { groupedShortcuts } from "../src/shortcutgroups.ts";
import { keyOf, SHORTCUTS, titleOf, useKeys } from "../src/shortcuts.ts";

const PACKAGE = resolve(import.meta.dirname, "../..");

afterEach(() => {
  useKeys();
  vi.unstubAllGlobals();
});

const keysOf = (changes: Record<string, string[]>, action: string): readonly string[] =>
  keymapOf(SHORTCUTS, changes).shortcuts.find((shortcut) => shortcut.action === action)?.keys ?? [];

test("an action's new keys take the place of all its old ones", () => {
  const { byKey } = keymapOf(SHORTCUTS, { undo: ["Z"] });
  expect(byKey.get("Z")?.action).toBe("undo");
  expect([byKey.get("U"), byKey.get("Mod+Z")]).toEqual([undefined, undefined]);
});

test("a key that was another action's is taken from it, which is told", () => {
  const { moved } = keymapOf(SHORTCUTS, { track: ["U"] });
  expect(keysOf({ track: ["U"] }, "undo")).toEqual(["Mod+Z"]);
  expect(moved.map(sentenceOf)).toEqual([
    "U is “Track this object through the video” here, and no longer “Undo”.",
  ]);
  expect(movedText(moved)).toBe(sentenceOf(moved[0] as never));
});

test("actions that swap their keys take none from each other", () => {
  const { moved } = keymapOf(SHORTCUTS, { undo: ["T"], track: ["U"] });
  expect(movedText(moved)).toBeNull();
});

test("several keys with another meaning are told in one sentence", () => {
  const { moved } = keymapOf(SHORTCUTS, { undo: ["T", "Shift+T"] });
  expect(movedText(moved)).toBe(
    "T, Shift+T have another meaning here than by default: see the help.",
  );
});

test("an action can be without a key, and no action can be changed that there is not", () => {
  expect(keysOf({ clear: [] }, "clear")).toEqual([]);
  expect(keymapOf(SHORTCUTS, { fly: ["Y"], constructor: ["Z"] }).own.size).toBe(0);
});

test("titles have the user's keys", () => {
  useKeys({ undo: ["Mod+Shift+Z"], clear: [] });
  expect([titleOf("undo"), titleOf("clear")]).toEqual(["Undo (Ctrl+Shift+Z)", "Clear this frame"]);
  expect([keyOf("clear"), keyOf("track")]).toEqual(["", "T"]);
});

test("Mod is Cmd on a Mac", () => {
  vi.stubGlobal("navigator", { platform: "MacIntel" });
  expect(keyText("Mod+Shift+Z")).toBe("Cmd+Shift+Z");
});

test.each([
  ["+", "+"],
  ["Mod++", "Ctrl++"],
  ["Shift+ArrowLeft", "Shift+←"],
  ["PageUp", "Page Up"],
])("%s is written %s", (key, text) => {
  expect(keyText(key)).toBe(text);
});

test("the groups hold every action that has a key, once", () => {
  const grouped = groupedShortcuts(keymapOf(SHORTCUTS)).flatMap(([, listed]) => listed);
  const withKeys = SHORTCUTS.filter(({ keys }) => keys.length > 0).map(({ action }) => action);
  expect(grouped.map(({ action }) => action).sort()).toEqual([...withKeys].sort());
});

test("an action that lost its keys stays in the groups", () => {
  const listed = groupedShortcuts(keymapOf(SHORTCUTS, { clear: [], undo: ["T"] })).flatMap(
    ([, shortcuts]) => shortcuts.filter(({ keys }) => keys.length === 0),
  );
  expect(listed.map(({ action }) => action)).toEqual(["clear", "track"]);
});

test("the README's table is made from the shortcuts: run `npm run shortcuts`", () => {
  const readme = readFileSync(resolve(PACKAGE, "../README.md"), "utf8");
  expect(readme).toBe(renewedReadme(readme));
});

test("Python knows the same actions and keys: run `npm run shortcuts`", () => {
  expect(readFileSync(resolve(PACKAGE, "shortcuts.json"), "utf8")).toBe(pythonFile());
});

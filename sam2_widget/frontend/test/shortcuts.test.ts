import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Action, type Actions, handleKey, SHORTCUTS, titleOf } from "../src/shortcuts.ts";

let done: Action[];
let page: string[];
let root: HTMLElement;

beforeEach(() => {
  done = [];
  page = [];
  const actions = Object.fromEntries(
    SHORTCUTS.map(({ action }) => [
      action,
      () => {
        done.push(action);
        return action !== "escape";
      },
    ]),
  ) as Actions;
  root = document.createElement("div");
  root.addEventListener("keydown", (event) => handleKey(event, actions));
  document.body.append(root);
  document.body.onkeydown = (event) => page.push(event.key);
});
afterEach(() => {
  document.body.replaceChildren();
  document.body.onkeydown = null;
});

function press(
  key: string,
  options: KeyboardEventInit = {},
  target: Element = root,
): KeyboardEvent {
  const event = new KeyboardEvent("keydown", {
    key,
    bubbles: true,
    cancelable: true,
    composed: true,
    ...options,
  });
  target.dispatchEvent(event);
  return event;
}

function child(html: string): Element {
  root.innerHTML = html;
  return root.children[0] as Element;
}

test.each<[string, KeyboardEventInit, Action]>([
  ["u", {}, "undo"],
  ["U", {}, "undo"],
  ["z", { ctrlKey: true }, "undo"],
  ["z", { metaKey: true }, "undo"],
  ["Z", { ctrlKey: true, shiftKey: true }, "redo"],
  ["y", { ctrlKey: true }, "redo"],
  ["t", {}, "track"],
  ["ArrowLeft", {}, "prev"],
  ["ArrowRight", { shiftKey: true }, "forward"],
  ["Home", {}, "first"],
  [",", {}, "prev"],
  [".", {}, "next"],
  ["<", { shiftKey: true }, "slower"],
  [">", { shiftKey: true }, "faster"],
  ["?", { shiftKey: true }, "help"],
  ["r", {}, "loop"],
  ["j", {}, "go-to"],
  [" ", {}, "play"],
  ["p", {}, "point"],
  ["b", {}, "box"],
  ["d", {}, "brush"],
  ["e", {}, "eraser"],
  ["[", {}, "smaller"],
  ["]", {}, "larger"],
  ["[", { altKey: true }, "smaller"],
  ["]", { altKey: true, ctrlKey: true }, "larger"],
  ["Delete", {}, "remove"],
  ["Backspace", {}, "remove"],
  ["c", {}, "clear"],
])("%s %j is %s, and stays in the widget", (key, options, action) => {
  const event = press(key, options);
  expect(done).toEqual([action]);
  expect(event.defaultPrevented).toBe(true);
  expect(page).toEqual([]);
});

test.each<[string, KeyboardEventInit]>([
  ["Tab", {}],
  ["q", {}],
  ["u", { ctrlKey: true }],
  ["u", { altKey: true }],
  ["c", { ctrlKey: true }],
  ["[", { metaKey: true }],
])("%s %j is left alone", (key, options) => {
  const event = press(key, options);
  expect(done).toEqual([]);
  expect(event.defaultPrevented).toBe(false);
});

test("Escape is left alone when there is nothing to cancel", () => {
  expect(press("Escape").defaultPrevented).toBe(false);
  expect(page).toEqual(["Escape"]);
});

test.each([
  "<input type=number>",
  "<input type=text>",
  "<select></select>",
  "<textarea></textarea>",
])("typing in %s is not a shortcut", (html) => {
  const field = child(html);
  for (const key of ["u", "t", " ", "ArrowLeft", "Home"]) press(key, {}, field);
  expect(done).toEqual([]);
});

test("the slider has no keys of its own", () => {
  press("ArrowLeft", {}, child("<input type=range>"));
  expect(done).toEqual(["prev"]);
});

test("a focused button is pressed by space and Enter, all else is a shortcut", () => {
  const button = child("<button></button>");
  expect(press(" ", {}, button).defaultPrevented).toBe(false);
  expect(press("Enter", {}, button).defaultPrevented).toBe(false);
  press("u", {}, button);
  expect(done).toEqual(["undo"]);
});

test("holding a key repeats steps, but not tracking", () => {
  const actions = vi.fn();
  root.addEventListener("keydown", actions);
  press("ArrowRight", { repeat: true });
  const event = press("t", { repeat: true });
  expect(done).toEqual(["next"]);
  expect(event.defaultPrevented).toBe(true);
});

test("no key has two meanings, and every action has words", () => {
  const keys = SHORTCUTS.flatMap((shortcut) => shortcut.keys);
  expect(new Set(keys).size).toBe(keys.length);
  expect(SHORTCUTS.every(({ text }) => text.length > 3)).toBe(true);
});

test("titles say what and with which key", () => {
  expect(titleOf("undo", "Undo: point")).toBe("Undo: point (U)");
  expect(titleOf("forward")).toBe("10 frames forward (Shift+→)");
  expect(titleOf("cancel")).toBe("Cancel tracking");
});

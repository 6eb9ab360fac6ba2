import { afterEach, expect, test } from "vitest";
import { h } from "../src/dom.ts";
import { usePopup } from "../src/popup.ts";

afterEach(() => document.body.replaceChildren());

function build(...parts: HTMLElement[]) {
  const button = h("button", { type: "button" }, "Open");
  const popup = h("div", { tabindex: -1 }, ...parts);
  document.body.append(button, popup);
  const stop = new AbortController();
  const used = usePopup({ button, popup, first: () => parts[0] }, stop.signal);
  return { button, popup, ...used };
}

const item = (text: string, tabindex = 0) => h("button", { type: "button", tabindex }, text);

function press(key: string, shiftKey = false): KeyboardEvent {
  const options = { key, shiftKey, bubbles: true, cancelable: true };
  const event = new KeyboardEvent("keydown", options);
  document.activeElement?.dispatchEvent(event);
  return event;
}

test("the button opens it, its first part has the focus, and the button closes it again", () => {
  const first = item("a");
  const { button, popup } = build(first);
  expect(popup.hidden).toBe(true);
  button.click();
  expect(popup.hidden).toBe(false);
  expect(button.getAttribute("aria-expanded")).toBe("true");
  expect(document.activeElement).toBe(first);
  button.click();
  expect(popup.hidden).toBe(true);
});

test("Tab walks through a dialog and leaves it from its ends, to the button's place", () => {
  const slider = h("input", { type: "range" });
  const { button, popup } = build(slider, item("a"), item("b"));
  button.click();
  expect(press("Tab").defaultPrevented).toBe(false);
  expect(popup.hidden).toBe(false);
  press("ArrowDown");
  press("End");
  expect(document.activeElement?.textContent).toBe("b");
  expect(press("Tab").defaultPrevented).toBe(false);
  expect(popup.hidden).toBe(true);
  expect(document.activeElement).toBe(button);
  button.click();
  press("Tab", true);
  expect(popup.hidden).toBe(true);
});

test("Tab leaves a menu, whose items the arrow keys walk through, from any of them", () => {
  const { button, popup } = build(item("a", -1), item("b", -1));
  button.click();
  press("ArrowDown");
  expect(document.activeElement?.textContent).toBe("b");
  press("Tab");
  expect(popup.hidden).toBe(true);
  expect(document.activeElement).toBe(button);
});

test("Escape and a press elsewhere close it", () => {
  const { button, popup } = build(item("a"));
  button.click();
  expect(press("Escape").defaultPrevented).toBe(true);
  expect(popup.hidden).toBe(true);
  expect(document.activeElement).toBe(button);
  button.click();
  document.body.dispatchEvent(new Event("pointerdown", { bubbles: true, composed: true }));
  expect(popup.hidden).toBe(true);
});
